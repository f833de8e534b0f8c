import { describe, expect, it } from 'vitest';
import type { Visit } from './admission.ts';
import { Admission } from './admission.ts';
import { RateLimiter } from './rate-limiter.ts';

const LIMITS = { bodyBytes: 100, bodyBytesPerCaller: 60, bodyBytesOfStrangers: 70 };

function admission({ requests = 1000, bytes = 1e6, clientBytes = 1e6 } = {}): Admission {
  const rates = {
    requests: new RateLimiter(1e-3, requests),
    bytes: new RateLimiter(1e-3, bytes),
    clientBytes: new RateLimiter(1e-3, clientBytes),
  };
  return new Admission(LIMITS, rates);
}

function enter(gate: Admission, client: string | null, origin = 'here'): Visit {
  const visit = gate.enter(client, origin);
  if ('status' in visit) throw new Error(`${visit.status}`);
  return visit;
}

describe('requests of strangers', () => {
  it('are counted by address, and those of clients are not', () => {
    const gate = admission({ requests: 2 });
    enter(gate, null);
    enter(gate, null);
    const refused = gate.enter(null, 'here');
    expect(refused).toMatchObject({ status: 429, retryAfterMs: expect.any(Number) as number });
    enter(gate, null, 'elsewhere');
    for (let i = 0; i < 5; i++) expect(enter(gate, 'c').caller).toBe('client c');
  });

  it('that turn out to be a client’s are given back, bytes too, once', () => {
    const gate = admission({ requests: 1, bytes: 50 });
    for (let i = 0; i < 5; i++) {
      const visit = enter(gate, null);
      expect(visit.caller).toBe('origin here');
      expect(visit.hold(40)).toBeNull();
      visit.vouch('c');
      visit.vouch('c');
      expect(visit.hold(20)).toBeNull();
      visit.leave();
    }
    const stranger = enter(gate, null);
    expect(stranger.hold(40)).toBeNull();
    expect(stranger.hold(20)).toMatchObject({ status: 429 });
    expect(gate.enter(null, 'here')).toMatchObject({ status: 429 });
  });
});

describe('bytes of clients', () => {
  it('are counted by name, and not against where they come from', () => {
    const gate = admission({ clientBytes: 50, bytes: 0 });
    const visit = enter(gate, 'c');
    expect(visit.hold(40)).toBeNull();
    expect(visit.hold(20)).toMatchObject({ status: 429, retryAfterMs: expect.any(Number) as number });
    visit.leave();
    expect(enter(gate, 'c', 'elsewhere').hold(20)).toMatchObject({ status: 429 });
    expect(enter(gate, 'other').hold(20)).toBeNull();
  });

  it('are the client’s, too, where its token is only in what it sends, or else its address has paid for them', () => {
    const gate = admission({ clientBytes: 50, bytes: 100 });
    for (const sent of [40, 40]) {
      const visit = enter(gate, null);
      expect(visit.hold(sent)).toBeNull();
      visit.vouch('c');
      visit.leave();
    }
    expect(enter(gate, 'c').hold(20)).toMatchObject({ status: 429 });
    // Of its hundred, the first forty were given back.
    expect(enter(gate, null).hold(60)).toBeNull();
    expect(enter(gate, null).hold(1)).toMatchObject({ status: 429 });
  });
});

describe('bodies', () => {
  it('of strangers leave room for those of clients, wherever they come from', () => {
    const gate = admission();
    const [first, second, third] = ['a', 'b', 'c'].map((origin) => enter(gate, null, origin));
    expect(first!.hold(35)).toBeNull();
    expect(second!.hold(35)).toBeNull();
    expect(third!.hold(1)).toMatchObject({ status: 503 });
    const client = enter(gate, 'a');
    expect(client.hold(30)).toBeNull();
    // What was refused for want of room in all does not count as held.
    first!.leave();
    expect(enter(gate, 'b').hold(30)).toBeNull();
    expect(third!.hold(20)).toMatchObject({ status: 503 });
    expect(third!.hold(5)).toBeNull();
    for (const visit of [second!, third!]) visit.leave();
    client.leave();
    const again = enter(gate, null);
    expect(again.hold(60)).toBeNull();
    expect(enter(gate, null, 'd').hold(10)).toBeNull();
  });

  it('are held within the share of a caller and the budget of all, until they are answered', () => {
    const gate = admission();
    const [first, second, other] = [enter(gate, null), enter(gate, null), enter(gate, 'c')];
    expect(first.hold(40)).toBeNull();
    expect(second.hold(21)).toMatchObject({ status: 503 });
    expect(second.hold(20)).toBeNull();
    expect(other.hold(41)).toMatchObject({ status: 503 });
    expect(other.hold(40)).toBeNull();
    expect(gate.bodyBytes).toBe(100);
    first.leave();
    first.leave();
    expect(gate.bodyBytes).toBe(60);
    expect(second.hold(40)).toBeNull();
    for (const visit of [second, other]) visit.leave();
    expect(gate.bodyBytes).toBe(0);
  });
});

/** Whose turn it is: tried with jobs that end one after another, and with clocks of the test's own. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FairTurns, type TurnOptions } from './fair-turns.ts';

const OPTIONS: TurnOptions = { concurrencyPerClient: 1, quantum: 1, quantumMs: 0 };

interface Entry {
  readonly clientId: string;
  readonly name: string;
}
const entry = (name: string): Entry => ({ clientId: name[0]!, name });

/**
 * The order in which jobs "a0", "a1", "b0", … run, of which the first runs before anybody waits, and so many at once.
 * @param took called as each ends
 */
function orderOf(
  options: Partial<TurnOptions>,
  jobs: readonly string[],
  atOnce = 1,
  took: (name: string) => void = () => undefined,
): string[] {
  const turns = new FairTurns<Entry>({ ...OPTIONS, ...options });
  const order: string[] = [];
  const running: Entry[] = [];
  const start = (): void => {
    while (running.length < atOnce) {
      const next = turns.next();
      if (next === null) return;
      order.push(next.name);
      running.push(next);
    }
  };
  for (const job of jobs) {
    turns.push(entry(job));
    start();
  }
  for (let ended = running.shift(); ended !== undefined; ended = running.shift()) {
    took(ended.name);
    turns.ended(ended);
    start();
  }
  return order;
}

afterEach(() => void vi.restoreAllMocks());

describe('turns', () => {
  it('go from client to client, and keep order within each', () => {
    expect(orderOf({}, ['a0', 'a1', 'a2', 'b0', 'b1', 'c0'])).toEqual(['a0', 'a1', 'b0', 'c0', 'a2', 'b1']);
  });

  it('are of a few jobs in a row, but of no more while others wait', () => {
    const order = orderOf({ quantum: 2 }, ['a0', 'a1', 'a2', 'a3', 'b0', 'b1', 'b2']);
    expect(order).toEqual(['a0', 'a1', 'a2', 'b0', 'b1', 'a3', 'b2']);
  });

  it('go on while they are young if jobs are short, and then pass on', () => {
    const jobs = ['a0', 'a1', 'a2', 'a3', 'b0', 'b1'];
    expect(orderOf({ quantumMs: 60_000 }, jobs)).toEqual(jobs);
    // a0 runs before anybody waits; a1 may load, which is not counted; a2 uses the moment up, and then it is b's turn.
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    const took = (name: string): void => void (now += name === 'a1' || name === 'a2' ? 80 : 0);
    expect(orderOf({ quantumMs: 50 }, ['a0', 'a1', 'a2', 'a3', 'a4', 'b0'], 1, took)).toEqual([
      ...['a0', 'a1', 'a2', 'a3', 'b0', 'a4'],
    ]);
  });

  it('starve nobody when several run at once', () => {
    const jobs = ['a', 'b', 'c'].flatMap((client) => Array.from({ length: 12 }, (_, i) => `${client}${i}`));
    const order = orderOf({ quantum: 3 }, jobs, 2);
    expect(order).toHaveLength(36);
    expect(order.findIndex((name) => name.startsWith('c'))).toBeLessThan(9);
  });

  it('are taken by so many jobs of a client at once as may be', () => {
    const turns = new FairTurns<Entry>({ ...OPTIONS, concurrencyPerClient: 2 });
    for (const name of ['a0', 'a1', 'a2']) turns.push(entry(name));
    const first = turns.next()!;
    expect([first.name, turns.next()?.name, turns.next()]).toEqual(['a0', 'a1', null]);
    turns.ended(first);
    expect([turns.next()?.name, turns.next()]).toEqual(['a2', null]);
  });

  it('say who is ahead, of one that waits', () => {
    const turns = new FairTurns<Entry>(OPTIONS);
    const entries = ['a0', 'a1', 'a2', 'b0', 'b1', 'c0'].map(entry);
    for (const each of entries) turns.push(each);
    expect(entries.map((each) => turns.ahead(each))).toEqual([2, 4, 5, 2, 4, 2]);
    expect([turns.remove(entries[1]!), turns.remove(entries[1]!)]).toEqual([true, false]);
    expect(turns.ahead(entries[1]!)).toBeNull();
    expect(turns.ahead(entries[2]!)).toBe(4);
    expect(turns.next()).toBe(entries[0]);
    expect([turns.ahead(entries[0]!), turns.remove(entries[0]!)]).toEqual([null, false]);
  });
});

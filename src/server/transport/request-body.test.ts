/** Bodies by themselves: what is refused while it arrives, and what is waited for. */
import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MESSAGE_BOUNDS, readJsonBody } from './request-body.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

function arriving(): PassThrough & IncomingMessage {
  return Object.assign(new PassThrough(), { headers: JSON_TYPE }) as unknown as PassThrough & IncomingMessage;
}

const limits = { bytes: 1e6, hold: () => null };

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('a body', () => {
  it('of more values than any message has is not parsed, whatever its size', async () => {
    const parse = vi.spyOn(JSON, 'parse');
    const keys = Array.from({ length: MESSAGE_BOUNDS.nodes }, (_, i) => `"${i}":0`).join(',');
    for (const [text, why] of [
      [`{"jsonrpc":"2.0","params":{${keys}}}`, 'too many values'],
      ['['.repeat(MESSAGE_BOUNDS.depth + 1), 'nested too deeply'],
    ] as const) {
      const request = arriving();
      request.end(text);
      expect(await readJsonBody(request, limits)).toEqual({
        ok: false,
        refuse: { status: 400, code: -32600, message: `Invalid Request: ${why}` },
      });
    }
    expect(parse).not.toHaveBeenCalled();
  });

  it('that is refused while it arrives is read to its end, and nothing of it kept', async () => {
    const refuse = { status: 503, code: -32000, message: 'full' };
    const hold = vi.fn().mockReturnValueOnce(null).mockReturnValueOnce(refuse);
    const request = arriving();
    const body = readJsonBody(request, { bytes: 1e6, hold });
    for (const piece of ['{"a":', '1,"b":', '2}']) {
      request.write(piece);
      await vi.waitFor(() => expect(request.readableLength).toBe(0));
    }
    request.end();
    expect(await body).toEqual({ ok: false, refuse });
    expect(hold.mock.calls.flat()).toEqual([5, 6]);
    expect(request.readableEnded).toBe(true);
  });

  it('that hardly comes is given up; one that comes slowly is not', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const [idle, slow] = [arriving(), arriving()];
    idle.on('error', () => undefined);
    const bodies = [readJsonBody(idle, limits), readJsonBody(slow, limits)];
    slow.write(`"${'x'.repeat(512 * 1024)}`);
    idle.write('"');
    await vi.waitFor(() => expect(slow.readableLength + idle.readableLength).toBe(0));
    vi.advanceTimersByTime(10_000);
    expect(idle.destroyed).toBe(false);
    vi.advanceTimersByTime(20_000);
    expect([idle.destroyed, slow.destroyed]).toEqual([true, false]);
    slow.end('"');
    expect((await Promise.all(bodies)).map(({ ok }) => ok)).toEqual([false, true]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

/** The line of strangers, on a clock that stands still. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { StrangerTurns } from './stranger-turns.ts';

const OPTIONS = { waiting: 5, waitingPerOrigin: 3, longestMs: 25, pause: 2, clientMs: 1000 };

beforeEach(() => vi.useFakeTimers({ now: 0 }));
afterEach(() => vi.useRealTimers());

function line() {
  const turns = new StrangerTurns(OPTIONS, () => Date.now());
  const begun: number[] = [];
  const ends = new Map<number, () => void>();
  return {
    turns,
    begun,
    ends,
    /** False if the line is too long. */
    stand: (who: number, from = 'a'): boolean => {
      const turn = turns.take(from);
      void turn?.then((end) => {
        begun.push(who);
        ends.set(who, end);
      });
      return turn !== null;
    },
  };
}

it('begins one at a time, in the order of their coming', async () => {
  const { begun, ends, stand } = line();
  for (const who of [1, 2, 3]) stand(who);
  await vi.advanceTimersByTimeAsync(10);
  expect(begun).toEqual([1]);
  ends.get(1)!();
  await vi.advanceTimersByTimeAsync(1);
  expect(begun).toEqual([1, 2]);
});

it('waits for none that only waits itself', async () => {
  const { begun, stand } = line();
  for (const who of [1, 2]) stand(who);
  await vi.advanceTimersByTimeAsync(24);
  expect(begun).toEqual([1]);
  await vi.advanceTimersByTimeAsync(2);
  expect(begun).toEqual([1, 2]);
});

it('pauses after each while a client is served, and not when there is none', async () => {
  const { turns, begun, ends, stand } = line();
  turns.clientSeen();
  for (const who of [1, 2, 3]) stand(who);
  await vi.advanceTimersByTimeAsync(10);
  ends.get(1)!();
  await vi.advanceTimersByTimeAsync(19);
  expect(begun).toEqual([1]);
  await vi.advanceTimersByTimeAsync(2);
  expect(begun).toEqual([1, 2]);
  vi.setSystemTime(2000);
  ends.get(2)!();
  await vi.advanceTimersByTimeAsync(1);
  expect(begun).toEqual([1, 2, 3]);
});

it('refuses those who come when it is too long', async () => {
  const { stand } = line();
  const from = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  expect(from.map((address, who) => stand(who, address))).toEqual([...Array<boolean>(6).fill(true), false]);
});

it('is no longer for others because of one address, however many come from it', async () => {
  const { begun, stand } = line();
  expect([0, 1, 2, 3, 4].map((who) => stand(who))).toEqual([true, true, true, true, false]);
  expect(stand(5, 'b')).toBe(true);
  expect(stand(6, 'b')).toBe(true);
  for (let turn = 0; turn < 6; turn++) await vi.advanceTimersByTimeAsync(26);
  expect(begun).toEqual([0, 1, 5, 2, 6, 3]);
});

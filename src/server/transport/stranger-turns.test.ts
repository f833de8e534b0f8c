/** The line of strangers, on a clock that stands still. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { TurnOptions } from './stranger-turns.ts';
import { StrangerTurns } from './stranger-turns.ts';

const OPTIONS = {
  ...{ waiting: 5, waitingPerOrigin: 3, patienceMs: 1000, longestMs: 25, pause: 2, clientMs: 1000 },
  ...{ mostAsked: 100, memoryMs: 60_000 },
};

beforeEach(() => vi.useFakeTimers({ now: 0 }));
afterEach(() => vi.useRealTimers());

function line(options: Partial<TurnOptions> = {}) {
  const turns = new StrangerTurns({ ...OPTIONS, ...options }, () => Date.now());
  const begun: number[] = [];
  const refused: number[] = [];
  const ends = new Map<number, () => void>();
  return {
    turns,
    begun,
    refused,
    ends,
    stand: (who: number, from = '192.0.2.1'): void => {
      void turns.take(from).then((end) => {
        if (end === null) return refused.push(who);
        begun.push(who);
        return ends.set(who, end);
      });
    },
    /** So many turns, each as long as one may be. */
    pass: async (count: number): Promise<void> => {
      for (let turn = 0; turn < count; turn++) await vi.advanceTimersByTimeAsync(26);
    },
  };
}

/** Of a network that nobody else is of. */
const far = (index: number): string => `198.51.${index}.1`;

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
  const { stand, begun, refused, pass } = line();
  for (let who = 0; who < 7; who++) stand(who, far(who));
  await pass(7);
  expect(refused).toEqual([6]);
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
});

it('is no longer for others because of one address, however many come from it', async () => {
  const { begun, refused, stand, pass } = line();
  for (let who = 0; who < 5; who++) stand(who);
  await vi.advanceTimersByTimeAsync(0);
  expect(refused).toEqual([4]);
  for (const who of [5, 6]) stand(who, far(1));
  await pass(7);
  expect(refused).toEqual([4]);
  expect(begun).toEqual([0, 5, 6, 1, 2, 3]);
});

it('takes turns between those who ask often alike', async () => {
  const { begun, stand, pass } = line({ mostAsked: 1 });
  for (const who of [0, 1, 2]) stand(who);
  for (const who of [3, 4]) stand(who, far(1));
  await pass(5);
  expect(begun).toEqual([0, 1, 3, 2, 4]);
});

it('takes turns between networks, though one has more addresses', async () => {
  const { begun, stand, pass } = line({ mostAsked: 1 });
  for (let who = 0; who < 4; who++) stand(who, `192.0.2.${who}`);
  for (const who of [4, 5]) stand(who, far(1));
  await pass(6);
  expect(begun).toEqual([0, 1, 4, 2, 5, 3]);
});

it('is no longer for others because of one network, though each of its addresses stands in it once', async () => {
  const { begun, stand, pass } = line();
  for (let who = 0; who < 4; who++) stand(who, `192.0.2.${who}`);
  for (let who = 4; who < 6; who++) stand(who, far(1));
  await pass(6);
  expect(begun).toEqual([0, 4, 5, 1, 2, 3]);
});

it('lets the addresses of a network have turns alike', async () => {
  const { begun, stand, pass } = line();
  for (const who of [0, 1, 2]) stand(who, '192.0.2.1');
  for (const who of [3, 4]) stand(who, '192.0.2.2');
  await pass(5);
  expect(begun).toEqual([0, 1, 3, 2, 4]);
});

it('keeps nobody longer than it says', async () => {
  const { turns, begun, refused, stand, ends } = line({ patienceMs: 100, longestMs: 60 });
  turns.clientSeen();
  for (const who of [0, 1]) stand(who, far(who));
  await vi.advanceTimersByTimeAsync(99);
  expect(refused).toEqual([]);
  await vi.advanceTimersByTimeAsync(2);
  expect(refused).toEqual([1]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(begun).toEqual([0]);
  // Whose turn has come is not refused any more.
  ends.get(0)!();
  expect(refused).toEqual([1]);
});

it('lets a network that has asked little go before those that come again and again, also when it is full', async () => {
  const { begun, refused, stand, pass } = line();
  let who = 0;
  // However few turns there are for each: six at most are begun here.
  for (let round = 0; round < 4; round++)
    for (let network = 0; network < 6; network++) stand(who++, far(network));
  await vi.advanceTimersByTimeAsync(0);
  expect([begun.length, refused.length]).toEqual([1, 18]);
  for (const newcomer of [100, 101]) stand(newcomer, far(99));
  await pass(2);
  expect(begun.slice(1, 3)).toEqual([100, 101]);
  expect(refused).toHaveLength(20);
  // When it has asked as often as they have, it waits like them.
  for (const again of [102, 103, 104]) stand(again, far(99));
  await pass(1);
  expect(begun.at(-1)).toBeLessThan(100);
});

it('forgets who has asked after a while', async () => {
  const { begun, stand, pass } = line({ memoryMs: 500 });
  for (const who of [0, 1]) stand(who, far(0));
  await pass(2);
  await vi.advanceTimersByTimeAsync(1100);
  for (const who of [2, 3]) stand(who, far(9));
  await vi.advanceTimersByTimeAsync(600);
  for (const [who, network] of [
    [4, 8],
    [5, 9],
    [6, 0],
    [7, 7],
  ] as const)
    stand(who, far(network));
  await pass(4);
  // What is long ago does not count; what is not, does.
  expect(begun).toEqual([0, 1, 2, 3, 4, 6, 7, 5]);
});

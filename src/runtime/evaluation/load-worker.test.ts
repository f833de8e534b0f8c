/** Keys on their way to a worker: each alone, though they come out of one file, and the file stays whole. */
import { expect, it } from 'vitest';
import type { Program } from '../../program/program.ts';
import { smallArtifact } from '../../program/testing/small-artifact.ts';
import type { EvaluationKeys } from '../formats/evaluation-keys.ts';
import { encodeEvaluationKeys, parseEvaluationKeys, readEvaluationKeys } from '../formats/evaluation-keys.ts';
import { Cancellation } from '../workers/control.ts';
import { loadKeys, type EvaluationProgress } from './load-worker.ts';
import type { EvaluationWorker } from './placement.ts';

const of = (length: number): Uint8Array => new Uint8Array(length).fill(length);
const keys: EvaluationKeys = {
  scheme: 'ckks',
  parametersDigest: 'ab'.repeat(32),
  keySet: 'cd'.repeat(16),
  rotations: [1, 2].map((step) => ({ step, level: 3, bytes: of(10 + step) })),
  relinearization: { level: 3, bytes: of(20) },
  refresh: {
    conjugation: { level: 3, bytes: of(30) },
    raise: { level: 3, encapsulation: of(31), decapsulation: of(32) },
  },
};
const program: Program = { ...smallArtifact().program, refreshKeys: { conjugationLevel: 3, raiseLevel: 3 } };

async function load(found: EvaluationKeys, wanted = program, take = false) {
  const calls: { method: string; argument: object; bytes: number[] }[] = [];
  const progress: EvaluationProgress[] = [];
  const worker = {
    call: (method: string, argument: object, transfer: readonly ArrayBuffer[]) => {
      const moved = transfer.map((buffer) => structuredClone(buffer, { transfer: [buffer] }));
      calls.push({ method, argument, bytes: moved.map(({ byteLength }) => byteLength) });
      return Promise.resolve();
    },
  } as unknown as EvaluationWorker;
  const report = (now: EvaluationProgress): void => void progress.push(now);
  const order = { worker, part: 0, program: wanted, cancellation: new Cancellation(), progress: report };
  await loadKeys(order, found, take);
  return { calls, fractions: progress.map(({ fraction }) => fraction) };
}

it.each([
  ['an array', (bytes: Uint8Array): Uint8Array => bytes],
  ['a Buffer', (bytes: Uint8Array): Uint8Array => Buffer.from(bytes)],
])('are copied out of %s one by one, those that the program needs', async (_what, as) => {
  const file = as(encodeEvaluationKeys(keys));
  const before = Uint8Array.from(file);
  const { calls, fractions } = await load(parseEvaluationKeys(file));
  // The program rotates by one only.
  expect(calls.map(({ method, bytes }) => [method, ...bytes])).toEqual([
    ['loadKey', 11],
    ['loadKey', 20],
    ['loadRefreshKeys', 30, 31, 32],
  ]);
  expect(calls.map(({ argument }) => 'step' in argument && argument.step)).toEqual([1, null, false]);
  expect(fractions).toEqual([1 / 3, 2 / 3, 1, 1]);
  expect(Uint8Array.from(file)).toEqual(before);
});

it('are handed over where they have buffers of their own and nobody else needs them', async () => {
  const file = encodeEvaluationKeys(keys);
  const own = await readEvaluationKeys({
    length: file.length,
    pieces: (async function* () {
      yield file;
    })(),
  });
  const { calls } = await load(own.keys, program, true);
  expect(calls.map(({ bytes }) => bytes)).toEqual([[11], [20], [30, 31, 32]]);
  expect(own.keys.relinearization?.bytes.length).toBe(0);
  expect(own.keys.refresh?.raise.decapsulation.length).toBe(0);
  // What is a part of something larger is copied all the same.
  const views = parseEvaluationKeys(file);
  await load(views, program, true);
  expect(views.relinearization?.bytes.length).toBe(20);
});

it('of refreshes stay where they are if nothing is refreshed', async () => {
  const { refreshKeys: _keys, ...plain } = program;
  expect((await load(keys, plain)).calls.map(({ method }) => method)).toEqual(['loadKey', 'loadKey']);
});

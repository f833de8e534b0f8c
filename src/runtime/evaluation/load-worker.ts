/** What a worker is given before its first evaluation: keys that were checked, and plaintexts encoded ahead. */
import { ArtifactError } from '../../errors.ts';
import type { Instruction, Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import { requireEncryption } from '../../program/security.ts';
import type { EvaluationKeys, RefreshSwitchingKeys } from '../formats/evaluation-keys.ts';
import { requireKeys } from '../formats/evaluation-keys.ts';
import type { Setting } from '../formats/origin.ts';
import type { Cancellation } from '../workers/control.ts';
import type { Partition } from './partition.ts';
import type { EvaluationWorker } from './placement.ts';

export interface EvaluationProgress {
  readonly stage: 'keys' | 'encoding' | 'evaluation';
  /** Layer about to be evaluated; empty outside evaluations. */
  readonly layer: string;
  /** 0 … 1 */
  readonly fraction: number;
}

export interface WorkerLoad {
  readonly worker: EvaluationWorker;
  /** Which part of split instructions it computes. */
  readonly part: number;
  readonly program: Program;
  readonly cancellation: Cancellation;
  readonly progress: ((progress: EvaluationProgress) => void) | undefined;
}

/** @throws ArtifactError CLEARTEXT_ONLY, PARAMETERS_MISMATCH or KEY_MISSING */
export function requireFittingKeys(
  { program, parameters }: { readonly program: Program; readonly parameters: CkksParameters },
  keys: EvaluationKeys | null,
  setting: Setting,
): void {
  requireEncryption(parameters);
  if (keys === null) {
    throw new ArtifactError('KEY_MISSING', 'evaluation under encryption needs evaluation keys');
  }
  requireKeys(keys, setting, program);
}

/**
 * One by one, and only those that the program has use for.
 * @param take whether keys that have a buffer of their own are handed over to the worker: gone here, and soon there
 */
export async function loadKeys(
  { worker, program, cancellation, progress }: WorkerLoad,
  keys: EvaluationKeys,
  take: boolean,
): Promise<void> {
  const wanted = new Set(program.rotationKeys.map(({ step }) => step));
  const rotations = keys.rotations.filter(({ step }) => wanted.has(step));
  const { relinearization, refresh } = keys;
  const loads = rotations.map(
    ({ step, bytes }) =>
      (): Promise<void> =>
        loadKey(worker, step, handedOver(bytes, take)),
  );
  if (relinearization !== null && program.relinearizationLevel !== null)
    loads.push(() => loadKey(worker, null, handedOver(relinearization.bytes, take)));
  if (refresh !== undefined && program.refreshKeys !== undefined)
    loads.push(() => loadRefreshKeys(worker, refresh, take));
  for (const [i, load] of loads.entries()) {
    cancellation.check();
    await load();
    progress?.({ stage: 'keys', layer: '', fraction: (i + 1) / loads.length });
  }
  progress?.({ stage: 'keys', layer: '', fraction: 1 });
}

/**
 * Of a view the whole buffer would be copied to the worker, of a file of keys all of them, for each: it is copied itself. A Buffer's
 * `slice` would be a view again.
 */
function handedOver(bytes: Uint8Array, take: boolean): Uint8Array<ArrayBuffer> {
  return take && hasOwnBuffer(bytes) ? bytes : new Uint8Array(bytes);
}

function hasOwnBuffer(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength;
}

function loadKey(
  worker: EvaluationWorker,
  step: number | null,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  return worker.call('loadKey', { step, bytes }, [bytes.buffer]);
}

function loadRefreshKeys(
  worker: EvaluationWorker,
  { conjugation, raise }: RefreshSwitchingKeys,
  take: boolean,
): Promise<void> {
  const order = {
    conjugation: handedOver(conjugation.bytes, take),
    encapsulation: handedOver(raise.encapsulation, take),
    decapsulation: handedOver(raise.decapsulation, take),
  };
  return worker.call(
    'loadRefreshKeys',
    order,
    Object.values(order).map(({ buffer }) => buffer),
  );
}

/**
 * Where memory ends, the rest is kept in a small form and made ready when it is used: coefficients first, which may have no small one,
 * then what all refreshes share.
 */
const PLAINTEXT_ORDER: Readonly<Record<Instruction['kind'], number>> = {
  polynomial: 0,
  product: 0,
  refresh: 1,
  linear: 2,
};

/** Encodes what the worker's part of each instruction will need, as far as its memory goes. */
export async function encodeAhead(
  { worker, part, program, cancellation, progress }: WorkerLoad,
  partitions: readonly (Partition | null)[],
): Promise<void> {
  const { instructions } = program;
  const order = [...instructions.keys()].sort(
    (a, b) => PLAINTEXT_ORDER[instructions[a]!.kind] - PLAINTEXT_ORDER[instructions[b]!.kind],
  );
  for (const [done, index] of order.entries()) {
    cancellation.check();
    const partition = partitions[index] ?? null;
    await worker.call('prepare', {
      instruction: index,
      share: partition === null ? null : { partition, part },
    });
    progress?.({ stage: 'encoding', layer: '', fraction: (done + 1) / instructions.length });
  }
}

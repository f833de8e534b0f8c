/** What a worker is given before its first evaluation: keys that were checked, and plaintexts encoded ahead. */
import { ArtifactError } from '../../errors.ts';
import type { Program } from '../../program/program.ts';
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

/** One by one, and only those that the program has use for. */
export async function loadKeys(
  { worker, program, cancellation, progress }: WorkerLoad,
  keys: EvaluationKeys,
): Promise<void> {
  const wanted = new Set(program.rotationKeys.map(({ step }) => step));
  const rotations = keys.rotations.filter(({ step }) => wanted.has(step));
  const { relinearization, refresh } = keys;
  const loads = rotations.map(
    ({ step, bytes }) =>
      (): Promise<void> =>
        loadKey(worker, step, bytes),
  );
  if (relinearization !== null && program.relinearizationLevel !== null)
    loads.push(() => loadKey(worker, null, relinearization.bytes));
  if (refresh !== undefined && program.refreshKeys !== undefined)
    loads.push(() => loadRefreshKeys(worker, refresh));
  for (const [i, load] of loads.entries()) {
    cancellation.check();
    await load();
    progress?.({ stage: 'keys', layer: '', fraction: (i + 1) / loads.length });
  }
  progress?.({ stage: 'keys', layer: '', fraction: 1 });
}

/**
 * Of its own, to be handed over: of a view the whole buffer would be copied to the worker, of a file of keys all of them, for each. A
 * Buffer's `slice` would be a view again.
 */
function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

function loadKey(worker: EvaluationWorker, step: number | null, bytes: Uint8Array): Promise<void> {
  const own = copyOf(bytes);
  return worker.call('loadKey', { step, bytes: own }, [own.buffer]);
}

function loadRefreshKeys(worker: EvaluationWorker, keys: RefreshSwitchingKeys): Promise<void> {
  const conjugation = copyOf(keys.conjugation.bytes);
  const encapsulation = copyOf(keys.raise.encapsulation);
  const decapsulation = copyOf(keys.raise.decapsulation);
  const order = { conjugation, encapsulation, decapsulation };
  return worker.call('loadRefreshKeys', order, [
    conjugation.buffer,
    encapsulation.buffer,
    decapsulation.buffer,
  ]);
}

/** Encodes what the worker's part of each instruction will need, as far as its memory goes. */
export async function encodeAhead(
  { worker, part, program, cancellation, progress }: WorkerLoad,
  partitions: readonly (Partition | null)[],
): Promise<void> {
  const { instructions } = program;
  // Those of refreshes first, since they serve all refreshes: where memory ends, others are encoded when they are used.
  const order = [...instructions.keys()].sort(
    (a, b) => Number(instructions[b]!.kind === 'refresh') - Number(instructions[a]!.kind === 'refresh'),
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

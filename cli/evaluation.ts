/** The public side for commands: an evaluator, with progress and cancellation. No code for secret keys from here. */
import type { Artifact } from '../src/program/artifact.ts';
import type { BackendChoice } from '../src/runtime/evaluation/choose-backend.ts';
import { chooseBackend } from '../src/runtime/evaluation/choose-backend.ts';
import type { Evaluation } from '../src/runtime/evaluation/evaluator.ts';
import { Evaluator } from '../src/runtime/evaluation/evaluator.ts';
import type { CiphertextSet } from '../src/runtime/formats/ciphertext-set.ts';
import { evaluationKeyBlobs, type EvaluationKeys } from '../src/runtime/formats/evaluation-keys.ts';
import type { CommandContext } from './command.ts';
import type { EvaluationFlags } from './parse-options.ts';

const STAGES = { keys: 'load keys', encoding: 'encode weights', evaluation: 'evaluate' } as const;

/**
 * What evaluates here; see `chooseBackend`. Called before keys are made, it refuses before they are made in vain.
 * @throws BackendError BACKEND_UNAVAILABLE or PARAMETERS_UNSUPPORTED
 */
export function chosenBackend(artifact: Artifact, flags: EvaluationFlags): BackendChoice {
  return chooseBackend(artifact, flags.backend);
}

/** @param keys null with the cleartext backend only; they are handed over, and gone for who calls */
export function openEvaluator(
  artifact: Artifact,
  keys: EvaluationKeys | null,
  flags: EvaluationFlags,
  context: CommandContext,
): Promise<Evaluator> {
  const { backend, note } = chosenBackend(artifact, flags);
  if (note !== null) context.note(note);
  const { progress, signal } = context;
  const { memoryBudgetMb } = artifact.report;
  return Evaluator.create(artifact, keys, {
    backend,
    ...(memoryBudgetMb === undefined ? {} : { maxMemoryMb: memoryBudgetMb }),
    ...(flags.threads === undefined ? {} : { threads: flags.threads }),
    takeKeys: true,
    progress: ({ stage, fraction }) => progress.report(STAGES[stage], fraction),
    signal,
  });
}

/** @param report hears 0 … 1 */
export function evaluateSet(
  evaluator: Evaluator,
  set: CiphertextSet,
  { signal }: CommandContext,
  report: (fraction: number) => void,
): Promise<Evaluation> {
  return evaluator.evaluate(set, { signal, progress: ({ fraction }) => report(fraction) });
}

export function ciphertextBytes(set: CiphertextSet): number {
  return set.tensors.flatMap((tensor) => tensor.ciphertexts).reduce((sum, bytes) => sum + bytes.length, 0);
}

/** Those of refreshes count as Galois keys: most of them conjugates. */
export function keyBytes(keys: EvaluationKeys | null): { galoisKeys: number; relinKeys: number } {
  if (keys === null) return { galoisKeys: 0, relinKeys: 0 };
  const relinKeys = keys.relinearization?.bytes.length ?? 0;
  const all = evaluationKeyBlobs(keys).reduce((sum, { length }) => sum + length, 0);
  return { galoisKeys: all - relinKeys, relinKeys };
}

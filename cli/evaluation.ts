/** The public side for commands: an evaluator, with progress and cancellation. No code for secret keys from here. */
import { BackendError } from '../src/errors.ts';
import type { Artifact } from '../src/program/artifact.ts';
import type { Evaluation } from '../src/runtime/evaluation/evaluator.ts';
import { Evaluator } from '../src/runtime/evaluation/evaluator.ts';
import type { CiphertextSet } from '../src/runtime/formats/ciphertext-set.ts';
import type { EvaluationKeys } from '../src/runtime/formats/evaluation-keys.ts';
import type { CommandContext } from './command.ts';
import type { EvaluationBackend, EvaluationFlags } from './parse-options.ts';

const STAGES = { keys: 'load keys', encoding: 'encode weights', evaluation: 'evaluate' } as const;

/**
 * Refuses before keys are made, which would be of the wrong kind.
 * @throws BackendError BACKEND_UNAVAILABLE
 */
export function chosenBackend(artifact: Artifact, flags: EvaluationFlags): EvaluationBackend {
  const backend = flags.backend ?? artifact.report.backend;
  if (backend === 'native') {
    throw new BackendError('BACKEND_UNAVAILABLE', 'the native backend is not part of this build', {
      hint: 'use --backend seal',
    });
  }
  return backend;
}

/** @param keys null with the cleartext backend only */
export function openEvaluator(
  artifact: Artifact,
  keys: EvaluationKeys | null,
  flags: EvaluationFlags,
  { progress, signal }: CommandContext,
): Promise<Evaluator> {
  return Evaluator.create(artifact, keys, {
    backend: chosenBackend(artifact, flags),
    ...(flags.threads === undefined ? {} : { threads: flags.threads }),
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

export function keyBytes(keys: EvaluationKeys | null): { galoisKeys: number; relinKeys: number } {
  return {
    galoisKeys: keys?.rotations.reduce((sum, { bytes }) => sum + bytes.length, 0) ?? 0,
    relinKeys: keys?.relinearization?.length ?? 0,
  };
}

/** Evaluation keys: what a server needs to compute, and nothing that decrypts. */
import { ArtifactError } from '../../errors.ts';
import type { Container } from './container.ts';
import { decodeContainer, encodeContainer, invalid, isCount } from './container.ts';
import type { Origin, Setting } from './origin.ts';
import { checkOrigin, originMeta } from './origin.ts';

export interface EvaluationKeys extends Origin {
  /** Ascending by step; the backend's own serialization. */
  readonly rotations: readonly { readonly step: number; readonly bytes: Uint8Array }[];
  readonly relinearization: Uint8Array | null;
}

export function evaluationKeysContainer(keys: EvaluationKeys): Container {
  const meta = {
    ...originMeta(keys),
    steps: keys.rotations.map(({ step }) => step),
    relinearization: keys.relinearization !== null,
  };
  const blobs = keys.rotations.map(({ bytes }) => bytes);
  if (keys.relinearization !== null) blobs.push(keys.relinearization);
  return { kind: 'evaluation-keys', meta, blobs };
}

/** The bytes that `parseEvaluationKeys` reads. */
export function encodeEvaluationKeys(keys: EvaluationKeys): Uint8Array {
  return encodeContainer(evaluationKeysContainer(keys));
}

/** @throws ArtifactError, SECRET_KEY_REFUSED among others */
export function parseEvaluationKeys(bytes: Uint8Array): EvaluationKeys {
  const { meta, blobs } = decodeContainer(bytes, 'evaluation-keys');
  const { steps, relinearization } = meta;
  if (!Array.isArray(steps) || typeof relinearization !== 'boolean') throw invalid('its key list is missing');
  if (blobs.length !== steps.length + (relinearization ? 1 : 0))
    throw invalid('its key list has a wrong length');
  let previous = 0;
  const rotations = steps.map((step: unknown, i) => {
    if (!isCount(step) || step <= previous) throw invalid('its rotation steps do not ascend');
    previous = step;
    return { step, bytes: blobs[i]! };
  });
  return { ...checkOrigin(meta), rotations, relinearization: relinearization ? blobs.at(-1)! : null };
}

/** @throws ArtifactError PARAMETERS_MISMATCH or KEY_MISSING */
export function requireKeys(
  keys: EvaluationKeys,
  needed: Setting & {
    readonly rotationSteps: readonly number[];
    readonly relinearization: boolean;
  },
): void {
  if (keys.backend !== needed.backend) {
    throw new ArtifactError(
      'PARAMETERS_MISMATCH',
      `the evaluation keys are of the ${keys.backend} backend, not ${needed.backend}`,
    );
  }
  if (keys.parametersDigest !== needed.parametersDigest) {
    throw new ArtifactError('PARAMETERS_MISMATCH', 'the evaluation keys were made for other parameters', {
      hint: 'generate the keys from the signature of this artifact',
    });
  }
  const present = new Set(keys.rotations.map(({ step }) => step));
  const missing = needed.rotationSteps.filter((step) => !present.has(step));
  if (missing.length > 0) {
    throw new ArtifactError(
      'KEY_MISSING',
      `the evaluation keys lack rotation steps ${missing.slice(0, 8).join(', ')}${missing.length > 8 ? ', …' : ''}`,
    );
  }
  if (needed.relinearization && keys.relinearization === null) {
    throw new ArtifactError('KEY_MISSING', 'the evaluation keys lack the relinearization key');
  }
}

/** Evaluation keys: what a server needs to compute, and nothing that decrypts. */
import { ArtifactError } from '../../errors.ts';
import type { KeyNeeds } from '../../program/key-needs.ts';
import type { Container } from './container.ts';
import { decodeContainer, encodeContainer, invalid, isCount, isRecord } from './container.ts';
import type { Origin, Setting } from './origin.ts';
import { checkOrigin, originMeta, requireSetting } from './origin.ts';

/** Switches keys of ciphertexts at `level` or below; in SEAL's serialization. */
export interface SwitchingKey {
  readonly level: number;
  readonly bytes: Uint8Array;
}

export interface RotationSwitchingKey extends SwitchingKey {
  readonly step: number;
}

export interface EvaluationKeys extends Origin {
  /** Ascending by step. */
  readonly rotations: readonly RotationSwitchingKey[];
  readonly relinearization: SwitchingKey | null;
}

export function evaluationKeysContainer(keys: EvaluationKeys): Container {
  const meta = {
    ...originMeta(keys),
    rotations: keys.rotations.map(({ step, level }) => ({ step, level })),
    relinearizationLevel: keys.relinearization?.level ?? null,
  };
  const blobs = keys.rotations.map(({ bytes }) => bytes);
  if (keys.relinearization !== null) blobs.push(keys.relinearization.bytes);
  return { kind: 'evaluation-keys', meta, blobs };
}

/** The bytes that `parseEvaluationKeys` reads. */
export function encodeEvaluationKeys(keys: EvaluationKeys): Uint8Array {
  return encodeContainer(evaluationKeysContainer(keys));
}

/** @throws ArtifactError, SECRET_KEY_REFUSED among others */
export function parseEvaluationKeys(bytes: Uint8Array): EvaluationKeys {
  const { meta, blobs } = decodeContainer(bytes, 'evaluation-keys');
  const { rotations: entries, relinearizationLevel } = meta;
  if (!Array.isArray(entries)) throw invalid('its key list is missing');
  if (relinearizationLevel !== null && !isCount(relinearizationLevel)) throw invalid('a key has a bad level');
  if (blobs.length !== entries.length + (relinearizationLevel === null ? 0 : 1))
    throw invalid('its key list has a wrong length');
  let previous = 0;
  const rotations = entries.map((entry: unknown, i): RotationSwitchingKey => {
    if (!isRecord(entry)) throw invalid('a key is malformed');
    const { step, level } = entry;
    if (!isCount(step) || step <= previous) throw invalid('its rotation steps do not ascend');
    if (!isCount(level)) throw invalid('a key has a bad level');
    previous = step;
    return { step, level, bytes: blobs[i]! };
  });
  const relinearization =
    relinearizationLevel === null ? null : { level: relinearizationLevel, bytes: blobs.at(-1)! };
  return { ...checkOrigin(meta), rotations, relinearization };
}

const MAKE_KEYS =
  'the keys were made for another artifact: make them for this one, with "he-compile keygen" or from its signature';

/** @throws ArtifactError PARAMETERS_MISMATCH or KEY_MISSING */
export function requireKeys(keys: EvaluationKeys, setting: Setting, needed: KeyNeeds): void {
  requireSetting(keys, setting, 'the evaluation keys were', MAKE_KEYS);
  const levels = new Map(keys.rotations.map(({ step, level }) => [step, level]));
  const missing = needed.rotationKeys.filter(({ step, level }) => (levels.get(step) ?? -1) < level);
  if (missing.length > 0) {
    const steps = missing.slice(0, 8).map(({ step, level }) => `${step} (level ${level})`);
    throw new ArtifactError(
      'KEY_MISSING',
      `the evaluation keys lack rotation steps ${steps.join(', ')}${missing.length > 8 ? ', …' : ''}`,
      { hint: MAKE_KEYS },
    );
  }
  const { relinearizationLevel } = needed;
  if (relinearizationLevel !== null && (keys.relinearization?.level ?? -1) < relinearizationLevel) {
    throw new ArtifactError(
      'KEY_MISSING',
      `the evaluation keys lack the relinearization key (level ${relinearizationLevel})`,
      { hint: MAKE_KEYS },
    );
  }
}

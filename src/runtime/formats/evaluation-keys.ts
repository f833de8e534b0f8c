/** Evaluation keys: what a server needs to compute, and nothing that decrypts. */
import { ArtifactError } from '../../errors.ts';
import type { KeyNeeds } from '../../program/key-needs.ts';
import type { RefreshKeys } from '../../program/program.ts';
import type { ByteStream, Container } from './container.ts';
import { decodeContainer, encodeContainer, invalid, isCount, isRecord, readContainer } from './container.ts';
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

/** From the dense secret to the ephemeral one that a refresh raises the modulus under, and back to the dense one at `level`. */
export interface RaiseKeys {
  readonly level: number;
  readonly encapsulation: Uint8Array;
  readonly decapsulation: Uint8Array;
}

export interface RefreshSwitchingKeys {
  readonly conjugation: SwitchingKey;
  readonly raise: RaiseKeys;
}

export interface EvaluationKeys extends Origin {
  /** Ascending by step. */
  readonly rotations: readonly RotationSwitchingKey[];
  readonly relinearization: SwitchingKey | null;
  /** Left out where nothing is refreshed. */
  readonly refresh?: RefreshSwitchingKeys;
}

export function evaluationKeysContainer(keys: EvaluationKeys): Container {
  const { rotations, relinearization, refresh } = keys;
  const meta = {
    ...originMeta(keys),
    rotations: rotations.map(({ step, level }) => ({ step, level })),
    relinearizationLevel: relinearization?.level ?? null,
    ...(refresh === undefined
      ? {}
      : { refreshKeys: { conjugationLevel: refresh.conjugation.level, raiseLevel: refresh.raise.level } }),
  };
  return { kind: 'evaluation-keys', meta, blobs: evaluationKeyBlobs(keys) };
}

/** All keys as bytes. */
export function evaluationKeyBlobs({ rotations, relinearization, refresh }: EvaluationKeys): Uint8Array[] {
  const blobs = rotations.map(({ bytes }) => bytes);
  if (relinearization !== null) blobs.push(relinearization.bytes);
  if (refresh === undefined) return blobs;
  const { conjugation, raise } = refresh;
  return [...blobs, conjugation.bytes, raise.encapsulation, raise.decapsulation];
}

/** The bytes that `parseEvaluationKeys` reads. */
export function encodeEvaluationKeys(keys: EvaluationKeys): Uint8Array {
  return encodeContainer(evaluationKeysContainer(keys));
}

/** @throws ArtifactError, SECRET_KEY_REFUSED among others */
export function parseEvaluationKeys(bytes: Uint8Array): EvaluationKeys {
  return keysOf(decodeContainer(bytes, 'evaluation-keys'));
}

/**
 * Keys with buffers of their own, which can be handed over one by one, and the SHA-256 of the whole file.
 * @throws as `parseEvaluationKeys`
 */
export async function readEvaluationKeys(
  stream: ByteStream,
): Promise<{ readonly keys: EvaluationKeys; readonly sha256: Uint8Array }> {
  const { container, sha256 } = await readContainer(stream, 'evaluation-keys');
  return { keys: keysOf(container), sha256 };
}

function keysOf({ meta, blobs }: Container): EvaluationKeys {
  const { rotations: entries, relinearizationLevel } = meta;
  if (!Array.isArray(entries)) throw invalid('its key list is missing');
  if (relinearizationLevel !== null && !isCount(relinearizationLevel)) throw invalid('a key has a bad level');
  const refreshLevels = parseRefreshLevels(meta.refreshKeys);
  const others = (relinearizationLevel === null ? 0 : 1) + (refreshLevels === null ? 0 : 3);
  if (blobs.length !== entries.length + others) throw invalid('its key list has a wrong length');
  let previous = 0;
  const rotations = entries.map((entry: unknown, i): RotationSwitchingKey => {
    if (!isRecord(entry)) throw invalid('a key is malformed');
    const { step, level } = entry;
    if (!isCount(step) || step <= previous) throw invalid('its rotation steps do not ascend');
    if (!isCount(level)) throw invalid('a key has a bad level');
    previous = step;
    return { step, level, bytes: blobs[i]! };
  });
  const rest = blobs.slice(entries.length);
  const relinearization =
    relinearizationLevel === null ? null : { level: relinearizationLevel, bytes: rest.shift()! };
  const keys = { ...checkOrigin(meta), rotations, relinearization };
  if (refreshLevels === null) return keys;
  const [conjugation, encapsulation, decapsulation] = rest;
  const { conjugationLevel, raiseLevel } = refreshLevels;
  return {
    ...keys,
    refresh: {
      conjugation: { level: conjugationLevel, bytes: conjugation! },
      raise: { level: raiseLevel, encapsulation: encapsulation!, decapsulation: decapsulation! },
    },
  };
}

function parseRefreshLevels(entry: unknown): RefreshKeys | null {
  if (entry === undefined) return null;
  if (!isRecord(entry)) throw invalid('a key is malformed');
  const { conjugationLevel, raiseLevel } = entry;
  if (!isCount(conjugationLevel) || !isCount(raiseLevel)) throw invalid('a key has a bad level');
  return { conjugationLevel, raiseLevel };
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
  const { relinearizationLevel, refreshKeys } = needed;
  const lacks = (what: string, level: number): ArtifactError =>
    new ArtifactError('KEY_MISSING', `the evaluation keys lack ${what} (level ${level})`, {
      hint: MAKE_KEYS,
    });
  if (relinearizationLevel !== null && (keys.relinearization?.level ?? -1) < relinearizationLevel)
    throw lacks('the relinearization key', relinearizationLevel);
  if (refreshKeys === undefined) return;
  const { conjugationLevel, raiseLevel } = refreshKeys;
  if ((keys.refresh?.conjugation.level ?? -1) < conjugationLevel)
    throw lacks('the conjugation key', conjugationLevel);
  // The modulus is raised to just the level that the key says.
  if (keys.refresh?.raise.level !== raiseLevel) throw lacks('the keys that raise the modulus', raiseLevel);
}

/** A whole bootstrap on real ciphertexts, in rings too small to be secure: every step, and what is left of the values. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nearestNttPrime } from '../../../program/primes.ts';
import { SINE, evaluateSine, sineDepth } from '../../../program/semantics/evaluate-sine.ts';
import { coefficientsToSlots, slotsToCoefficients } from '../../../program/semantics/slot-transform.ts';
import type { NativeEngine } from './engine-addon.ts';
import { loadEngineAddon } from './engine-addon.ts';
import type { TransformStage } from './flatten-transform.ts';
import { flattenTransform, stageSteps } from './flatten-transform.ts';
import { loadAddon, nativeUnavailable } from './load-addon.ts';
import { TapeRecorder } from './tape-recorder.ts';

const N = 2048;
const SLOTS = N / 2;
/** From the bottom: q_0, two for slots to coefficients, eight for the sine, three for coefficients to slots. */
const BITS = [38, 31, 31, 36, 42, 43, 41, 41, 41, 41, 41, 41, 41, 41];
const SPECIAL_BITS = [43, 43, 43, 43];
const DIGITS = 4;
const WEIGHT = 40;

interface Secret {
  makeRotationKey(step: number, level: number): Uint8Array;
  makeRelinearizationKey(level: number): Uint8Array;
  makeRaiseKeys(level: number, weight: number): [Uint8Array, Uint8Array];
  encrypt(slots: Float64Array, level: number, scale: number): Uint8Array;
  decrypt(bytes: Uint8Array, level: number, scale: number, noiseLimit: number): Float64Array;
}

const taken = new Set<bigint>();
function prime(bits: number): bigint {
  const found = nearestNttPrime(2 ** bits * 0.999, N, taken, bits)!;
  taken.add(found);
  return found;
}
const SPECIALS = SPECIAL_BITS.map(prime);
const PRIMES = BITS.map(prime);
const q = PRIMES.map(Number);
const TOP = PRIMES.length - 1;
const DELTA = 2 ** 36;

function stages(): { down: TransformStage[]; up: TransformStage[] } {
  const down = slotsToCoefficients(SLOTS, [5, 5]).map((diagonals, index): TransformStage => ({
    diagonals,
    babies: 8,
    level: 2 - index,
    inputScale: DELTA,
    outputScale: index === 0 ? DELTA : q[0]! / 4,
    real: false,
  }));
  const up = coefficientsToSlots(SLOTS, [3, 3, 4]).map((diagonals, index): TransformStage => ({
    diagonals,
    babies: 4,
    level: TOP - index,
    inputScale: index === 0 ? SINE.range * q[0]! : 2 ** 41,
    outputScale: 2 ** 41,
    real: index === 2,
  }));
  return { down, up };
}

const missing = nativeUnavailable();

describe.skipIf(missing !== null)('a bootstrap', () => {
  let secret: Secret;
  let engine: NativeEngine;
  const z = Float64Array.from({ length: SLOTS }, (_, i) => 0.75 * Math.sin(1.3 * i * i));
  const { down, up } = stages();

  beforeAll(() => {
    const shape = [
      N,
      BigUint64Array.from(PRIMES),
      BigUint64Array.from(SPECIALS),
      DIGITS,
      'automatic',
    ] as const;
    const { SecretSide } = loadAddon('he_secret') as { SecretSide: new (...args: unknown[]) => Secret };
    secret = new SecretSide(...shape, 2 ** 28, 1, null, null, null);
    engine = new (loadEngineAddon().Engine)(...shape, 2 ** 30, 2 ** 29, 512, 1, null, null);
    for (const stage of [...down, ...up])
      for (const step of stageSteps(stage)) engine.loadRotationKey(step, secret.makeRotationKey(step, TOP));
    engine.loadRelinearizationKey(secret.makeRelinearizationKey(TOP));
    engine.loadRaiseKeys(...secret.makeRaiseKeys(TOP, WEIGHT));
  });
  afterAll(() => engine.dispose());

  function transform(stage: TransformStage, input: number): number {
    const { structure, plainScales, outputScale, values, positions } = flattenTransform(
      stage,
      q[stage.level]!,
    );
    const prepared = engine.prepareLinear(structure, plainScales, outputScale, values, positions);
    return engine.linear(prepared, Uint32Array.of(input))[0]!;
  }

  it('takes slots to coefficients, raises them, and brings them back as the sine', () => {
    let handle = engine.load(secret.encrypt(z, 2, DELTA));
    for (const stage of down) handle = transform(stage, handle);
    expect([...engine.describe(handle)]).toEqual([0, q[0]! / 4, 2]);
    handle = engine.raise(handle, SINE.range * q[0]!);
    for (const stage of up) handle = transform(stage, handle);
    const recorder = new TapeRecorder(SLOTS, q, 1);
    const x = recorder.input(0, TOP - 3, 2 ** 41);
    const { structure, scales, values, positions } = recorder.finish([
      evaluateSine(recorder, SINE, TOP - 3, x),
    ]);
    const tape = engine.prepareTape(structure, scales, values, positions);
    handle = engine.runTape(tape, Uint32Array.of(handle))[0]!;
    const [level, scale] = engine.describe(handle);
    expect(level).toBe(TOP - 3 - sineDepth(SINE));
    const refreshed = secret.decrypt(engine.store(handle), level!, scale!, Number.MAX_VALUE);
    const errors = refreshed.map((s, i) => s - Math.sin((2 * Math.PI * z[i]!) / 4));
    const rms = Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / SLOTS);
    // A simulation on slots that adds the rounding of every rescale says 22.8 bits for this ring and these primes.
    expect(-Math.log2(rms)).toBeGreaterThan(22.3);
    expect(-Math.log2(rms)).toBeLessThan(23.3);
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(16 * rms);
  });
});

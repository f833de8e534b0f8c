import { expect, it } from 'vitest';
import { ERROR_STANDARD_DEVIATION } from '../../../program/security.ts';
import { testParameters } from '../../../program/testing/test-parameters.ts';
import { SealSecretSide } from './secret-side.ts';

const N = 8192;
const SCALE = 2 ** 38;
const parameters = testParameters(N, [46, 38, 38], 58, 38);
/** Standard deviation of a fresh encryption's error in a slot's imaginary part: as in the real part. */
const NOISE = Math.sqrt((N / 2) * (ERROR_STANDARD_DEVIATION ** 2 + 1 / 12)) / SCALE;

it('holds the imaginary parts of slots against a limit, at every level', async () => {
  using secret = await SealSecretSide.create(parameters, null);
  using other = await SealSecretSide.create(parameters, null);
  const slots = Float64Array.from({ length: N / 2 }, (_, i) => Math.cos(i));
  for (const level of [2, 1, 0]) {
    const bytes = secret.encrypt(slots, level, SCALE);
    const within = secret.decrypt(bytes, level, SCALE, 1.15 * NOISE);
    expect(Math.abs(within[5]! - slots[5]!)).toBeLessThan(8 * NOISE);
    const refusal = expect.objectContaining({ code: 'OUTPUT_OUT_OF_RANGE' }) as Error;
    expect(() => secret.decrypt(bytes, level, SCALE, NOISE / 1.15)).toThrow(refusal);
    // What comes of a modulus that wraps around is spread over it evenly, as under another key.
    expect(() => other.decrypt(bytes, level, SCALE, 1)).toThrow(refusal);
    expect(other.decrypt(bytes, level, SCALE)).toHaveLength(N / 2);
  }
  expect(secret.liveHandles).toBe(other.liveHandles);
});

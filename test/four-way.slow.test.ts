/** Models with ReLU and MaxPool: what approximation costs is a finding, and everything after it must still be exact. */
import { expect, it } from 'vitest';
import { nativeUnavailable } from '../src/runtime/backends/native/load-addon.ts';
import { compareFourWays } from './four-way.ts';

/** Float32 rounding through some ten layers. */
const FLOAT32 = 3e-6;
const FLOAT64 = 1e-10;

it('digits-cnn: approximated, and nothing else lost until encryption', async () => {
  const gaps = await compareFourWays('digits-cnn', { samples: 400 }, 3);
  expect(gaps.approximation).toBeLessThan(0.5);
  expect(gaps.lowering).toBeLessThan(FLOAT32);
  expect(gaps.packing).toBeLessThan(FLOAT64);
  expect(gaps.encryptionBits.size).toBeGreaterThan(0);
  for (const bits of gaps.encryptionBits.values()) {
    expect(Math.abs(bits - gaps.forecastBits)).toBeLessThan(1.5);
  }
});

it('digits-residual, too deep for node-seal: the same in the clear', async () => {
  const { artifact, ...gaps } = await compareFourWays(
    'digits-residual',
    { backend: 'cleartext', samples: 400 },
    3,
  );
  expect(artifact.certificate).toBeNull();
  expect(gaps.approximation).toBeLessThan(0.05);
  expect(gaps.lowering).toBeLessThan(FLOAT32);
  expect(gaps.packing).toBeLessThan(FLOAT64);
  expect(gaps.encryptionBits.size).toBe(0);
});

it.each([
  { model: 'digits-cnn', better: 1.5 },
  // Over twenty levels the forecast is on the safe side by some three bits.
  { model: 'digits-residual', better: 4 },
])('$model on the native engine: encrypted, too', async ({ model, better }) => {
  const { artifact, ...gaps } = await compareFourWays(model, { backend: 'native', samples: 400 }, 3);
  expect(artifact.certificate).toMatchObject({ securityBits: 128 });
  expect(gaps.approximation).toBeLessThan(0.5);
  expect(gaps.lowering).toBeLessThan(FLOAT32);
  expect(gaps.packing).toBeLessThan(FLOAT64);
  const missing = nativeUnavailable();
  if (missing !== null) return;
  const gain = gaps.encryptionBits.get('native')! - gaps.forecastBits;
  expect(gain).toBeGreaterThan(-1.5);
  expect(gain).toBeLessThan(better);
});

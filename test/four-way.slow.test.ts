/** Models with ReLU and MaxPool: what approximation costs is a finding, and everything after it must still be exact. */
import { expect, it } from 'vitest';
import { compareFourWays } from './four-way.ts';

/** Float32 rounding through some ten layers. */
const FLOAT32 = 3e-6;
const FLOAT64 = 1e-10;

it('digits-cnn: approximated, and nothing else lost until encryption', async () => {
  const { artifact, ...gaps } = await compareFourWays('digits-cnn', { samples: 400 }, 3);
  expect(gaps.approximation).toBeLessThan(0.5);
  expect(gaps.lowering).toBeLessThan(FLOAT32);
  expect(gaps.packing).toBeLessThan(FLOAT64);
  expect(Math.abs(gaps.encryptionBits! - artifact.report.predicted.precisionBits)).toBeLessThan(1.5);
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
  expect(gaps.encryptionBits).toBeNull();
});

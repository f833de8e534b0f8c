/** The forecast of a refresh's error, held against refreshes of real ciphertexts, in a ring too small to be secure. */
import { expect, it } from 'vitest';
import { noiseSources } from '../src/compiler/analysis/noise-sources.ts';
import { refreshGain, refreshNoise } from '../src/compiler/analysis/refresh-noise.ts';
import type { CkksParameters } from '../src/program/security.ts';
import { refreshed } from '../src/program/semantics/evaluate-refresh.ts';
import { seededRandom } from '../src/program/testing/random-instructions.ts';
import type { BootstrapChain } from '../src/runtime/backends/native/testing/bootstrap-party.ts';
import { BootstrapParty } from '../src/runtime/backends/native/testing/bootstrap-party.ts';
import { describeNative } from '../src/runtime/backends/testing/describe-native.ts';

const chain = (bits: { scale: number; raised: number; late: number }, ratio: number): BootstrapChain => ({
  polyModulusDegree: 2048,
  dataBits: [
    38,
    31,
    31,
    36,
    // The sine ends on them: its scale falls to what the network has.
    ...[bits.late, bits.raised + 1, bits.raised + 2],
    ...Array<number>(8).fill(bits.raised),
  ],
  specialBits: [43, 43, 43, 43],
  dnum: 4,
  down: [5, 5].map((stages) => ({ stages, babies: 8 })),
  up: [3, 3, 4].map((stages) => ({ stages, babies: 4 })),
  scaleBits: bits.scale,
  raisedBits: bits.raised,
  weight: 40,
  ratio,
});

/** log2 of the root mean square of errors, over so many refreshes of uniform values, and of its forecast. */
function compare(
  of: BootstrapChain,
  reach: number,
): { readonly measured: number; readonly forecast: number } {
  using party = new BootstrapParty(of, 2);
  const random = seededRandom(9);
  let [error, input] = [0, 0];
  for (let refresh = 0; refresh < REFRESHES; refresh++) {
    const z = Float64Array.from({ length: party.slotCount }, () => reach * (2 * random() - 1));
    const before = party.encrypt(z);
    const after = party.refresh(before);
    party.decrypt(after).forEach((s, i) => (error += (s - refreshed(z[i]!, of.ratio)) ** 2));
    party.decrypt(before).forEach((entered, i) => (input += (entered - z[i]!) ** 2));
    for (const handle of [before, after]) party.engine.free(handle);
  }
  // Noise is the same whatever the ring's security.
  const parameters = party.parameters as CkksParameters;
  const own = refreshNoise(parameters, noiseSources(parameters))(2 ** of.scaleBits, of.ratio);
  const count = REFRESHES * party.slotCount;
  return {
    measured: Math.log2(error / count) / 2,
    forecast: Math.log2(own + (input / count) * refreshGain(of.ratio, reach)) / 2,
  };
}
const REFRESHES = 4;
/** Bits; what is seen is a tenth. */
const TOLERANCE = 0.3;

describeNative('the error of a refresh is as forecast', () => {
  it.each<[string, BootstrapChain, number]>([
    ['where the sine makes it', chain({ scale: 36, raised: 41, late: 36 }, 4), 0.75],
    ['of large ratios', chain({ scale: 36, raised: 41, late: 36 }, 256), 1],
    ['of the smallest', chain({ scale: 36, raised: 41, late: 36 }, 2), 1],
    ['of short primes', chain({ scale: 34, raised: 36, late: 34 }, 4), 0.75],
    [
      'where the input and the transform from slots make it',
      chain({ scale: 24, raised: 41, late: 36 }, 4),
      0.75,
    ],
  ])('%s', (_where, of, reach) => {
    const { measured, forecast } = compare(of, reach);
    expect(Math.abs(measured - forecast)).toBeLessThan(TOLERANCE);
  });
});

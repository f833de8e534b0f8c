import { additionCount, bestWidth, spareBits } from '../../program/semantics/addition-chains.ts';
import type { CostModel, LinearCosts } from '../analysis/cost-model.ts';

/** A distinct key is worth this fraction of a rotation to the search for steps. */
const KEY_PRICE = 0.04;
/** Part of a program's latency that one key less may cost. */
const KEY_WORTH = 0.01;
/** Additions to an accumulator at hand take less than those of sums elsewhere (measured). */
const ACCUMULATION = 0.65;

/**
 * node-seal 7 (WASM, no SIMD): fitted to measurements at N = 8192, 16384 and 32768. A key switch at level l does
 * (l+1)(l+2) NTTs of one limb; everything else is linear in the number of limbs. Rotations share nothing.
 * `topLevel` is L: a key holds (L+1) digits of 2 polynomials over L+2 primes, whatever level it is used at.
 */
export function sealCostModel(polyModulusDegree: number, topLevel: number): CostModel {
  const unit = (polyModulusDegree * Math.log2(polyModulusDegree)) / (16384 * 14);
  const limb = polyModulusDegree / 16384;
  const keySwitch = (level: number): number => unit * 0.4 * (level + 1) * (level + 2);
  const multiplyPlain = (level: number): number => limb * 0.25 * (level + 1);
  const add = (level: number): number => limb * 0.04 * (level + 1);
  const rescale = (level: number): number => unit * 0.55 * (level + 1);
  return {
    backend: 'seal',
    slotCount: polyModulusDegree / 2,
    linear: (level): LinearCosts => ({
      open: 0,
      reopen: 0,
      baby: keySwitch(level),
      giant: keySwitch(level) + add(level),
      term: multiplyPlain(level) + add(level),
      // There are no coefficients without all limbs: half a millisecond per limb at N = 16384.
      expand: 0,
      encode: limb * 0.5 * (level + 1),
      output: rescale(level),
      key: KEY_PRICE * keySwitch(level),
      diagonalBytes: (level + 1) * polyModulusDegree * 8,
      coefficientBytes: (level + 1) * polyModulusDegree * 8,
    }),
    multiply: (level) => limb * 0.6 * (level + 1),
    relinearize: keySwitch,
    multiplyPlain,
    add,
    weightedSum(terms, level, plainScale) {
      if (terms === 0) return 0;
      const bits = Math.max(1, Math.ceil(Math.log2(plainScale)) - spareBits(polyModulusDegree / 2));
      return ACCUMULATION * additionCount(terms, bits, bestWidth(terms, bits)) * add(level);
    },
    rescale,
    keyBytes: () => (topLevel + 1) * 2 * (topLevel + 2) * polyModulusDegree * 8,
    keyWorth: () => KEY_WORTH,
  };
}

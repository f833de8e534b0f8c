/**
 * The native engine's costs, from the structure of its algorithms and the unit costs of a profile. With n = level + 1 data
 * limbs, K special ones and m = n + K: key switching cuts a polynomial into ⌈n / α⌉ digits, raises each to all m limbs, and adds up
 * the digits' products with the key (Han and Ki, eprint 2019/688). In a linear map sums stay in the extended basis until they
 * are rotated again or finished (double hoisting: Bossuat et al., EUROCRYPT 2021, §5; Halevi and Shoup, CRYPTO 2018).
 */
import {
  fileKeyBytes,
  integerBytes,
  limbBytes,
  nativeKeyBytes,
  packedBytes,
} from '../../program/native-keys.ts';
import { digitsAt, digitSize, isSealShaped } from '../../program/parameters.ts';
import type { CkksParameters } from '../../program/security.ts';
import { kernelsFor, type NativeKernels, type NativeProfile } from '../profile/native-profile.ts';
import type { CostModel, LinearCosts } from '../analysis/cost-model.ts';
import { refreshCosts } from '../analysis/refresh-cost.ts';

const NS_PER_MS = 1e6;
/** A distinct key is worth this fraction of a rotation to the search for steps: most are composed of others in the end. */
const KEY_PRICE = 0.3;
/** What a mebibyte of keys in memory is worth in parts of the program's latency; sending them is `key-price.ts`'s. */
const KEY_WORTH_PER_MIB = 4e-3;

/** What a product with a number from memory takes besides its bytes, as a part of what it takes where these are eight. */
const STREAMED_WITHOUT_BYTES = 0.2;

type Unit = Exclude<keyof NativeKernels, 'maxBits'>;

/** Searches ask for the same levels over and over. */
function byLevel<T>(of: (level: number) => T): (level: number) => T {
  const known: T[] = [];
  return (level) => (known[level] ??= of(level));
}

/** Sums of unit costs over limbs, in milliseconds per limb of N coefficients. */
class LimbCosts {
  readonly #data: readonly NativeKernels[];
  readonly #special: readonly NativeKernels[];
  readonly #ms: number;
  readonly #layers: number;

  constructor({ polyModulusDegree, dataPrimes, specialPrimes }: CkksParameters, profile: NativeProfile) {
    const kernels = (prime: bigint): NativeKernels => kernelsFor(profile, prime.toString(2).length);
    this.#data = dataPrimes.map(kernels);
    this.#special = specialPrimes.map(kernels);
    this.#ms = polyModulusDegree / NS_PER_MS;
    this.#layers = Math.log2(polyModulusDegree);
  }

  data(unit: Unit, level: number): number {
    return this.#sum(
      Array.from({ length: level + 1 }, (_, limb) => this.#limb(limb)),
      unit,
    );
  }

  at(unit: Unit, level: number): number {
    return this.#sum([this.#limb(level)], unit);
  }

  special(unit: Unit): number {
    return this.#sum(this.#special, unit);
  }

  extended(unit: Unit, level: number): number {
    return this.data(unit, level) + this.special(unit);
  }

  /** Searches look at deeper graphs than the chain holds: as if it went on. */
  #limb(level: number): NativeKernels {
    return this.#data[Math.min(level, this.#data.length - 1)]!;
  }

  #sum(limbs: readonly NativeKernels[], unit: Unit): number {
    const layers = unit === 'forward' || unit === 'inverse' ? this.#layers : 1;
    return limbs.reduce((sum, kernels) => sum + kernels[unit], 0) * layers * this.#ms;
  }
}

export function nativeCostModel(parameters: CkksParameters, profile: NativeProfile): CostModel {
  const { polyModulusDegree: n, specialPrimes } = parameters;
  const limbs = new LimbCosts(parameters, profile);
  const alpha = digitSize(parameters);
  const specials = specialPrimes.length;
  const top = parameters.dataPrimes.length - 1;
  const word = n / NS_PER_MS;
  const usedKeyBytes = byLevel((level) => nativeKeyBytes(parameters, level));
  /** Numbers that are packed in memory; `words` is what they would take as words. */
  const streamed = (packed: number, words: number): number =>
    ((STREAMED_WITHOUT_BYTES * words + (1 - STREAMED_WITHOUT_BYTES) * packed) / 8 / NS_PER_MS) *
    profile.stream;

  /** The digits of a polynomial whose limbs are at hand, in all limbs of the extended basis. */
  const raise = (level: number): number => {
    const digits = digitsAt(parameters, level);
    const perDigit = limbs.extended('forward', level) + alpha * limbs.extended('convert', level);
    return digits * perDigit - (alpha === 1 ? limbs.data('convert', level) : 0);
  };
  /** Products with a key: from memory, since all keys of a program together exceed any cache. */
  const innerProduct = (level: number): number => {
    const products = 2 * digitsAt(parameters, level) * limbs.extended('accumulate', level);
    return Math.max(products, streamed(usedKeyBytes(level), fileKeyBytes(parameters, level)));
  };
  /** A key that is used again and again stays in cache if it fits. */
  const repeatedProduct = (level: number): number =>
    usedKeyBytes(level) <= profile.cacheBytes
      ? 2 * digitsAt(parameters, level) * limbs.extended('accumulate', level)
      : innerProduct(level);
  const open = (level: number): number =>
    limbs.data('inverse', level) + raise(level) - limbs.data('forward', level);
  /** Division by P straight into the digits' coefficient form. */
  const reopen = (level: number): number =>
    limbs.extended('inverse', level) + (specials + 1) * limbs.data('convert', level) + raise(level);
  const move = (level: number): number => 2 * (level + 1 + specials) * word * profile.permute;
  /** Both halves of a sum in the extended basis divided by P and, if `dropped` is not null, by q_dropped. */
  const divide = (level: number, dropped: number | null): number => {
    const kept = dropped === null ? level : dropped - 1;
    const rest = dropped === null ? 0 : limbs.at('inverse', dropped);
    const sources = specials + (dropped === null ? 0 : 1);
    if (kept < 0) return 0;
    return (
      2 *
      (limbs.special('inverse') +
        rest +
        (sources + 1) * limbs.data('convert', kept) +
        limbs.data('forward', kept) +
        limbs.data('multiply', kept))
    );
  };
  const rescale = (level: number): number =>
    2 *
    (limbs.at('inverse', level) +
      (level === 0
        ? 0
        : limbs.data('convert', level - 1) +
          limbs.data('forward', level - 1) +
          limbs.data('multiply', level - 1)));
  const plain = (level: number, count: number): number =>
    Math.max(2 * limbs.data('accumulate', level), count * word * profile.stream);

  const model: CostModel = {
    backend: 'native',
    slotCount: n / 2,
    linear: byLevel((level): LinearCosts => {
      const diagonalBytes = packedBytes(parameters, level);
      const diagonalWords = (level + 1 + specials) * limbBytes(parameters);
      const baby = innerProduct(level) + move(level) + limbs.data('multiply', level);
      const expand = limbs.extended('forward', level) + limbs.extended('add', level);
      const sums = 2 * limbs.extended('add', level);
      return {
        open: open(level),
        reopen: reopen(level),
        baby,
        giant: reopen(level) + repeatedProduct(level) + move(level) + sums,
        term: Math.max(2 * limbs.extended('accumulate', level), streamed(diagonalBytes, diagonalWords)),
        expand,
        encode: Math.log2(n) * word * profile.encode + expand,
        output: divide(level, level),
        key: KEY_PRICE * baby,
        diagonalBytes,
        coefficientBytes: integerBytes(parameters, level),
      };
    }),
    multiply: byLevel((level) => 4 * limbs.data('multiply', level)),
    // The last division by P is shared with the rescale that follows.
    relinearize: byLevel(
      (level) => open(level) + innerProduct(level) + divide(level, level) - rescale(level),
    ),
    multiplyPlain: byLevel((level) => plain(level, level + 1)),
    add: byLevel((level) => 2 * limbs.data('add', level)),
    // One pass over memory for each term, as for an addition.
    weightedSum: (terms, level) => 2 * terms * limbs.data('add', level),
    rescale: byLevel(rescale),
    // Keys of SEAL's shape cover the whole chain, whatever part of them is used: see `keyNeeds`.
    keyBytes: (level) => usedKeyBytes(isSealShaped(parameters) ? Math.max(level, top) : level),
    keyWorth: (bytes) => (KEY_WORTH_PER_MIB * bytes) / 2 ** 20,
  };
  if (parameters.refresh === undefined) return model;
  // Both polynomials modulo q_0 in all limbs, one of them and the special ones times the key.
  const raising =
    limbs.data('forward', top) +
    limbs.extended('forward', top) +
    2 * limbs.extended('accumulate', top) +
    divide(top, null);
  return { ...model, refresh: refreshCosts(parameters, model, raising) };
}

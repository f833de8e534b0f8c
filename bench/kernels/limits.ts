/** How fast the machine would allow a kernel or an operation to be: multiplications issued and bytes moved (the roofline). */
import { packedWidth } from '../../src/program/native-keys.ts';
import type { KernelTime, RingShape } from './result.ts';

export type Limits = Readonly<Record<string, number>>;
export type MeasuredKernel = Omit<KernelTime, 'arithmeticNs' | 'memoryNs' | 'fractionOfLimit'>;

/** Bytes up to which a working set is taken to be in a cache: as much as today's servers have, so that limits are not set too low. */
const CACHES = [
  { limit: 'triad_l1_gb_s', bytes: 32 << 10 },
  { limit: 'triad_l2_gb_s', bytes: 1 << 20 },
  { limit: 'triad_l3_gb_s', bytes: 32 << 20 },
] as const;

/** Vector multiplications per nanosecond that bound a path; absent where the processor lacks it. */
const RATES: Readonly<Record<string, string>> = {
  avx2: 'fma_256_g_s',
  avx512: 'multiply_32_512_g_s',
  ifma: 'ifma_512_g_s',
};

export function withLimits(kernel: MeasuredKernel, limits: Limits): KernelTime {
  const path =
    kernel.path === 'automatic' ? (limits['ifma_512_g_s'] === undefined ? null : 'ifma') : kernel.path;
  const rate = path === null ? undefined : limits[RATES[path] ?? ''];
  const arithmeticNs = rate === undefined ? null : kernel.multiplications / rate;
  const memoryNs = kernel.bytes / bandwidth(kernel.bytes, limits);
  return {
    ...kernel,
    arithmeticNs,
    memoryNs,
    fractionOfLimit: Math.max(arithmeticNs ?? 0, memoryNs) / kernel.ns,
  };
}

/** GB/s of a working set of so many bytes. */
function bandwidth(bytes: number, limits: Limits): number {
  const cache = CACHES.find((one) => bytes <= one.bytes);
  return limits[cache?.limit ?? 'triad_dram_gb_s']!;
}

/** What key switching of one polynomial costs at the least, in vector multiplications and bytes of key. */
interface Work {
  readonly multiplications: number;
  readonly bytes: number;
}

/** IFMA multiplications of one butterfly, one product with a sum (both halves), one product of two polynomials. */
const BUTTERFLY = 3;
const ACCUMULATE = 2;
const MULTIPLY = 7;
const LANES = 8;

/**
 * Milliseconds below which no operation of the engine can be on this machine, at full height of the chain; null where it is not
 * counted, or the processor has no IFMA. Transforms of 60-bit primes are counted as if they were as cheap as the others: a limit
 * that is a little too low.
 */
export function limitMs(operation: string, shape: RingShape, limits: Limits): number | null {
  const rate = limits['ifma_512_g_s'];
  const work = workOf(operation, shape);
  if (rate === undefined || work === null) return null;
  return Math.max(work.multiplications / rate, work.bytes / bandwidth(work.bytes, limits)) / 1e6;
}

function workOf(operation: string, shape: RingShape): Work | null {
  const { degree, dataPrimes, specialPrimes, digits, largestBits } = shape;
  const extended = dataPrimes + specialPrimes;
  const vectors = degree / LANES;
  const transform = (Math.log2(degree) / 2) * vectors * BUTTERFLY;
  const digitSize = Math.ceil(dataPrimes / digits);
  // A digit of one prime is only reduced; a larger one is converted to every prime that is not its own.
  const conversions = digitSize === 1 ? 0 : dataPrimes * (extended - digitSize) * ACCUMULATE * vectors;
  const decompose = dataPrimes * transform + conversions + (digits * extended - dataPrimes) * transform;
  const inner = 2 * digits * extended * ACCUMULATE * vectors;
  const divide =
    2 * (extended * transform + (specialPrimes * dataPrimes * ACCUMULATE + dataPrimes * BUTTERFLY) * vectors);
  const keyBytes = 2 * digits * extended * degree * packedWidth(1n << BigInt(largestBits));
  const ciphertextBytes = 2 * dataPrimes * degree * 8;
  switch (operation) {
    case 'rotate':
      return { multiplications: decompose + inner + divide, bytes: keyBytes + 2 * ciphertextBytes };
    case 'multiply, relinearize':
      return {
        multiplications: 4 * dataPrimes * MULTIPLY * vectors + decompose + inner + divide,
        bytes: keyBytes + 2 * ciphertextBytes,
      };
    case 'hoisted rotation':
      return { multiplications: inner + divide, bytes: keyBytes + ciphertextBytes };
    case 'hoisted rotation, division deferred':
      // Its result has the special primes too, and is written out.
      return { multiplications: inner, bytes: keyBytes + 2 * extended * degree * 8 };
    case 'multiply plain':
      return {
        multiplications: 2 * dataPrimes * BUTTERFLY * vectors,
        bytes: 2 * ciphertextBytes + dataPrimes * degree * 8,
      };
    case 'rescale':
      return {
        multiplications: 2 * (dataPrimes * transform + dataPrimes * BUTTERFLY * vectors),
        bytes: 2 * ciphertextBytes,
      };
    default:
      return null;
  }
}

import { describe, expect, it } from 'vitest';
import type { Instruction, Program, ValueInfo } from '../../program/program.ts';
import type { Layout } from '../../program/layout.ts';
import { nearestNttPrime } from '../../program/primes.ts';
import { roundingStep } from '../../program/rounding.ts';
import { checkParameters, type CkksParameters } from '../../program/security.ts';
import { fromDense } from '../../program/slot-vector.ts';
import { BOUND_MARGIN } from './bounds.ts';
import { gatheredShares, noiseSources, quietHeadroomBits } from './noise-sources.ts';
import { forecastNoise, ownVariances, worstDeviations } from './noise.ts';

const N = 8192;
const SLOTS = N / 2;

function parametersOf(
  bits: readonly number[],
  special: readonly number[],
  dnum: number,
  n = N,
): CkksParameters {
  const taken = new Set<bigint>();
  const prime = (size: number): bigint => {
    const found = nearestNttPrime(2 ** size * 0.99, n, taken, 60)!;
    taken.add(found);
    return found;
  };
  const [dataPrimes, specialPrimes] = [bits.map(prime), special.map(prime)];
  return checkParameters({
    scheme: 'ckks',
    polyModulusDegree: n,
    dataPrimes,
    specialPrimes,
    securityLevel: 128,
    secretDistribution: 'uniform-ternary',
    scaleBits: 40,
    dnum,
  });
}

const PARAMETERS = parametersOf([60, 40, 40], [60], 3);

function layout(): Layout {
  const positions = Int32Array.from({ length: SLOTS }, (_, i) => i);
  return { shape: [SLOTS], slotCount: SLOTS, ciphertexts: 1, period: SLOTS, positions, format: 'row' };
}

interface ValueSketch {
  readonly level: number;
  readonly scale?: number;
  readonly bound?: number;
}

/** Value 0 is the input, the last value the output. */
function program(values: readonly ValueSketch[], instructions: readonly Instruction[]): Program {
  return {
    slotCount: SLOTS,
    inputs: [{ name: 'x', value: 0, layout: layout() }],
    outputs: [{ name: 'y', value: values.length - 1, layout: layout() }],
    values: values.map((value, id): ValueInfo => ({
      id,
      layer: `${id}`,
      ciphertexts: 1,
      scale: 2 ** 40,
      bound: 1,
      ...value,
    })),
    instructions,
    rotationKeys: [],
    relinearizationLevel: null,
  };
}

/** y = Σ_k factor · x rotated by k, for `terms` rotations with one keyed step each (none for the first). */
function linear(
  terms: number,
  factor: number,
  options: { giantKeys?: number; reductions?: number[][] } = {},
): Instruction {
  const diagonal = fromDense(new Float64Array(SLOTS).fill(factor));
  return {
    kind: 'linear',
    layer: 'fc',
    inputs: [0],
    output: 1,
    level: 2,
    plainScales: [2 ** 40],
    babies: Array.from({ length: terms }, (_, k) => ({
      source: 0,
      step: k,
      from: -1,
      via: k === 0 ? [] : [k],
    })),
    outputs: [
      {
        giants: [
          {
            step: 0,
            into: -1,
            via: Array<number>(options.giantKeys ?? 0).fill(1),
            terms: Array.from({ length: terms }, (_, baby) => ({ baby, diagonal })),
          },
        ],
        reductions: options.reductions ?? [],
        bias: null,
      },
    ],
  };
}

function outputVariance(p: Program, parameters = PARAMETERS): number {
  return forecastNoise(p, parameters).std.at(-1)! ** 2;
}

describe('digits of one prime, which are not centred', () => {
  /** Slot by slot over the mean: of one rotation by 5, then a giant step by 3. */
  const uneven = (special: number): Float64Array => {
    const parameters = parametersOf([44, 40, 40], [special], 3);
    const instruction = linear(2, 1);
    if (instruction.kind !== 'linear') throw new Error('a linear map is wanted');
    const babies = [{ source: 0, step: 5, from: -1, via: [5] }];
    const terms = instruction.outputs[0]!.giants[0]!.terms.slice(0, 1);
    const outputs = [{ giants: [{ step: 3, into: -1, via: [3], terms }], reductions: [], bias: null }];
    const [, own] = ownVariances(
      program([{ level: 2 }, { level: 1 }], [{ ...instruction, babies, outputs }]),
      parameters,
      [1, 1],
    );
    return own!.slots![0]!.map((variance) => variance / own!.mean);
  };

  it('share their noise among the slots: four fifths of it are in slot 0', () => {
    const shares = gatheredShares(SLOTS);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(SLOTS, 6);
    expect(shares[0]! / SLOTS).toBeCloseTo(8 / Math.PI ** 2, 3);
  });

  it('make slot 0 of every rotation stand out, wherever a giant step moves it', () => {
    const slots = uneven(47);
    const most = slots.indexOf(Math.max(...slots));
    expect(most).toBe(SLOTS - 3);
    expect(slots[most]).toBeGreaterThan(100);
  });

  it('leave all slots alike where the special prime is large enough', () => {
    expect(Math.max(...uneven(44 + quietHeadroomBits(N)))).toBeLessThan(1.001);
  });
});

describe('noiseSources', () => {
  it('has the closed forms of encryption, encoding and rescaling', () => {
    const sources = noiseSources(PARAMETERS);
    const scale = 2 ** 30;
    // Encryption under a public key rounds once; under the secret key it would be 3.2² N / 2.
    expect(sources.fresh(scale) * scale ** 2).toBeCloseTo((N / 24) * (1 + (2 * N) / 3) + N / 12, 3);
    expect(sources.plaintext(scale) * scale ** 2).toBeCloseTo(N / 12, 9);
    expect(sources.rescale(scale) * scale ** 2).toBeCloseTo((N / 24) * (1 + (2 * N) / 3), 3);
  });

  it('has the closed form of a key switch with one digit per prime', () => {
    const [q0, q1, q2] = PARAMETERS.dataPrimes.map(Number) as [number, number, number];
    const p = Number(PARAMETERS.specialPrimes[0]);
    const rounding = (1 + (2 * N) / 3) / 12;
    const switched = (N * 3.2 ** 2 * (q0 ** 2 + q1 ** 2 + q2 ** 2)) / 3 / p ** 2;
    expect(noiseSources(PARAMETERS).keySwitch(2, 1) / (N / 2)).toBeCloseTo(switched + rounding, 6);
  });

  it('makes larger special moduli better and larger digits worse', () => {
    const keySwitch = (special: number[], dnum: number, level = 3): number =>
      noiseSources(parametersOf([45, 45, 45, 45], special, dnum, 16384)).keySwitch(level, 1);
    const base = keySwitch([50, 50], 2);
    expect(keySwitch([55, 55], 2)).toBeLessThan(base);
    expect(keySwitch([50, 50], 4)).toBeLessThan(base);
    expect(keySwitch([50, 50], 2, 1)).toBeLessThan(base);
  });
});

describe('forecastNoise', () => {
  it('adds the squares of a linear map’s entries, and key switches per rotation', () => {
    const sources = noiseSources(PARAMETERS);
    const values = [{ level: 2 }, { level: 1 }];
    const plain = sources.plaintext(2 ** 40) / BOUND_MARGIN ** 2 / 3;
    const fresh = sources.fresh(2 ** 40);
    const keySwitch = sources.keySwitch(2, 2 ** 40);
    const rescale = sources.rescale(2 ** 40);
    const expectVariance = (instruction: Instruction, expected: number): void =>
      expect(outputVariance(program(values, [instruction])) / expected).toBeCloseTo(1, 9);
    expectVariance(linear(1, 3), 9 * fresh + plain + rescale);
    expectVariance(linear(4, 3), 4 * 9 * fresh + 3 * 9 * keySwitch + 4 * plain + rescale);
    // A giant step is switched at the square of the scale, where it hardly counts.
    const giant = linear(1, 3, { giantKeys: 2 });
    expectVariance(giant, 9 * fresh + plain + 2 * sources.keySwitch(2, 2 ** 80) + rescale);
    expectVariance(linear(1, 3, { reductions: [[1], [2]] }), 4 * (9 * fresh + plain) + rescale);
  });

  it('averages over the slots that a sparse map fills, not over all', () => {
    const one = new Float64Array(SLOTS);
    one[5] = 1000;
    const sparse = linear(1, 1);
    if (sparse.kind !== 'linear') throw new Error('not linear');
    const terms = [{ baby: 0, diagonal: fromDense(one) }];
    const giants = [{ step: 0, into: -1, via: [], terms }];
    const instruction = { ...sparse, outputs: [{ giants, reductions: [], bias: null }] };
    const fresh = noiseSources(PARAMETERS).fresh(2 ** 40);
    expect(outputVariance(program([{ level: 2 }, { level: 1 }], [instruction]))).toBeGreaterThan(1e6 * fresh);
  });

  it('passes errors through a square by its derivative', () => {
    const square: Instruction = {
      kind: 'polynomial',
      layer: 'relu',
      input: 0,
      output: 1,
      level: 2,
      degree: 2,
      unitLeading: true,
      coefficients: [[0, 0]],
    };
    const sources = noiseSources(PARAMETERS);
    const bound = 1000;
    const variance = outputVariance(
      program(
        [
          { level: 2, bound },
          { level: 1, bound: bound ** 2 },
        ],
        [square],
      ),
    );
    // mean of (2x)² for x uniform in ±800; what the product adds is negligible beside it
    const gain = (4 * 800 ** 2) / 3;
    expect(variance / (gain * sources.fresh(2 ** 40))).toBeCloseTo(1, 2);
    const product: Instruction = { kind: 'product', layer: 'mul', left: 0, right: 0, output: 1, level: 2 };
    const same = outputVariance(
      program(
        [
          { level: 2, bound },
          { level: 1, bound: bound ** 2 },
        ],
        [product],
      ),
    );
    expect(same / variance).toBeCloseTo(1, 2);
  });

  it('weighs per-slot coefficients by the slots that have any', () => {
    const half = new Float64Array(SLOTS);
    half.fill(100, 0, SLOTS / 2);
    const affine = (c1: number | ReturnType<typeof fromDense>): Instruction => ({
      kind: 'polynomial',
      layer: 'relu',
      input: 0,
      output: 1,
      level: 2,
      degree: 3,
      unitLeading: false,
      coefficients: [[0, c1, 0, 0]],
    });
    const values = [{ level: 2 }, { level: 0 }];
    const whole = outputVariance(program(values, [affine(100)]));
    expect(outputVariance(program(values, [affine(fromDense(half))])) / whole).toBeCloseTo(1, 2);
    expect(whole).toBeGreaterThan(1e4 * noiseSources(PARAMETERS).fresh(2 ** 40));
  });

  it('promises more bits at larger scales, fewer after more work', () => {
    const bits = (scale: number, terms: number): number => {
      const values = [
        { level: 2, scale },
        { level: 1, scale },
      ];
      return forecastNoise(program(values, [linear(terms, 1)]), PARAMETERS).outputs[0]!.precisionBits;
    };
    expect(bits(2 ** 40, 8) - bits(2 ** 35, 8)).toBeGreaterThan(4.5);
    expect(bits(2 ** 40, 8)).toBeLessThan(bits(2 ** 40, 2));
    expect(bits(2 ** 40, 2)).toBeGreaterThan(20);
    expect(bits(2 ** 40, 2)).toBeLessThan(30);
  });

  it('states precision of the worst element: relative to the bound, and to what is typical with the rounding', () => {
    const { std, outputs } = forecastNoise(
      program([{ level: 2 }, { level: 1, bound: 8 }], [linear(2, 1)]),
      PARAMETERS,
    );
    const worst = worstDeviations(SLOTS).mixed * std[1]!;
    expect(outputs[0]!.boundBits).toBeCloseTo(-Math.log2(worst / 8), 12);
    const { rounding, precisionBits } = outputs[0]!;
    expect(rounding).toBe(roundingStep(8, outputs[0]!.boundBits) / 2);
    expect(precisionBits).toBeCloseTo(-Math.log2((worst + rounding) / (8 / BOUND_MARGIN)), 12);
  });

  it('counts deviations for the worst of all elements, more of them where slots do not mix', () => {
    // P(|X| > 4.0556) = 5.0e-5 of a standard normal, the chance for one of 10 × 20; e^(−√2 · 7.003) likewise of a Laplace distribution.
    expect(worstDeviations(10).mixed).toBeCloseTo(4.0556, 3);
    expect(worstDeviations(10).fresh).toBeCloseTo(7.003, 3);
    expect(worstDeviations(2304).mixed).toBeGreaterThan(5.1);
  });

  it('forecasts float64 errors for programs that are only run in the clear', () => {
    const clear = checkParameters({
      ...PARAMETERS,
      scheme: 'cleartext',
      dataPrimes: PARAMETERS.dataPrimes.map(() => 2n ** 40n),
      specialPrimes: [],
      dnum: 1,
    });
    const forecast = forecastNoise(program([{ level: 2 }, { level: 1, bound: 8 }], [linear(2, 1)]), clear);
    expect(forecast.outputs[0]!.rounding).toBe(0);
    expect(forecast.outputs[0]!.boundBits).toBeCloseTo(44 + 2 - Math.log2(worstDeviations(SLOTS).mixed), 9);
  });
});

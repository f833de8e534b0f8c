import { describe, expect, it } from 'vitest';
import type { PolynomialInstruction } from '../../program/program.ts';
import { nearestNttPrime } from '../../program/primes.ts';
import { checkParameters } from '../../program/security.ts';
import { interpolate } from '../approx/minimax.ts';
import { noiseSources } from './noise-sources.ts';
import { evaluationNoise } from './polynomial-noise.ts';

const DEPTH = 10;

/** Error of |x| by a polynomial of the degree on N = 32768 with primes of the scale's size, in bits below 1. */
function bits(
  degree: number,
  scaleBits: number,
  coefficients?: PolynomialInstruction['coefficients'][number],
) {
  const taken = new Set<bigint>();
  const prime = (size: number): bigint => {
    const found = nearestNttPrime(2 ** size, 32768, taken, 60)!;
    taken.add(found);
    return found;
  };
  const dataPrimes = Array.from({ length: DEPTH + 1 }, () => prime(scaleBits));
  const parameters = checkParameters({
    scheme: 'ckks',
    securityLevel: 128,
    polyModulusDegree: 32768,
    dataPrimes,
    specialPrimes: [prime(scaleBits + 4)],
    secretDistribution: 'uniform-ternary',
    dnum: DEPTH + 1,
    scaleBits,
  });
  const instruction: PolynomialInstruction = {
    kind: 'polynomial',
    layer: 'abs',
    input: 0,
    output: 1,
    level: DEPTH,
    degree,
    unitLeading: false,
    coefficients: [coefficients ?? [...interpolate(Math.abs, degree)]],
  };
  const ring = { slotCount: 16384, primes: dataPrimes.map(Number), sources: noiseSources(parameters) };
  return -0.5 * Math.log2(evaluationNoise(instruction, 0.95, 2 ** scaleBits, ring));
}

describe('evaluationNoise', () => {
  it('falls by a bit per bit of the scale', () => {
    expect(bits(62, 40) - bits(62, 38)).toBeCloseTo(2, 2);
    expect(bits(1022, 40) - bits(1022, 38)).toBeCloseTo(2, 1);
  });

  it('knows where errors drive high powers out of bounds', () => {
    expect(bits(1022, 32)).toBeGreaterThan(8);
    expect(bits(1022, 27)).toBeLessThan(1);
    expect(bits(62, 27)).toBeGreaterThan(8);
  });

  it('is that of the slots which have coefficients', () => {
    const uniform = [...interpolate(Math.abs, 30)];
    const half = uniform.map((c) => {
      const values = new Float64Array(16384);
      values.fill(c, 0, 8192);
      return { indices: null, values };
    });
    // Encoded vectors add errors of their own; 2,048 arguments pin a deviation to 0.02 bits.
    expect(bits(30, 40, uniform) - bits(30, 40, half)).toBeGreaterThan(-0.1);
    expect(bits(30, 40, uniform) - bits(30, 40, half)).toBeLessThan(0.5);
  });
});

/**
 * Forecast of the invariant noise budget of a BFV program, bits, found by interpreting it on noise alone.
 *
 * A ciphertext c at modulus q with message m is t·c(s) = q·m + E modulo t·q; decryption is exact while |E| < q / 2, and the budget is
 * log2(q / 2|E|) (Fan and Vercauteren, eprint 2012/144; SEAL's `invariant_noise_budget`). Followed is the standard deviation
 * of a coefficient of E, average-case where randomness is known (keys, errors, roundings; Costache et al., eprint
 * 2019/493) and worst-case where it is not (plaintexts are taken to have coefficients ±t/2).
 */
import type { Coefficient, Program } from '../../program/program.ts';
import { operandsOf } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import { ERROR_STANDARD_DEVIATION } from '../../program/security.ts';
import { CountingAlgebra } from '../../program/semantics/counting-algebra.ts';
import type { ShapeCiphertext, ShapePlaintext } from '../../program/semantics/counting-algebra.ts';
import { evaluateInstruction } from '../../program/semantics/evaluate-instruction.ts';
import type { SlotAlgebra } from '../../program/semantics/slot-algebra.ts';

export interface NoisyCiphertext extends ShapeCiphertext {
  /** Standard deviation of a coefficient of E. */
  std: number;
  /** Shared by what differs by rotations alone: their errors add up, rather than their variances. */
  origin: object;
}

interface NoisyPlaintext extends ShapePlaintext {
  /** Euclidean norm of its polynomial. */
  readonly norm: number;
}

/** The largest of N coefficients of E, in standard deviations: exceeded by none of 2^15 with probability 1 − 10^−4. */
const DEVIATIONS = 6;

export class NoiseAlgebra implements SlotAlgebra<NoisyCiphertext, NoisyPlaintext> {
  readonly slotCount: number;
  readonly #shapes: CountingAlgebra;
  readonly #primes: readonly number[];
  readonly #special: number;
  readonly #n: number;
  readonly #t: number;

  constructor(parameters: CkksParameters) {
    this.#n = parameters.polyModulusDegree;
    this.slotCount = this.#n / 2;
    this.#primes = parameters.dataPrimes.map(Number);
    this.#special = Number(parameters.specialPrimes[0]!);
    this.#t = Math.max(...(parameters.plainModuli ?? []).map(Number));
    this.#shapes = new CountingAlgebra(
      this.slotCount,
      this.#primes.map(() => 1),
    );
  }

  /** With a public key, the noisier way. */
  fresh(level: number): NoisyCiphertext {
    // What switching down from the special prime rounds, and half a unit in scaling the message up.
    const std = this.#t * Math.hypot(this.#rounding(1), 0.5);
    return { level, scale: 1, degree: 1, std, origin: {} };
  }

  /** Bits left at a ciphertext's level. */
  budget({ level, std }: NoisyCiphertext): number {
    const logQ = this.#primes.slice(0, level + 1).reduce((sum, prime) => sum + Math.log2(prime), 0);
    return logQ - 1 - Math.log2(DEVIATIONS * std);
  }

  primeAt(level: number): number {
    return this.#shapes.primeAt(level);
  }

  levelOf(ciphertext: NoisyCiphertext): number {
    return ciphertext.level;
  }

  scaleOf(ciphertext: NoisyCiphertext): number {
    return ciphertext.scale;
  }

  rotate(ciphertext: NoisyCiphertext, step: number): NoisyCiphertext {
    const rotated = { ...ciphertext };
    this.rotateInPlace(rotated, step);
    return rotated;
  }

  rotateInPlace(ciphertext: NoisyCiphertext, step: number): void {
    this.#shapes.rotateInPlace(ciphertext, step);
    this.#switchKeys(ciphertext);
  }

  dropToLevel(ciphertext: NoisyCiphertext, level: number): NoisyCiphertext {
    const dropped = { ...ciphertext };
    while (dropped.level > level) this.#switchModulus(dropped);
    return dropped;
  }

  /**
   * E₁ meets m₂ + t·k₂ and the other way round, where k is the multiple of q in c(s); and the product of degree 2 in the secret is
   * rounded. SEAL extends residues to another base as numbers in 0 … q, not centred (Bajard et al., eprint 2016/510), so that
   * with a ternary secret k has mean square 2N/3 · 1/3.
   */
  multiply(left: NoisyCiphertext, right: NoisyCiphertext, scale: number): NoisyCiphertext {
    const shape = this.#shapes.multiply(left, right, scale);
    const other = this.#t * Math.sqrt(this.#n) * Math.hypot(Math.sqrt((2 / 9) * this.#n), 1 / 2);
    const noise = left === right ? 2 * left.std : Math.hypot(left.std, right.std);
    return { ...shape, std: Math.hypot(noise * other, this.#t * this.#rounding(2)), origin: {} };
  }

  multiplyPlain(ciphertext: NoisyCiphertext, plain: NoisyPlaintext, scale: number): NoisyCiphertext {
    const shape = this.#shapes.multiplyPlain(ciphertext, plain, scale);
    return { ...shape, std: ciphertext.std * plain.norm, origin: {} };
  }

  multiplyPlainAddInPlace(sum: NoisyCiphertext, ciphertext: NoisyCiphertext, plain: NoisyPlaintext): void {
    this.#shapes.multiplyPlainAddInPlace(sum, ciphertext, plain);
    sum.std = Math.hypot(sum.std, ciphertext.std * plain.norm);
    sum.origin = {};
  }

  /**
   * A ciphertext and its rotation: rotate-and-add ends in a subring, whose coefficients all copies share, so that these grow with
   * the number of copies and not with its root.
   */
  addInPlace(sum: NoisyCiphertext, addend: NoisyCiphertext): void {
    this.#shapes.addInPlace(sum, addend);
    if (sum.origin === addend.origin) {
      sum.std += addend.std;
    } else {
      sum.std = Math.hypot(sum.std, addend.std);
      sum.origin = {};
    }
  }

  addPlainInPlace(sum: NoisyCiphertext, plain: NoisyPlaintext): void {
    this.#shapes.addPlainInPlace(sum, plain);
    sum.std = Math.hypot(sum.std, this.#t / 2);
  }

  relinearizeInPlace(ciphertext: NoisyCiphertext): void {
    if (ciphertext.degree === 1) return;
    this.#shapes.relinearizeInPlace(ciphertext);
    this.#switchKeys(ciphertext);
  }

  rescaleInPlace(ciphertext: NoisyCiphertext, _scale: number): void {
    this.#switchModulus(ciphertext);
  }

  /** t times the ciphertext, see the BFV algebra; its message wraps around up to t/2 times, by q mod t each. */
  zeroFrom(ciphertext: NoisyCiphertext): NoisyCiphertext {
    return { ...ciphertext, std: Math.hypot(ciphertext.std * this.#t, this.#t * this.#t) };
  }

  encode(value: Coefficient, level: number, scale: number): NoisyPlaintext | null {
    if (this.#shapes.encode(value, level, scale) === null) return null;
    const norm = typeof value === 'number' ? Math.abs(value) : (Math.sqrt(this.#n) * this.#t) / 2;
    return { level, scale, norm: Math.min(norm, (Math.sqrt(this.#n) * this.#t) / 2) };
  }

  free(): void {
    // Nothing is held.
  }

  release(): void {
    // Nothing is held.
  }

  /** SEAL's digits are residues in 0 … q_j − 1; each meets the key's error, and the sum is divided by the special prime. */
  #switchKeys(ciphertext: NoisyCiphertext): void {
    const digits = Math.hypot(...this.#primes.slice(0, ciphertext.level + 1)) / Math.sqrt(3);
    const switching = (digits * Math.sqrt(this.#n) * ERROR_STANDARD_DEVIATION) / this.#special;
    ciphertext.std = Math.hypot(ciphertext.std, this.#t * Math.hypot(switching, this.#rounding(1)));
  }

  #switchModulus(ciphertext: NoisyCiphertext): void {
    ciphertext.std = Math.hypot(
      ciphertext.std / this.#primes[ciphertext.level]!,
      this.#t * this.#rounding(ciphertext.degree),
    );
    ciphertext.level--;
  }

  /** Of c_0 + c_1 s (+ c_2 s²) whose coefficients are rounded; the variance of s is 2/3 per coefficient. */
  #rounding(degree: 1 | 2): number {
    const secret = (2 / 3) * this.#n;
    return Math.sqrt((1 + secret + (degree === 2 ? secret * secret : 0)) / 12);
  }
}

/** Forecast budget of each program output (its worst ciphertext), bits; negative where it would not decrypt. */
export function forecastNoiseBudget(program: Program, parameters: CkksParameters): number[] {
  const algebra = new NoiseAlgebra(parameters);
  const values = new Map<number, NoisyCiphertext[]>();
  for (const { value } of program.inputs) {
    const { ciphertexts, level } = program.values[value]!;
    values.set(
      value,
      Array.from({ length: ciphertexts }, () => algebra.fresh(level)),
    );
  }
  for (const instruction of program.instructions) {
    const operands = operandsOf(instruction).map((id) => values.get(id)!);
    values.set(instruction.output, evaluateInstruction(algebra, program, instruction, operands));
  }
  return program.outputs.map(({ value }) =>
    Math.min(...values.get(value)!.map((ciphertext) => algebra.budget(ciphertext))),
  );
}

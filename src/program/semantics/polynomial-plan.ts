/**
 * How a Chebyshev sum is split into products (Paterson–Stockmeyer in the Chebyshev basis; Bossuat et al., EUROCRYPT
 * 2021, §5, depth-optimal recursion). T_{g+j} = 2·T_g·T_j − T_{g−j}, j ≤ g, gives p = q·T_g + r with deg q ≤ g > deg r.
 */
import { InternalError } from '../../errors.ts';
import type { Coefficient, PolynomialInstruction } from '../program.ts';
import { polynomialDepth } from '../program.ts';
import type { SlotVector } from '../slot-vector.ts';
import { isZero } from '../slot-vector.ts';

/** Σ products quotient·T_giant + Σ terms coefficient·T_k + constant; absent coefficients are exactly zero. */
export interface ChebyshevSum {
  readonly products: readonly { readonly giant: number; readonly quotient: ChebyshevSum }[];
  readonly terms: readonly { readonly k: number; readonly coefficient: Coefficient }[];
  readonly constant: Coefficient | null;
}

export interface PolynomialPlan {
  readonly depth: number;
  /** T_{leadingPower}(x)² is added, if not null. */
  readonly leadingPower: number | null;
  /** Indices k ≥ 2 of the T_k needed, ascending; each is made from T_⌈k/2⌉ and T_⌊k/2⌋. */
  readonly powers: readonly number[];
  /** One per ciphertext, all of the same structure save for constants and missing terms. */
  readonly sums: readonly ChebyshevSum[];
}

/** Rescales needed to make T_k. */
export function chebyshevDepth(k: number): number {
  return Math.ceil(Math.log2(k));
}

/** Babies are T_1 … T_{babies−1}; splits are at `giants`, or at a power of two where the depth allows no other. */
export interface SplitShape {
  readonly babies: number;
  /** Ascending. */
  readonly giants: readonly number[];
}

/** The shapes worth trying for a degree, fewest products not first: their costs must be compared. */
export function splitShapes(degree: number): SplitShape[] {
  const shapes: SplitShape[] = [];
  for (let babies = 2; babies <= Math.min(degree + 1, 16); babies++) {
    // A giant may also be the last baby: then the quotient's degree may reach it.
    for (const first of [babies, babies - 1]) {
      const giants = [first];
      do {
        shapes.push({ babies, giants: [...giants] });
        giants.push(2 * giants.at(-1)!);
      } while (giants.at(-1)! <= degree);
    }
  }
  return shapes.length === 0 ? [{ babies: 2, giants: [2] }] : shapes;
}

export type PolynomialForm = Pick<PolynomialInstruction, 'degree' | 'unitLeading' | 'coefficients'>;

/** For each k whether any ciphertext has a non-zero coefficient: the structure of a plan depends on this alone. */
export function nonZeroPattern(form: PolynomialForm): boolean[] {
  const count = form.unitLeading ? form.degree : form.degree + 1;
  return Array.from({ length: count }, (_, k) =>
    form.coefficients.some((list) => !isExactZero(list[k] ?? 0)),
  );
}

/** @throws InternalError for a constant, or if the number of coefficients does not fit the degree */
export function planPolynomial(form: PolynomialForm, slotCount: number, shape: SplitShape): PolynomialPlan {
  const { degree, unitLeading } = form;
  const depth = polynomialDepth(degree, unitLeading);
  if (!Number.isInteger(depth) || depth < 1) {
    throw new InternalError(`a polynomial of degree ${degree} cannot be evaluated on ciphertexts`);
  }
  const nonZero = nonZeroPattern(form);
  const context = { ...shape, slack: depth - 1, slotCount, nonZero };
  const sums = form.coefficients.map((list) => {
    if (list.length !== nonZero.length) {
      throw new InternalError(`expected ${nonZero.length} coefficients, found ${list.length}`);
    }
    const present = list.map((coefficient) => (isExactZero(coefficient) ? null : coefficient));
    return split(present, context);
  });
  const leadingPower = unitLeading ? degree / 2 : null;
  const powers = new Set<number>();
  if (leadingPower !== null) requirePower(leadingPower, powers);
  for (const sum of sums) collectPowers(sum, powers);
  return { depth, leadingPower, powers: [...powers].sort((a, b) => a - b), sums };
}

interface SplitContext extends SplitShape {
  /** Depth that the powers used here may have: those of a quotient must be one level higher. */
  readonly slack: number;
  readonly slotCount: number;
  readonly nonZero: readonly boolean[];
}

function split(coefficients: readonly (Coefficient | null)[], context: SplitContext): ChebyshevSum {
  const { slack, babies, slotCount } = context;
  const products: ChebyshevSum['products'][number][] = [];
  const terms: ChebyshevSum['terms'][number][] = [];
  let rest = [...coefficients];
  let nonZero = [...context.nonZero];
  const direct = (k: number): boolean => k < babies && chebyshevDepth(k) <= slack;
  for (;;) {
    const degree = nonZero.lastIndexOf(true);
    if (nonZero.every((present, k) => k === 0 || !present || direct(k))) break;
    const giant = chooseGiant(degree, context);
    const quotient: (Coefficient | null)[] = [rest[giant] ?? null];
    const quotientNonZero = [nonZero[giant]!];
    const remainder = rest.slice(0, giant);
    const remainderNonZero = nonZero.slice(0, giant);
    for (let j = 1; giant + j <= degree; j++) {
      const coefficient = rest[giant + j] ?? null;
      quotient.push(coefficient === null ? null : scaled(coefficient, 2));
      quotientNonZero.push(nonZero[giant + j]!);
      if (coefficient !== null) {
        remainder[giant - j] = difference(remainder[giant - j] ?? null, coefficient, slotCount);
      }
      remainderNonZero[giant - j] ||= nonZero[giant + j]!;
    }
    if (quotientNonZero.every((present, k) => k === 0 || !present)) {
      if (quotient[0] != null) terms.push({ k: giant, coefficient: quotient[0] });
    } else {
      const inner = { ...context, slack: slack - 1, nonZero: quotientNonZero };
      products.push({ giant, quotient: split(quotient, inner) });
    }
    rest = remainder;
    nonZero = remainderNonZero;
  }
  for (let k = 1; k < rest.length; k++) {
    const coefficient = rest[k] ?? null;
    if (coefficient !== null) terms.push({ k, coefficient });
  }
  return { products, terms, constant: rest[0] ?? null };
}

/** The largest giant that leaves a quotient which fits the depth; a power of two always does. */
function chooseGiant(degree: number, { slack, giants }: SplitContext): number {
  const feasible = giants.filter((giant) => {
    const quotientDegree = degree - giant;
    const fits = quotientDegree === 0 || quotientDegree + 1 <= 2 ** slack;
    return quotientDegree >= 0 && quotientDegree <= giant && chebyshevDepth(giant) <= slack && fits;
  });
  return feasible.at(-1) ?? 2 ** Math.floor(Math.log2(degree));
}

function collectPowers(sum: ChebyshevSum, powers: Set<number>): void {
  for (const { giant, quotient } of sum.products) {
    requirePower(giant, powers);
    collectPowers(quotient, powers);
  }
  for (const { k } of sum.terms) requirePower(k, powers);
}

function requirePower(k: number, powers: Set<number>): void {
  if (k < 2 || powers.has(k)) return;
  powers.add(k);
  requirePower(Math.ceil(k / 2), powers);
  requirePower(Math.floor(k / 2), powers);
}

function isExactZero(coefficient: Coefficient): boolean {
  return typeof coefficient === 'number' ? coefficient === 0 : isZero(coefficient);
}

function scaled(coefficient: Coefficient, factor: number): Coefficient {
  if (typeof coefficient === 'number') return coefficient * factor;
  return { indices: coefficient.indices, values: coefficient.values.map((value) => value * factor) };
}

/** left − right, null if that is exactly zero. */
function difference(left: Coefficient | null, right: Coefficient, slotCount: number): Coefficient | null {
  if (left === null) return scaled(right, -1);
  if (typeof left === 'number' && typeof right === 'number') return left === right ? null : left - right;
  const values = new Float64Array(slotCount);
  addTo(values, left, 1);
  addTo(values, right, -1);
  const vector: SlotVector = { indices: null, values };
  return isZero(vector) ? null : vector;
}

function addTo(sum: Float64Array, coefficient: Coefficient, factor: number): void {
  if (typeof coefficient === 'number') {
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + factor * coefficient;
    return;
  }
  const { indices, values } = coefficient;
  for (let k = 0; k < values.length; k++) {
    const slot = indices === null ? k : indices[k]!;
    sum[slot] = sum[slot]! + factor * values[k]!;
  }
}

/**
 * The transforms between slots and coefficients that bootstrapping needs, as products of few sparse matrices (Chen, Chillotti and
 * Song, eprint 2018/1043; Cheon, Han and Hhan, eprint 2018/1073), in SEAL's order of slots: slot j at ζ^(3^j), ζ = exp(πi / N).
 *
 * "Slots to coefficients" takes n = N / 2 real values to the slots of the polynomial whose lower n coefficients are these values in
 * bit-reversed order; its upper coefficients are zero. With 3 as generator the matrix is not unitary, and what leads back is not its
 * inverse: 2/N times the conjugate transpose gives, as real part, the lower coefficients whatever the upper ones are.
 */

/** (M v)_i = Σ_offset diagonal_i v_{i + offset}: each diagonal belongs to a rotation to the left. */
export type ComplexDiagonals = ReadonlyMap<number, ComplexSlots>;

export interface ComplexSlots {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** Below this a product of roots of unity is zero. */
const ZERO = 1e-9;

/** Which butterfly stages a factor takes, counted from those of the smallest blocks. */
interface Stages {
  readonly first: number;
  readonly stages: number;
}

/** One factor of "slots to coefficients"; factors of small blocks are applied first. */
export function slotsToCoefficients(slotCount: number, { first, stages }: Stages): ComplexDiagonals {
  let factor: ComplexDiagonals = identity(slotCount);
  for (let stage = first; stage < first + stages; stage++)
    factor = product(butterfly(slotCount, 2 ** (stage + 1)), factor);
  return factor;
}

/** One factor of the way back, whose real part counts; see above. Factors of large blocks are applied first. */
export function coefficientsToSlots(slotCount: number, own: Stages): ComplexDiagonals {
  return adjoint(slotsToCoefficients(slotCount, own), 2 ** -own.stages);
}

/** M v. */
export function applyDiagonals(matrix: ComplexDiagonals, { re, im }: ComplexSlots): ComplexSlots {
  const n = re.length;
  const result = zeros(n);
  for (const [offset, diagonal] of matrix) {
    for (let i = 0; i < n; i++) {
      const from = (i + offset) % n;
      result.re[i] = result.re[i]! + diagonal.re[i]! * re[from]! - diagonal.im[i]! * im[from]!;
      result.im[i] = result.im[i]! + diagonal.re[i]! * im[from]! + diagonal.im[i]! * re[from]!;
    }
  }
  return result;
}

/** Index of each slot's coefficient. */
export function bitReversal(count: number): Uint32Array {
  const result = new Uint32Array(count);
  for (let i = 1; i < count; i++) result[i] = (result[i >> 1]! >> 1) | (i & 1 ? count >> 1 : 0);
  return result;
}

/**
 * One stage, blocks of `block`: (u, w) → (u + x w, u − x w) with x_j = exp(2πi 3^j / 4·block); in blocks of two the second root
 * is x³, not −x.
 */
function butterfly(n: number, block: number): ComplexDiagonals {
  const half = block / 2;
  const [own, up, down] = [zeros(n), zeros(n), zeros(n)];
  let power = 1;
  for (let j = 0; j < half; j++, power = (3 * power) % (4 * block)) {
    const angle = (2 * Math.PI * power) / (4 * block);
    const [re, im] = [Math.cos(angle), Math.sin(angle)];
    const second = block > 2 ? [-re, -im] : [Math.cos(3 * angle), Math.sin(3 * angle)];
    for (let first = j; first < n; first += block) {
      own.re[first] = 1;
      up.re[first] = re;
      up.im[first] = im;
      down.re[first + half] = 1;
      [own.re[first + half], own.im[first + half]] = [second[0]!, second[1]!];
    }
  }
  return gather([
    [0, own],
    [half, up],
    [n - half, down],
  ]);
}

function identity(n: number): ComplexDiagonals {
  return new Map([[0, { re: new Float64Array(n).fill(1), im: new Float64Array(n) }]]);
}

/** left · right */
function product(left: ComplexDiagonals, right: ComplexDiagonals): ComplexDiagonals {
  const terms: [number, ComplexSlots][] = [];
  for (const [a, x] of left) {
    const n = x.re.length;
    for (const [b, y] of right) {
      const z = zeros(n);
      for (let i = 0; i < n; i++) {
        const from = (i + a) % n;
        z.re[i] = x.re[i]! * y.re[from]! - x.im[i]! * y.im[from]!;
        z.im[i] = x.re[i]! * y.im[from]! + x.im[i]! * y.re[from]!;
      }
      terms.push([(a + b) % n, z]);
    }
  }
  return gather(terms);
}

/** `factor` times the conjugate transpose. */
function adjoint(matrix: ComplexDiagonals, factor: number): ComplexDiagonals {
  return gather(
    [...matrix].map(([offset, { re, im }]) => {
      const n = re.length;
      const moved = zeros(n);
      for (let i = 0; i < n; i++) {
        const to = (i + offset) % n;
        moved.re[to] = factor * re[i]!;
        moved.im[to] = -factor * im[i]!;
      }
      return [(n - offset) % n, moved];
    }),
  );
}

/** Sums what has the same offset, and leaves out what is zero. */
function gather(terms: readonly (readonly [number, ComplexSlots])[]): ComplexDiagonals {
  const sums = new Map<number, ComplexSlots>();
  for (const [offset, { re, im }] of terms) {
    const known = sums.get(offset);
    if (known === undefined) {
      sums.set(offset, { re, im });
      continue;
    }
    for (let i = 0; i < re.length; i++) {
      known.re[i] = known.re[i]! + re[i]!;
      known.im[i] = known.im[i]! + im[i]!;
    }
  }
  const counts = (values: Float64Array): boolean => values.some((value) => Math.abs(value) > ZERO);
  return new Map([...sums].filter(([, { re, im }]) => counts(re) || counts(im)));
}

function zeros(n: number): ComplexSlots {
  return { re: new Float64Array(n), im: new Float64Array(n) };
}

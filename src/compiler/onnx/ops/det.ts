import type { LegacyNode } from '../legacy-node.ts';
import { rewritten } from '../rewritten.ts';

/** Larger matrices have more products than anyone waits for: 3, 15 and 70 for sizes of 2, 3 and 4. */
const LARGEST = 4;

interface Minors {
  /** Columns of each minor, ascending. */
  readonly columns: readonly (readonly number[])[];
  /** Tensor [..., minors]: the determinants of these columns and of some rows, as many. */
  readonly tensor: string;
}

/** Ascending choices of `count` of the columns 0 … n − 1. */
function choices(n: number, count: number, from = 0): number[][] {
  if (count === 0) return [[]];
  const firsts = Array.from({ length: Math.max(0, n - from) }, (_, i) => from + i);
  return firsts.flatMap((first) => choices(n, count - 1, first + 1).map((rest) => [first, ...rest]));
}

/** Sign of the permutation that sorts `columns`. */
function signOf(columns: readonly number[]): number {
  const inversions = columns.flatMap((a, i) => columns.slice(i + 1).filter((b) => b < a)).length;
  return inversions % 2 === 0 ? 1 : -1;
}

/**
 * Laplace's expansion along half of the rows: det = Σ ± minor(upper rows, S) · minor(lower rows, the other columns). Halving
 * keeps the depth at ⌈log₂ n⌉ products; all minors of as many rows are one tensor, so that each round is one product.
 */
function minors(node: LegacyNode, flat: string, n: number, rows: readonly number[]): Minors {
  if (rows.length === 1) {
    const cells = node.integers(
      'row',
      Array.from({ length: n }, (_, column) => rows[0]! * n + column),
    );
    return { columns: choices(n, 1), tensor: node.precede('Gather', [flat, cells], { axis: -1 }) };
  }
  const half = Math.floor(rows.length / 2);
  const [upper, lower] = [rows.slice(0, half), rows.slice(half)].map((part) =>
    minors(node, flat, n, part),
  ) as [Minors, Minors];
  const columns = choices(n, rows.length);
  const positionIn = ({ columns: all }: Minors, wanted: readonly number[]): number =>
    all.findIndex((each) => each.join() === wanted.join());
  const terms = columns.flatMap((all, minor) =>
    choices(all.length, half).map((chosen) => {
      const above = chosen.map((i) => all[i]!);
      const below = all.filter((column) => !above.includes(column));
      return {
        minor,
        above: positionIn(upper, above),
        below: positionIn(lower, below),
        sign: signOf([...above, ...below]),
      };
    }),
  );
  const pick = (what: string, from: Minors, indices: number[]): string =>
    node.precede('Gather', [from.tensor, node.integers(what, indices)], { axis: -1 });
  const products = node.precede('Mul', [
    pick(
      'above',
      upper,
      terms.map(({ above }) => above),
    ),
    pick(
      'below',
      lower,
      terms.map(({ below }) => below),
    ),
  ]);
  const signs = new Float64Array(terms.length * columns.length);
  for (const [t, { minor, sign }] of terms.entries()) signs[t * columns.length + minor] = sign;
  const matrix = node.scope.addConstant(`${node.name}_signs`, {
    shape: [terms.length, columns.length],
    type: 'float',
    data: signs,
  });
  return { columns, tensor: node.precede('MatMul', [products, matrix]) };
}

export const det = rewritten({
  name: 'Det',
  since: [11, 22],
  summary: 'determinants of small matrices, as sums of products',
  limits: `matrices of at most ${LARGEST} × ${LARGEST}`,
  category: 'arithmetic',
  inputs: [1, 1],
  rewrite: (node) => {
    const shape = node.requireShape(0);
    const n = shape.at(-1)!;
    if (shape.length < 2 || shape.at(-2) !== n) node.fail('it needs square matrices', 'INVALID_SHAPE');
    if (n === 0 || n > LARGEST) {
      node.refuse(
        `the determinant of a ${n} × ${n} matrix has too many products; elimination would divide by encrypted pivots`,
        'end the model before it, and do it after decryption',
      );
    }
    const outer = shape.slice(0, -2);
    const flat = node.precede('Reshape', [node.inputs[0]!, node.integers('flat', [...outer, n * n])]);
    const rows = Array.from({ length: n }, (_, row) => row);
    const { tensor } = minors(node, flat, n, rows);
    node.become('Reshape', [tensor, node.integers('shape', outer)]);
  },
});

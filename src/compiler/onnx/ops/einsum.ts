import { SparseMatrixBuilder } from '../../linear/sparse-matrix.ts';
import type { Shape } from '../../ir/tensor-graph.ts';
import type { LegacyNode } from '../legacy-node.ts';
import type { NodeView } from '../node-view.ts';
import type { LinearDefinition, Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sizeOf, stridedIndices, stridesOf } from '../shapes.ts';

/** More products than this are not summed up. */
const MAX_PRODUCTS = 2 ** 26;

interface Contraction {
  /** Index letters of each operand, "..." replaced by private letters. */
  readonly operands: readonly (readonly string[])[];
  readonly output: readonly string[];
  /** Letters that are summed over. */
  readonly summed: readonly string[];
  readonly sizes: ReadonlyMap<string, number>;
}

/** @returns a reason why the equation does not fit the shapes, or the contraction */
export function parseEquation(equation: string, shapes: readonly Shape[]): Contraction | string {
  const [left, right, ...others] = equation.replace(/\s/g, '').split('->');
  const terms = (left ?? '').split(',');
  if (others.length > 0 || terms.length !== shapes.length) return 'it does not have one term per operand';
  const longest = Math.max(0, ...terms.map((term, i) => broadcastRank(term, shapes[i]!)));
  const expand = (term: string, rank: number): string[] | null => {
    const [before, after, ...rest] = term.split('...');
    if (rest.length > 0 || !/^[A-Za-z]*$/.test((before ?? '') + (after ?? ''))) return null;
    // Broadcast axes align at the end.
    const dots = after === undefined ? [] : Array.from({ length: rank }, (_, k) => `…${longest - rank + k}`);
    return [...(before ?? ''), ...dots, ...(after ?? '')];
  };
  const operands: string[][] = [];
  const sizes = new Map<string, number>();
  for (const [i, term] of terms.entries()) {
    const shape = shapes[i]!;
    const letters = expand(term, broadcastRank(term, shape));
    if (letters?.length !== shape.length) return `term "${term}" does not fit shape [${shape.join(', ')}]`;
    for (const [axis, letter] of letters.entries()) {
      const known = sizes.get(letter) ?? 1;
      const size = shape[axis]!;
      if (known !== 1 && size !== 1 && known !== size)
        return `index ${letter} has sizes ${known} and ${size}`;
      sizes.set(letter, Math.max(known, size));
    }
    operands.push(letters);
  }
  const all = operands.flat();
  const implicit = [...sizes.keys()]
    .filter((letter) => letter.startsWith('…') || all.filter((other) => other === letter).length === 1)
    .sort((a, b) => Number(b.startsWith('…')) - Number(a.startsWith('…')) || (a < b ? -1 : 1));
  const output = right === undefined ? implicit : expand(right, longest);
  if (output === null || output.some((letter) => !sizes.has(letter))) return 'its result has unknown indices';
  if (new Set(output).size !== output.length) return 'its result repeats an index';
  const summed = [...sizes.keys()].filter((letter) => !output.includes(letter));
  return { operands, output, summed, sizes };
}

function broadcastRank(term: string, shape: Shape): number {
  return term.includes('...') ? shape.length - (term.length - 3) : 0;
}

function contraction(view: NodeView): Contraction {
  const shapes = view.node.inputs.map((_, index) => view.shape(index));
  const parsed = parseEquation(view.string('equation'), shapes);
  if (typeof parsed === 'string') view.fail('INVALID_ATTRIBUTE', `equation: ${parsed}`);
  return parsed;
}

/** Element of operand `index` that each assignment of the letters reads. */
function positions(
  shape: Shape,
  letters: readonly string[],
  over: readonly string[],
  sizes: readonly number[],
): Int32Array {
  const strides = stridesOf(shape);
  const stride = over.map((letter) =>
    letters.reduce((sum, own, axis) => sum + (own === letter && shape[axis] !== 1 ? strides[axis]! : 0), 0),
  );
  return stridedIndices(sizes, stride);
}

function linear(view: NodeView): LinearDefinition {
  const { operands, output, summed, sizes } = contraction(view);
  const sizesOf = (letters: readonly string[]): number[] => letters.map((letter) => sizes.get(letter)!);
  const [outer, inner] = [sizesOf(output), sizesOf(summed)];
  if (sizeOf(outer) * sizeOf(inner) > MAX_PRODUCTS)
    view.fail('TENSOR_TOO_LARGE', `it sums up more than ${MAX_PRODUCTS} products`);
  const encrypted = view.encryptedInputs()[0] ?? 0;
  const shape = view.shape(encrypted);
  const at = operands.map((letters, index) => ({
    outer: positions(view.shape(index), letters, output, outer),
    inner: positions(view.shape(index), letters, summed, inner),
  }));
  const constants = operands.map((_, index) => (index === encrypted ? null : view.parameter(index).data));
  const builder = new SparseMatrixBuilder(sizeOf(outer), sizeOf(shape));
  for (let row = 0; row < sizeOf(outer); row++) {
    for (let k = 0; k < sizeOf(inner); k++) {
      let weight = 1;
      for (const [index, data] of constants.entries())
        if (data !== null) weight *= data[at[index]!.outer[row]! + at[index]!.inner[k]!]!;
      builder.add(at[encrypted]!.outer[row]! + at[encrypted]!.inner[k]!, weight);
    }
    builder.endRow();
  }
  return { terms: [{ input: encrypted, matrix: builder.build() }], bias: null };
}

/** Two encrypted operands: both spread over all indices, multiplied and summed. */
function rewrite(node: LegacyNode): void {
  const encrypted = node.inputs.flatMap((_, index) => (node.isEncrypted(index) ? [index] : []));
  if (encrypted.length < 2) return;
  if (encrypted.length > 2 || node.inputs.length > 2)
    node.refuse('only two encrypted operands can be multiplied', 'split it into products of two');
  const shapes = node.inputs.map((_, index) => node.requireShape(index));
  const equation = node.attributes.get('equation');
  const parsed = parseEquation(typeof equation === 'string' ? equation : '', shapes);
  if (typeof parsed === 'string') node.fail(`equation: ${parsed}`);
  const { operands, output, summed, sizes } = parsed;
  if (operands.some((letters) => new Set(letters).size !== letters.length))
    node.refuse('an operand repeats an index', 'take the diagonal by Gather before');
  const letters = [...output, ...summed];
  const spread = node.inputs.map((input, index) => {
    const own = operands[index]!;
    const order = letters.filter((letter) => own.includes(letter));
    const ordered = node.precede('Transpose', [input], { perm: order.map((letter) => own.indexOf(letter)) });
    const shape = letters.map((letter) => (own.includes(letter) ? shapes[index]![own.indexOf(letter)]! : 1));
    return node.precede('Reshape', [ordered, node.integers(`spread${index}`, shape)]);
  });
  const product = node.precede('Mul', spread);
  const full = letters.map((letter) => sizes.get(letter)!);
  const whole = node.precede('Expand', [product, node.integers('full', full)]);
  if (summed.length === 0) return node.become('Identity', [whole]);
  const axes = node.integers(
    'summed',
    summed.map((_, k) => output.length + k),
  );
  node.become('ReduceSum', [whole, axes], { keepdims: 0 });
}

export const einsum: Operator = {
  name: 'Einsum',
  specUrl: specUrl('Einsum'),
  since: [12],
  summary: 'any equation; linear with one encrypted operand, a product of ciphertexts with two',
  category: 'linear',
  inputs: [1, Infinity],
  attributes: { equation: { kind: 'string', required: true } },
  parameters: [],
  upgrade: rewrite,
  inferShapes: (view) => {
    const { output, sizes } = contraction(view);
    return [output.map((letter) => sizes.get(letter)!)];
  },
  behaviour: (view) => ({ kind: 'linear', linear: () => linear(view) }),
  keepsBatch: () => false,
};

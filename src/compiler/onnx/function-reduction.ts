/** Describes reductions of functions: norms, logarithms of sums, maxima, products. */
import type { LegacyNode } from './legacy-node.ts';
import type { Category, Operator } from './operator.ts';
import { rewritten } from './rewritten.ts';

export interface FunctionReductionOptions {
  readonly name: string;
  readonly since: readonly number[];
  /** The version in which the axes became an input. */
  readonly axesAsInput: number;
  readonly summary: string;
  readonly category: Category;
  readonly rewrite: (node: LegacyNode, reduced: Reduced) => void;
}

export interface Reduced {
  readonly x: string;
  /** Normalised, ascending; empty for "nothing to reduce". */
  readonly axes: readonly number[];
  readonly keep: boolean;
  /** Shape of the result. */
  readonly shape: readonly number[];
  /** Puts a ReduceSum of `tensor` over the axes before the node. */
  readonly sum: (tensor: string) => string;
}

export function functionReduction(options: FunctionReductionOptions): Operator {
  const { rewrite, axesAsInput, ...rest } = options;
  return rewritten({
    ...rest,
    inputs: [1, 2],
    attributes: {
      axes: { kind: 'ints' },
      keepdims: { kind: 'int', default: 1 },
      noop_with_empty_axes: { kind: 'int', default: 0 },
    },
    parameters: [1],
    rewrite: (node) => {
      if (node.opset < axesAsInput) node.integersToInput('axes', 1);
      rewrite(node, reducedBy(node));
    },
  });
}

function reducedBy(node: LegacyNode): Reduced {
  const full = node.requireShape(0);
  const [x] = node.inputs as [string];
  const given = node.constant(1);
  if (node.isEncrypted(1)) node.refuse('the axes must be known at compile time', 'make them an initializer');
  const keep = node.number('keepdims', 1) !== 0;
  const noop = node.number('noop_with_empty_axes', 0) !== 0;
  const all = full.map((_, axis) => axis);
  const chosen = given === null || given.data.length === 0 ? (noop ? [] : all) : [...given.data];
  const axes = [...new Set(chosen.map((axis) => (axis < 0 ? axis + full.length : axis)))].sort(
    (a, b) => a - b,
  );
  if (axes.some((axis) => !(axis >= 0 && axis < full.length)))
    node.fail(`axes [${chosen.join(', ')}] are outside a tensor of rank ${full.length}`);
  const shape = full.flatMap((dim, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [dim]));
  return {
    x,
    axes,
    keep,
    shape,
    sum: (tensor) =>
      axes.length === 0
        ? tensor
        : node.precede('ReduceSum', [tensor, node.integers('axes', axes)], { keepdims: keep ? 1 : 0 }),
  };
}

/** The tensor as a matrix: one row per entry of the result, with all that it is reduced from. */
export function asRows(
  node: LegacyNode,
  { x, axes }: Reduced,
): { readonly rows: string; readonly width: number } {
  const full = node.requireShape(0);
  const kept = full.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  const width = axes.reduce((product, axis) => product * full[axis]!, 1);
  const ordered = node.precede('Transpose', [x], { perm: [...kept, ...axes] });
  const count = kept.reduce((product, axis) => product * full[axis]!, 1);
  return { rows: node.precede('Reshape', [ordered, node.integers('rows', [count, width])]), width };
}

/** Constant evaluation: the value of a node whose inputs are all known, derived from its description. */
import { ImportError, unreachable } from '../../errors.ts';
import type { ConstantTensor } from '../ir/tensor-graph.ts';
import { apply } from '../linear/sparse-matrix.ts';
import type { NodeView } from './node-view.ts';
import type { LinearDefinition, Movement, Operator, Windows } from './operator.ts';
import { sizeOf } from './shapes.ts';

/** Most elements that one folded constant may have; files must not be able to ask for more memory than that. */
export const MAX_FOLDED_ELEMENTS = 2 ** 24;

/** Most entries that a matrix through which a constant is pushed can have. */
const MAX_MATRIX_ENTRIES = 2 ** 26;

/** Whether every input (if any) is known; Shape and Size never look at values. */
export function isEvaluable(view: NodeView<Operator>): boolean {
  return view.node.op === 'Shape' || view.node.op === 'Size' || view.encryptedInputs().length === 0;
}

/**
 * The outputs of a node with constant inputs only; the view must know the output shapes.
 * @throws ImportError CONSTANT_TOO_LARGE
 */
export function evaluateNode(view: NodeView<Operator>): readonly ConstantTensor[] {
  for (const [index] of view.node.outputs.entries()) {
    if (view.hasOutput(index) && sizeOf(view.outputShape(index)) > MAX_FOLDED_ELEMENTS) {
      view.fail('CONSTANT_TOO_LARGE', `a computed constant may have at most ${MAX_FOLDED_ELEMENTS} elements`);
    }
  }
  if (view.operator.evaluate !== undefined) return view.operator.evaluate(view);
  const behaviour = view.operator.behaviour(view);
  switch (behaviour.kind) {
    case 'movement':
      return view.node.outputs.map((_, output) => move(view, behaviour.movement(output), output));
    case 'linear':
      return view.node.outputs.map((_, output) => {
        const perElement =
          behaviour.perElement ??
          Math.max(...view.node.inputs.map((name, i) => (name === '' ? 0 : sizeOf(view.shape(i)))));
        const entries = perElement * sizeOf(view.outputShape(output));
        if (entries > MAX_MATRIX_ENTRIES) {
          view.fail(
            'CONSTANT_TOO_LARGE',
            `computing the constant takes ${entries} multiplications, ${MAX_MATRIX_ENTRIES} are done here`,
            'fold constants at export',
          );
        }
        return applyLinear(view, behaviour.linear(output), output);
      });
    case 'max-pool':
      return [maximum(view, behaviour.windows())];
    case 'activation':
    case 'polynomial':
    case 'product':
    case 'client':
    case 'constant':
      throw new ImportError(
        'UNSUPPORTED_CONSTANT',
        `${view.node.op} '${view.node.name}' of constants is not supported`,
        { node: view.node.name, hint: 'fold constants at export' },
      );
    default:
      return unreachable(behaviour, 'behaviour');
  }
}

function move(view: NodeView, movement: Movement, output: number): ConstantTensor {
  const parts = movement.data.map((input) => view.parameter(input));
  const all = parts.length === 1 ? parts[0]!.data : concatenate(parts.map((part) => part.data));
  const data = Float64Array.from(movement.sources, (source) => (source < 0 ? movement.fill : all[source]!));
  return { shape: view.outputShape(output), type: parts[0]!.type, data };
}

function maximum(view: NodeView, { rowStart, columns }: Windows): ConstantTensor {
  const { data } = view.parameter(0);
  const result = new Float64Array(rowStart.length - 1).fill(-Infinity);
  for (let w = 0; w < result.length; w++) {
    for (let k = rowStart[w]!; k < rowStart[w + 1]!; k++)
      result[w] = Math.max(result[w]!, data[columns[k]!]!);
  }
  return { shape: view.outputShape(0), type: 'float', data: result };
}

function concatenate(arrays: readonly Float64Array[]): Float64Array {
  const result = new Float64Array(arrays.reduce((sum, array) => sum + array.length, 0));
  let start = 0;
  for (const array of arrays) {
    result.set(array, start);
    start += array.length;
  }
  return result;
}

function applyLinear(view: NodeView, form: LinearDefinition, output: number): ConstantTensor {
  const shape = view.outputShape(output);
  const data = form.bias === null ? new Float64Array(sizeOf(shape)) : form.bias.slice();
  for (const { input, matrix } of form.terms) {
    const part = apply(matrix, view.parameter(input).data);
    for (let e = 0; e < data.length; e++) data[e]! += part[e]!;
  }
  return { shape, type: 'float', data };
}

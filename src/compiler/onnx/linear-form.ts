/** A linear node as sparse matrices over its encrypted inputs. */
import { InternalError } from '../../errors.ts';
import type { TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import type { SparseMatrix } from '../linear/sparse-matrix.ts';
import { add, apply } from '../linear/sparse-matrix.ts';
import { behaviourOf } from './classify.ts';
import { movementForm } from './kernels.ts';
import { viewOf } from './node-view.ts';
import type { LinearDefinition } from './operator.ts';
import { operatorOf } from './operators.ts';
import { sizeOf } from './shapes.ts';

/** y = Σ matrix · input + bias; rows are elements of the output, columns elements of the input, both row-major. */
export interface LinearForm {
  readonly terms: readonly { readonly input: string; readonly matrix: SparseMatrix }[];
  readonly bias: Float64Array | null;
}

function definition(graph: TensorGraph, node: TensorNode, outputIndex: number): LinearDefinition {
  const behaviour = behaviourOf(graph, node);
  if (behaviour.kind === 'linear') return behaviour.linear(outputIndex);
  if (behaviour.kind === 'movement') {
    return movementForm(viewOf(graph, node, operatorOf(node.op)), behaviour.movement(outputIndex));
  }
  throw new InternalError(`${node.op} '${node.name}' has no linear form`, { node: node.name });
}

/** Constant inputs are folded into the bias; an input that occurs several times has one matrix. */
export function linearForm(graph: TensorGraph, node: TensorNode, outputIndex = 0): LinearForm {
  const { terms, bias } = definition(graph, node, outputIndex);
  const matrices = new Map<string, SparseMatrix>();
  let sum = bias;
  for (const { input, matrix } of terms) {
    const name = node.inputs[input]!;
    const constant = graph.constants.get(name);
    if (constant === undefined) {
      const earlier = matrices.get(name);
      matrices.set(name, earlier === undefined ? matrix : add(earlier, matrix));
      continue;
    }
    const part = apply(matrix, constant.data);
    sum = sum === null ? part : sum.map((value, element) => value + part[element]!);
  }
  const rows = sizeOf(shapeOf(graph, node.outputs[outputIndex]!));
  if (
    [...matrices.values()].some((matrix) => matrix.rows !== rows) ||
    (sum !== null && sum.length !== rows)
  ) {
    throw new InternalError(`the linear form of ${node.op} '${node.name}' does not fit its output`, {
      node: node.name,
    });
  }
  return { terms: [...matrices].map(([input, matrix]) => ({ input, matrix })), bias: sum };
}

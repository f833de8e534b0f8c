/** Models that no memory of ours holds: said when they are read, not after minutes of fitting activations. */
import { CompileError } from '../../errors.ts';
import type { TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { sizeOf } from './shapes.ts';

/**
 * Entries that all matrices together may have: 3 GiB of them, several times what any model has that fits a program. An
 * ImageNet model has ten times as many, which no memory holds.
 */
export const MAX_ENTRIES = 2 ** 28;

/** Padding leaves products out, so that estimates are too large; seldom by half. */
const PADDING = 2;

/** At the node where the estimate leaves no doubt, or null. */
export function oversize(graph: TensorGraph, maxEntries: number = MAX_ENTRIES): CompileError | null {
  let entries = 0;
  for (const node of graph.nodes) {
    entries += multiplications(graph, node);
    if (entries > PADDING * maxEntries) return tooLarge(node, entries, maxEntries);
  }
  return null;
}

export function tooLarge(node: TensorNode, entries: number, maxEntries: number): CompileError {
  return new CompileError(
    'MODEL_TOO_LARGE',
    `up to ${node.op} '${node.name}' the model takes ${entries} multiplications, ${maxEntries} are supported`,
    { node: node.name, hint: 'use smaller inputs (lower resolution) or fewer channels' },
  );
}

/** With constant weights, as if nothing was padded; 0 for operators that are never what makes a model large. */
function multiplications({ constants, shapes }: TensorGraph, { op, inputs, outputs }: TensorNode): number {
  const weights = constants.get(inputs[1] ?? '')?.shape;
  const [input, output] = [shapes.get(inputs[0] ?? ''), shapes.get(outputs[0] ?? '')];
  if (weights === undefined || input === undefined || output === undefined) return 0;
  switch (op) {
    case 'Conv':
      return sizeOf(output) * sizeOf(weights.slice(1));
    case 'ConvTranspose':
      return sizeOf(input) * sizeOf(weights.slice(1));
    case 'Gemm':
    case 'MatMul':
      return sizeOf(input) * (output.at(-1) ?? 1);
    default:
      return 0;
  }
}

/**
 * Throughput packing (CryptoNets, Gilad-Bachrach et al., ICML 2016): the samples of a batch stand in the slots, and every element
 * of a tensor has a ciphertext of its own. A linear map is then a sum of ciphertexts with one number each, per output
 * element: nothing is ever rotated, and an evaluation takes as long for one sample as for N/2.
 */
import { CompileError } from '../../errors.ts';
import type { Layout } from '../../program/layout.ts';
import { elementCount } from '../../program/layout.ts';
import type { BabyRotation, LinearTerm, OutputPlan } from '../../program/program.ts';
import type { LeveledGraph } from '../ir/leveled-graph.ts';
import type { LinearGraph, LinearNode, PolynomialNode } from '../ir/linear-graph.ts';
import type { PackedInstruction, PackedProgram } from '../ir/packed-program.ts';
import type { Shape } from '../ir/tensor-graph.ts';

/** Ciphertexts of one value that an artifact may have. */
const MAX_CIPHERTEXTS = 65_536;

/**
 * @param graph of a single sample
 * @param batch samples evaluated together, at most `slotCount`
 * @throws CompileError BATCH_AXIS, BATCH_TOO_WIDE
 */
export function packBatch(graph: LeveledGraph, slotCount: number, batch: number): PackedProgram {
  const instructions: PackedInstruction[] = [];
  for (const node of graph.nodes) {
    if (elementCount(node.shape) > MAX_CIPHERTEXTS) throw tooWide(node.layer, elementCount(node.shape));
    if (node.kind === 'linear') instructions.push(linearInstruction(graph, node));
    if (node.kind === 'polynomial') instructions.push(polynomialInstruction(node));
    if (node.kind === 'product') {
      const { layer, left, right, id } = node;
      instructions.push({ kind: 'product', layer, left, right, output: id });
    }
    if (node.kind === 'refresh') {
      const { layer, source, id, ratio } = node;
      instructions.push({ kind: 'refresh', layer, input: source, output: id, ratio });
    }
  }
  const inputs = graph.nodes.filter((node) => node.kind === 'input');
  return {
    slotCount,
    inputs: inputs.map(({ name, id }) => ({ name, value: id })),
    outputs: graph.outputs.map(({ name, node }) => ({ name, value: node })),
    values: graph.nodes.map(({ id, layer, shape, bound }) => ({
      id,
      layer,
      bound,
      level: graph.levels[id]!,
      layout: batchLayout(shape, slotCount, batch),
    })),
    instructions,
    rotationSteps: [],
  };
}

/**
 * @param mostSlots of the largest ring there is
 * @throws CompileError BATCH_AXIS unless samples can be stacked along the first axis of every input, BATCH_TOO_LARGE
 */
export function requireSampleInputs(graph: LinearGraph, batch: number, mostSlots: number): void {
  if (batch > mostSlots) {
    throw new CompileError(
      'BATCH_TOO_LARGE',
      `a batch of ${batch} samples needs as many slots, the largest ring has ${mostSlots}`,
      { pass: 'pack-batch', hint: `use --batch ${mostSlots} or less` },
    );
  }
  for (const node of graph.nodes) {
    if (node.kind !== 'input' || node.shape[0] === 1) continue;
    throw new CompileError(
      'BATCH_AXIS',
      `input '${node.name}' has shape [${node.shape.join(', ')}]: expected a first axis of 1, along which samples are stacked`,
      {
        pass: 'pack-batch',
        node: node.name,
        hint: 'export the model with a batch axis, or leave out --optimize throughput',
      },
    );
  }
}

/** Element e of sample b: ciphertext e, slot b. Samples are stacked along the first axis. */
function batchLayout(shape: Shape, slotCount: number, batch: number): Layout {
  const elements = elementCount(shape);
  const positions = new Int32Array(elements * batch);
  for (let sample = 0, i = 0; sample < batch; sample++) {
    for (let element = 0; element < elements; element++) positions[i++] = element * slotCount + sample;
  }
  return {
    shape: [batch * (shape[0] ?? 1), ...shape.slice(1)],
    slotCount,
    ciphertexts: elements,
    period: slotCount,
    positions,
    format: `batch(slot = sample of ${batch}, ciphertext = element)`,
  };
}

function linearInstruction(graph: LinearGraph, node: LinearNode): PackedInstruction {
  const babies: BabyRotation[] = [];
  const babyOf: Int32Array[] = [];
  let firstSource = 0;
  for (const { source, matrix } of node.terms) {
    const indices = new Int32Array(matrix.cols).fill(-1);
    for (const column of matrix.columns.toSorted()) {
      if (indices[column] !== -1) continue;
      indices[column] = babies.length;
      babies.push({ source: firstSource + column, step: 0, from: -1, via: [] });
    }
    babyOf.push(indices);
    firstSource += elementCount(graph.nodes[source]!.shape);
  }
  const outputs = Array.from({ length: elementCount(node.shape) }, (_, row): OutputPlan => {
    const terms: LinearTerm[] = [];
    for (const [t, { matrix }] of node.terms.entries()) {
      for (let k = matrix.rowStart[row]!; k < matrix.rowStart[row + 1]!; k++) {
        terms.push({ baby: babyOf[t]![matrix.columns[k]!]!, diagonal: matrix.values[k]! });
      }
    }
    const bias = node.bias?.[row] ?? 0;
    return {
      giants: [{ step: 0, into: -1, via: [], terms }],
      reductions: [],
      bias: bias === 0 ? null : bias,
    };
  });
  const inputs = node.terms.map(({ source }) => source);
  return { kind: 'linear', layer: node.layer, inputs, output: node.id, babies, outputs };
}

function polynomialInstruction(node: PolynomialNode): PackedInstruction {
  const { layer, source, id, degree, unitLeading } = node;
  const coefficients = Array.from({ length: elementCount(node.shape) }, (_, element) =>
    node.coefficients.map((values) => values[values.length === 1 ? 0 : element]!),
  );
  return { kind: 'polynomial', layer, input: source, output: id, degree, unitLeading, coefficients };
}

function tooWide(layer: string, elements: number): CompileError {
  return new CompileError(
    'BATCH_TOO_WIDE',
    `layer '${layer}' has ${elements} elements: throughput mode takes a ciphertext for each, ${MAX_CIPHERTEXTS} at most`,
    { pass: 'pack-batch', node: layer, hint: 'leave out --optimize throughput' },
  );
}

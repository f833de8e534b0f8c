import { describe, expect, it } from 'vitest';
import { HeError } from '../../errors.ts';
import { pack, unpack } from '../../program/layout.ts';
import { usesNumbers } from '../../program/program.ts';
import { batchLatency } from '../analysis/batch-cost.ts';
import { sealCostModel } from '../targets/seal-cost.ts';
import { evaluateLinearGraph } from '../analysis/evaluate-linear-graph.ts';
import { predictLatency } from '../analysis/latency.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';
import { SparseMatrixBuilder, identity } from '../linear/sparse-matrix.ts';
import { convolution, dense, graphOf, weights } from '../linear/testing/maps.ts';
import { runPacked } from '../linear/testing/packed-evaluation.ts';
import { manageScales } from './manage-scales.ts';
import { packBatch, requireSampleInputs } from './pack-batch.ts';
import { clearParameters } from '../targets/clear-parameters.ts';
import { placeLevels } from './place-levels.ts';

const SLOTS = 64;
const BATCH = 5;

/** Convolution, square, residual sum of both, dense: with a row that has no entries. */
function network(): LinearGraph {
  const conv = convolution({ channels: 1, outputs: 2, spatial: [4, 4], kernel: 3, pad: 1 });
  const gap = new SparseMatrixBuilder(32, 32);
  for (let row = 0; row < 32; row++) {
    if (row !== 7) gap.add(31 - row, 0.25 + row);
    gap.endRow();
  }
  return graphOf(
    [1, 1, 4, 4],
    [
      { shape: [1, 2, 4, 4], matrix: conv },
      { degree: 2 },
      {
        shape: [1, 2, 4, 4],
        terms: [
          [1, identity(32)],
          [2, gap.build()],
        ],
      },
      { shape: [1, 3], matrix: dense(3, 32) },
    ],
  );
}

function samples(count: number, size: number): Float64Array[] {
  const next = weights(4);
  return Array.from({ length: count }, () => Float64Array.from({ length: size }, next));
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof HeError) return error.code;
    throw error;
  }
  return 'none';
}

describe('packBatch', () => {
  const graph = placeLevels(network());
  const packed = packBatch(graph, SLOTS, BATCH);

  it('computes what the graph computes, on every sample', () => {
    const inputs = samples(BATCH, 16);
    const joined = Float64Array.from(inputs.flatMap((sample) => [...sample]));
    const { values } = runPacked(packed, [joined]);
    const { value } = packed.outputs[0]!;
    const { layout } = packed.values[value]!;
    const outputs = unpack(layout, [...values[value]!]);
    inputs.forEach((sample, b) => {
      const expected = evaluateLinearGraph(graph, [sample])[0]!;
      const own = outputs.slice(b * expected.length, (b + 1) * expected.length);
      own.forEach((y, i) => expect(y).toBeCloseTo(expected[i]!, 10));
    });
  });

  it('rotates nothing, and multiplies with numbers only', () => {
    expect(packed.rotationSteps).toEqual([]);
    for (const instruction of packed.instructions) {
      if (instruction.kind === 'linear')
        expect(usesNumbers({ ...instruction, level: 1, plainScales: [1] })).toBe(true);
      if (instruction.kind === 'polynomial')
        expect(instruction.coefficients.flat().every((c) => typeof c === 'number')).toBe(true);
    }
  });

  it('stacks samples along the first axis: sample in the slots, element in the ciphertexts', () => {
    const { layout } = packed.values[packed.inputs[0]!.value]!;
    expect(layout).toMatchObject({ shape: [BATCH, 1, 4, 4], ciphertexts: 16, period: SLOTS });
    const slots = pack(
      layout,
      Float64Array.from({ length: 16 * BATCH }, (_, i) => i),
    );
    expect(slots[3]![2]).toBe(2 * 16 + 3);
    expect(slots[3]![BATCH]).toBe(0);
  });

  it('costs the same before and after it is packed, but for the scale of the weights', () => {
    const cost = sealCostModel(8192, 4);
    const program = manageScales(packed, clearParameters(graph, graph.length.depth, BATCH));
    const after = predictLatency(program, cost).reduce((sum, ms) => sum + ms, 0);
    const before = batchLatency(graph, cost);
    expect(after / before).toBeGreaterThan(0.8);
    expect(after / before).toBeLessThan(1.25);
  });

  it('refuses what cannot be stacked, and batches beyond the largest ring', () => {
    expect(codeOf(() => requireSampleInputs(graph, BATCH, SLOTS))).toBe('none');
    expect(codeOf(() => requireSampleInputs(graph, SLOTS + 1, SLOTS))).toBe('BATCH_TOO_LARGE');
    const flat = graphOf([16], [{ shape: [3], matrix: dense(3, 16) }]);
    expect(codeOf(() => requireSampleInputs(flat, BATCH, SLOTS))).toBe('BATCH_AXIS');
  });
});

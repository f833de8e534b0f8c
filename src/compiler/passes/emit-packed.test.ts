import { describe, expect, it } from 'vitest';
import { pack, unpack } from '../../program/layout.ts';
import { evaluateNodes } from '../analysis/evaluate-linear-graph.ts';
import type { CostModel } from '../analysis/cost-model.ts';
import { sealCostModel } from '../targets/seal-cost.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';
import type { PackedProgram } from '../ir/packed-program.ts';
import { elementCount } from '../../program/layout.ts';
import { identity, multiply, SparseMatrixBuilder, type SparseMatrix } from '../linear/sparse-matrix.ts';
import { averagePool, convolution, dense, graphOf, outputExtents, weights } from '../linear/testing/maps.ts';
import { runPacked, type Counts } from '../linear/testing/packed-evaluation.ts';
import { packProgram } from './emit-packed.ts';
import { placeLevels } from './place-levels.ts';

interface Checked {
  readonly program: PackedProgram;
  /** Per linear instruction. */
  readonly counts: readonly Counts[];
  readonly rotations: number;
}

/** Packs, runs in float64, and holds every value against the graph; outputs must hold nothing but elements. */
function check(
  graph: LinearGraph,
  slotCount: number,
  { maxKeys = null, hoisting = 1 }: { maxKeys?: number | null; hoisting?: number } = {},
): Checked {
  const leveled = placeLevels(graph);
  const seal = sealCostModel(2 * slotCount, leveled.length.depth);
  const cost: CostModel = {
    ...seal,
    linear: (level) => {
      const plain = seal.linear(level);
      const open = plain.baby * (1 - hoisting);
      return { ...plain, open, reopen: open, baby: plain.baby * hoisting };
    },
  };
  const maxKeyBytes = maxKeys === null ? null : maxKeys * cost.keyBytes(0);
  const program = packProgram(leveled, cost, { maxKeyBytes });
  const inputs = graph.nodes
    .filter(({ kind }) => kind === 'input')
    .map(({ shape }, index) => Float64Array.from({ length: elementCount(shape) }, weights(index + 40)));
  const expected = evaluateNodes(graph, inputs);
  const run = runPacked(program, inputs);
  for (const { id, layer } of graph.nodes) {
    const { layout } = program.values[id]!;
    const largest = expected[id]!.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-300);
    const isOutput = graph.outputs.some(({ node }) => node === id);
    const wanted = pack(layout, expected[id]!);
    const elements = pack(layout, new Float64Array(expected[id]!.length).fill(1));
    let worst = 0;
    run.values[id]!.forEach((slots, ciphertext) => {
      slots.forEach((value, slot) => {
        if (elements[ciphertext]![slot] === 0 && !isOutput) return;
        worst = Math.max(worst, Math.abs(value - wanted[ciphertext]![slot]!) / largest);
      });
    });
    expect(worst, `${layer} as ${layout.format}`).toBeLessThan(1e-12);
    expect(unpack(layout, wanted)).toEqual(expected[id]!);
  }
  const counts = run.counts.filter((_, index) => program.instructions[index]!.kind === 'linear');
  return { program, counts, rotations: counts.reduce((sum, own) => sum + own.rotations, 0) };
}

const image = (channels: number, size: number): number[] => [1, channels, size, size];

describe('single layers', () => {
  it('takes one diagonal per tap and 4 + 4 rotations for a 5×5 convolution', () => {
    const matrix = convolution({ channels: 1, outputs: 6, spatial: [28, 28], kernel: 5, pad: 2 });
    const { counts, program } = check(graphOf(image(1, 28), [{ shape: image(6, 28), matrix }]), 8192);
    expect(counts).toEqual([{ rotations: 8, products: 25 }]);
    expect(program.rotationSteps).toHaveLength(2);
  });

  it('spills over to a second ciphertext and shares the rotations of the input', () => {
    const matrix = convolution({ channels: 1, outputs: 6, spatial: [28, 28], kernel: 5, pad: 2 });
    const { counts, program } = check(graphOf(image(1, 28), [{ shape: image(6, 28), matrix }]), 4096);
    expect(program.values[1]!.layout.ciphertexts).toBe(2);
    expect(counts).toEqual([{ rotations: 12, products: 50 }]);
  });

  it('takes a handful of rotations for a dense layer on a replicated input', () => {
    const { counts } = check(graphOf([1, 100], [{ shape: [1, 10], matrix: dense(10, 100) }]), 4096);
    expect(counts).toEqual([{ rotations: 9, products: 16 }]);
  });

  it.each([
    ['400 → 120 before a square', 120, 400, 8192, 2, { rotations: 10, products: 8 }],
    ['400 → 120 without partial sums', 120, 400, 8192, 4, { rotations: 23, products: 128 }],
    ['845 → 100 before a square', 100, 845, 4096, 2, { rotations: 15, products: 32 }],
  ])('trades diagonals against rotate-and-adds: dense %s', (_, rows, cols, slotCount, degree, expected) => {
    const graph = graphOf(
      [1, cols],
      [
        { shape: [1, rows], matrix: dense(rows, cols) },
        { degree },
        { shape: [1, 1], matrix: dense(1, rows) },
      ],
    );
    expect(check(graph, slotCount).counts[0]).toEqual(expected);
  });

  const cases: [string, number[], number[], SparseMatrix][] = [];
  const add = (
    name: string,
    shape: Parameters<typeof convolution>[0],
    after: (matrix: SparseMatrix) => SparseMatrix = (matrix) => matrix,
    output = outputExtents(shape),
  ): void => {
    const matrix = after(convolution(shape));
    cases.push([name, [1, shape.channels, ...shape.spatial], [1, shape.outputs, ...output], matrix]);
  };
  add('strided', { channels: 1, outputs: 5, spatial: [28, 28], kernel: 5, stride: 2, pad: 1 });
  add('strided, several channels', {
    channels: 3,
    outputs: 8,
    spatial: [16, 16],
    kernel: 3,
    stride: 2,
    pad: 1,
  });
  add('1×1', { channels: 8, outputs: 4, spatial: [16, 16], kernel: 1 });
  add('depthwise', { channels: 8, outputs: 8, spatial: [16, 16], kernel: 3, pad: 1, depthwise: true });
  add('composed with pooling', { channels: 2, outputs: 4, spatial: [12, 12], kernel: 3 }, (matrix) =>
    multiply(
      matrix,
      convolution({ channels: 2, outputs: 2, spatial: [24, 24], kernel: 2, stride: 2, depthwise: true }),
    ),
  );
  cases.at(-1)![1] = [1, 2, 24, 24];
  add('one spatial axis', { channels: 4, outputs: 6, spatial: [100], kernel: 7, stride: 2, pad: 3 });
  add('three spatial axes', { channels: 2, outputs: 3, spatial: [6, 8, 8], kernel: 3, pad: 1 });
  add('three spatial axes, strided', { channels: 2, outputs: 9, spatial: [8, 8, 8], kernel: 2, stride: 2 });
  add('into a larger picture', { channels: 1, outputs: 2, spatial: [28, 28], kernel: 5, pad: 4 });
  it.each(cases)('computes a convolution: %s', (_, input, output, matrix) => {
    for (const slotCount of [1024, 4096]) check(graphOf(input, [{ shape: output, matrix }]), slotCount);
  });

  it('packs a tensor that is wider than a ciphertext', () => {
    const matrix = convolution({ channels: 1, outputs: 2, spatial: [40, 40], kernel: 3, pad: 1 });
    const { program } = check(graphOf(image(1, 40), [{ shape: image(2, 40), matrix }]), 512);
    expect(program.values[0]!.layout.ciphertexts).toBeGreaterThan(1);
  });

  it('treats a batch as further channels', () => {
    const one = convolution({ channels: 2, outputs: 3, spatial: [8, 8], kernel: 3, pad: 1 });
    const builder = new SparseMatrixBuilder(2 * one.rows, 2 * one.cols);
    for (let b = 0; b < 2; b++) {
      for (let r = 0; r < one.rows; r++) {
        for (let k = one.rowStart[r]!; k < one.rowStart[r + 1]!; k++) {
          builder.add(b * one.cols + one.columns[k]!, one.values[k]!);
        }
        builder.endRow();
      }
    }
    check(graphOf([2, 2, 8, 8], [{ shape: [2, 3, 8, 8], matrix: builder.build() }]), 1024);
  });

  it('costs nothing to keep elements where they are', () => {
    const builder = new SparseMatrixBuilder(20, 60);
    for (let r = 0; r < 20; r++) {
      builder.add(3 * r + 1, r + 1);
      builder.endRow();
    }
    const { counts } = check(graphOf([1, 60], [{ shape: [20], matrix: builder.build() }]), 256);
    expect(counts).toEqual([{ rotations: 0, products: 1 }]);
  });
});

describe('whole networks', () => {
  it('packs CryptoNets into 4096 slots', () => {
    const graph = graphOf(image(1, 28), [
      {
        shape: image(5, 13),
        matrix: convolution({ channels: 1, outputs: 5, spatial: [28, 28], kernel: 5, stride: 2, pad: 1 }),
      },
      { degree: 2 },
      { shape: [1, 100], matrix: dense(100, 845) },
      { degree: 2 },
      { shape: [1, 10], matrix: dense(10, 100) },
    ]);
    const { counts, rotations, program } = check(graph, 4096);
    expect(counts).toEqual([
      { rotations: 10, products: 35 },
      { rotations: 19, products: 64 },
      { rotations: 16, products: 10 },
    ]);
    expect(rotations).toBeLessThanOrEqual(50);
    expect(program.rotationSteps).toHaveLength(11);
  });

  it('packs LeNet-5, pooling composed into the next layer, into 8192 slots', () => {
    const pool1 = averagePool(6, [28, 28], 2);
    const pool2 = averagePool(16, [10, 10], 2);
    const conv2 = convolution({ channels: 6, outputs: 16, spatial: [14, 14], kernel: 5 });
    const graph = graphOf(image(1, 28), [
      {
        shape: image(6, 28),
        matrix: convolution({ channels: 1, outputs: 6, spatial: [28, 28], kernel: 5, pad: 2 }),
      },
      { degree: 4 },
      { shape: image(16, 10), matrix: multiply(conv2, pool1) },
      { degree: 4 },
      { shape: [1, 120], matrix: multiply(dense(120, 400), pool2) },
      { degree: 4 },
      { shape: [1, 84], matrix: dense(84, 120) },
      { degree: 4 },
      { shape: [1, 10], matrix: dense(10, 84) },
    ]);
    const { counts, rotations, program } = check(graph, 8192);
    expect(counts).toEqual([
      { rotations: 8, products: 25 },
      { rotations: 45, products: 484 },
      { rotations: 29, products: 128 },
      { rotations: 21, products: 128 },
      { rotations: 23, products: 16 },
    ]);
    expect(rotations).toBeLessThanOrEqual(150);
    expect(program.rotationSteps).toHaveLength(7);
  });

  it('adds two sources of a residual block without extra giant steps', () => {
    const conv = (seed: number): SparseMatrix =>
      convolution({ channels: 4, outputs: 4, spatial: [16, 16], kernel: 3, pad: 1 }, weights(seed));
    const graph = graphOf(image(4, 16), [
      { shape: image(4, 16), matrix: conv(1) },
      { degree: 4 },
      {
        shape: image(4, 16),
        terms: [
          [2, conv(2)],
          [0, identity(1024)],
        ],
      },
      { degree: 4 },
      { shape: image(2, 16), matrix: convolution({ channels: 4, outputs: 2, spatial: [16, 16], kernel: 1 }) },
    ]);
    const { counts } = check(graph, 1024);
    expect(counts[0]).toEqual({ rotations: 11, products: 36 });
    expect(counts[1]!.products).toBe(37);
    expect(counts[1]!.rotations).toBeLessThanOrEqual(12);
  });

  it('keeps channels where they are under pooling, and element-wise maps without rotations', () => {
    const graph = graphOf(image(4, 16), [
      {
        shape: image(8, 8),
        matrix: convolution({ channels: 4, outputs: 8, spatial: [16, 16], kernel: 3, stride: 2, pad: 1 }),
      },
      { degree: 4 },
      { shape: image(8, 8), matrix: identity(512) },
      { degree: 4 },
      { shape: image(8, 4), matrix: averagePool(8, [8, 8], 2) },
      { shape: image(8, 4), matrix: convolution({ channels: 8, outputs: 8, spatial: [4, 4], kernel: 1 }) },
    ]);
    const { counts } = check(graph, 1024);
    expect(counts[1]).toEqual({ rotations: 0, products: 1 });
    expect(counts[2]).toEqual({ rotations: 2, products: 4 });
    expect(counts[3]!.products).toBeLessThanOrEqual(16);
  });

  it('goes down and up again, with a concatenation (U-Net)', () => {
    const up = upsample(4, 8);
    const skip = convolution({ channels: 2, outputs: 2, spatial: [16, 16], kernel: 3, pad: 1 });
    const graph = graphOf(image(1, 16), [
      {
        shape: image(2, 16),
        matrix: convolution({ channels: 1, outputs: 2, spatial: [16, 16], kernel: 3, pad: 1 }),
      },
      { degree: 2 },
      {
        shape: image(4, 8),
        matrix: convolution({ channels: 2, outputs: 4, spatial: [16, 16], kernel: 2, stride: 2 }),
      },
      { degree: 2 },
      {
        shape: image(2, 16),
        terms: [
          [4, multiply(convolution({ channels: 4, outputs: 2, spatial: [16, 16], kernel: 3, pad: 1 }), up)],
          [2, skip],
        ],
      },
      { degree: 2 },
      { shape: image(1, 16), matrix: convolution({ channels: 2, outputs: 1, spatial: [16, 16], kernel: 1 }) },
    ]);
    const { program, rotations } = check(graph, 1024);
    expect(program.values[5]!.layout.format).toContain('grid(h·16+w');
    expect(rotations).toBeLessThanOrEqual(60);
  });

  it('leaves a gap in the input for a later upsampling', () => {
    const graph = graphOf(image(1, 8), [{ shape: image(1, 16), matrix: upsample(1, 8) }]);
    const { counts } = check(graph, 1024);
    expect(counts).toEqual([{ rotations: 2, products: 4 }]);
  });

  it('gives both sides of a product one layout', () => {
    const graph = graphOf(image(2, 8), [
      {
        shape: image(3, 8),
        matrix: convolution({ channels: 2, outputs: 3, spatial: [8, 8], kernel: 3, pad: 1 }),
      },
      {
        shape: image(3, 8),
        matrix: convolution({ channels: 2, outputs: 3, spatial: [8, 8], kernel: 1 }),
        source: 0,
      },
    ]);
    const nodes = [
      ...graph.nodes,
      { kind: 'product', id: 3, layer: 'product', shape: image(3, 8), bound: 1, left: 1, right: 2 } as const,
    ];
    const { program } = check({ ...graph, nodes, outputs: [{ name: 'y', node: 3 }] }, 1024);
    expect(program.values[1]!.layout).toEqual(program.values[2]!.layout);
  });

  it('computes outputs that depend on nothing but the bias', () => {
    const rows = new SparseMatrixBuilder(40, 20);
    for (let r = 0; r < 5; r++) {
      rows.add(r, 1);
      rows.endRow();
    }
    const { program } = check(graphOf([20], [{ shape: [40], matrix: rows.build() }]), 16);
    for (const instruction of program.instructions) {
      if (instruction.kind !== 'linear') continue;
      for (const { giants } of instruction.outputs) expect(giants.length).toBeGreaterThan(0);
    }
    check(graphOf([4], [{ shape: [3], matrix: new SparseMatrixBuilder(3, 4).build() }]), 16);
  });

  it('zeroes empty slots when a polynomial is the output', () => {
    for (const degree of [2, 4])
      check(graphOf([1, 5], [{ shape: [1, 3], matrix: dense(3, 5) }, { degree }]), 64);
  });

  it('gives the same program every time', () => {
    const graph = graphOf([1, 30], [{ shape: [1, 12], matrix: dense(12, 30) }, { degree: 2 }]);
    const once = check(graph, 256).program;
    expect(check(graph, 256).program).toEqual(once);
  });
});

describe('with hoisting', () => {
  it('takes more baby steps, each straight from the input', () => {
    const shape = { channels: 4, outputs: 4, spatial: [16, 16], kernel: 3, pad: 1 };
    const graph = graphOf(image(4, 16), [{ shape: image(4, 16), matrix: convolution(shape) }]);
    const { program, counts } = check(graph, 1024, { hoisting: 0.2 });
    const [instruction] = program.instructions;
    if (instruction?.kind !== 'linear') throw new Error('expected a linear map');
    expect(instruction.babies.every(({ from }) => from === -1)).toBe(true);
    expect(instruction.babies.filter(({ step }) => step !== 0).length).toBeGreaterThanOrEqual(8);
    expect(counts[0]!.products).toBe(36);
  });
});

describe('key budgets', () => {
  const graph = graphOf(image(3, 16), [
    {
      shape: image(8, 16),
      matrix: convolution({ channels: 3, outputs: 8, spatial: [16, 16], kernel: 3, pad: 1 }),
    },
    { degree: 2 },
    { shape: [1, 10], matrix: dense(10, 2048) },
  ]);

  it('composes rotations when there are fewer keys', () => {
    const free = check(graph, 2048);
    expect(free.program.rotationSteps.length).toBeGreaterThan(4);
    const tight = check(graph, 2048, { maxKeys: 4 });
    expect(tight.program.rotationSteps.length).toBeLessThanOrEqual(4);
    expect(tight.rotations).toBeGreaterThan(free.rotations);
  });

  it('says how much is needed when nothing fits', () => {
    expect(() => check(graph, 2048, { maxKeys: 1.5 })).toThrow(
      expect.objectContaining({ code: 'KEY_BUDGET_TOO_SMALL' }),
    );
  });
});

/** Nearest-neighbour upsampling by 2. */
function upsample(channels: number, size: number): SparseMatrix {
  const builder = new SparseMatrixBuilder(channels * 4 * size * size, channels * size * size);
  for (let c = 0; c < channels; c++) {
    for (let h = 0; h < 2 * size; h++) {
      for (let w = 0; w < 2 * size; w++) {
        builder.add((c * size + (h >> 1)) * size + (w >> 1), 1);
        builder.endRow();
      }
    }
  }
  return builder.build();
}

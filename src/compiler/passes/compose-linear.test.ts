import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementCount } from '../../program/layout.ts';
import { evaluateLinearGraph } from '../analysis/evaluate-linear-graph.ts';
import { sealCostModel } from '../targets/seal-cost.ts';
import type { LinearGraph, LinearNode, NodeId } from '../ir/linear-graph.ts';
import { LinearGraphBuilder } from '../ir/linear-graph-builder.ts';
import { MatrixProducts } from '../linear/matrix-products.ts';
import { SparseMatrixBuilder, diagonal, identity, type SparseMatrix } from '../linear/sparse-matrix.ts';
import { layoutLatency, placeLeast, LinearComposer, reduceLinear } from './compose-linear.ts';
import { averagePool, convolution as convolution2d, dense, graphOf } from '../linear/testing/maps.ts';
import { normalisePolynomials } from './normalise-polynomials.ts';
import { composeLinear } from './testing/compose-linear.ts';
import { placeLevels } from './place-levels.ts';

/** Sliding window over a row of `size` elements: out[i] = Σ_k kernel[k] · x[i·stride + k]. */
function convolution(size: number, kernel: readonly number[], stride = 1): SparseMatrix {
  const rows = Math.floor((size - kernel.length) / stride) + 1;
  const builder = new SparseMatrixBuilder(rows, size);
  for (let r = 0; r < rows; r++) {
    kernel.forEach((weight, k) => builder.add(r * stride + k, weight));
    builder.endRow();
  }
  return builder.build();
}

/** Builds graphs tersely; every node is named by its position, every bound is 1. */
class Sketch {
  readonly #builder = new LinearGraphBuilder();

  #rest(name: string, size: number): { layer: string; shape: number[]; bound: number } {
    return { layer: name, shape: [1, size], bound: 1 };
  }
  input(name: string, size: number): NodeId {
    return this.#builder.add({ kind: 'input', name, ...this.#rest(name, size) });
  }
  linear(
    name: string,
    terms: readonly (readonly [NodeId, SparseMatrix])[],
    bias: number[] | null = null,
  ): NodeId {
    return this.#builder.add({
      kind: 'linear',
      terms: terms.map(([source, matrix]) => ({ source, matrix })),
      bias: bias === null ? null : Float64Array.from(bias),
      ...this.#rest(name, terms[0]![1].rows),
    });
  }
  polynomial(name: string, source: NodeId, coefficients: readonly number[]): NodeId {
    return this.#builder.add({
      kind: 'polynomial',
      source,
      degree: coefficients.length - 1,
      unitLeading: false,
      coefficients: coefficients.map((c) => Float64Array.of(c)),
      ...this.#rest(name, this.size(source)),
    });
  }
  product(name: string, left: NodeId, right: NodeId): NodeId {
    return this.#builder.add({ kind: 'product', left, right, ...this.#rest(name, this.size(left)) });
  }
  size(id: NodeId): number {
    return elementCount(this.#builder.node(id).shape);
  }
  build(...outputs: NodeId[]): LinearGraph {
    return this.#builder.build(
      'sketch',
      outputs.map((node, i) => ({ name: `y${i}`, node })),
    );
  }
}

const SQUARE = [0.5, 0, 0.5];

function kinds(graph: LinearGraph): string {
  return graph.nodes.map((node) => node.kind).join(' ');
}

function depth(graph: LinearGraph): number {
  return placeLevels(graph).length.depth;
}

function expectSame(before: LinearGraph, after: LinearGraph, tolerance = 1e-10): void {
  const inputs = before.nodes
    .filter((node) => node.kind === 'input')
    .map((node, i) =>
      Float64Array.from({ length: elementCount(node.shape) }, (_, e) => Math.sin(1 + e * 7 + i * 3)),
    );
  const expected = evaluateLinearGraph(before, inputs);
  const actual = evaluateLinearGraph(after, inputs);
  expect(actual.length).toBe(expected.length);
  expected.forEach((values, o) => {
    const scale = Math.max(1, ...values.map(Math.abs));
    values.forEach((value, e) => expect(Math.abs(actual[o]![e]! - value) / scale).toBeLessThan(tolerance));
  });
  after.nodes.forEach((node, id) => expect(node.id).toBe(id));
}

describe('composeLinear', () => {
  it('turns convolution, batch-norm and pooling into one map of depth 1', () => {
    const g = new Sketch();
    const x = g.input('x', 20);
    const conv = g.linear('conv', [[x, convolution(20, [1, -2, 3])]], Array<number>(18).fill(0.5));
    const norm = g.linear('bn', [[conv, diagonal(new Float64Array(18).fill(2))]], Array<number>(18).fill(-1));
    const pool = g.linear('pool', [[norm, convolution(18, [0.5, 0.5], 2)]]);
    const before = g.build(pool);
    const after = composeLinear(before);
    expect(depth(before)).toBe(3);
    expect(depth(after)).toBe(1);
    expect(kinds(after)).toBe('input linear');
    expect(after.nodes[1]!.layer).toBe('conv+bn+pool');
    expectSame(before, after);
  });

  it('composes pooling into the convolution behind it when the chain is long enough to gain from it', () => {
    const g = new Sketch();
    const x = g.input('x', 64);
    const first = g.polynomial('square1', g.linear('conv1', [[x, convolution(64, [1, 2, 1])]]), SQUARE);
    const pool = g.linear('pool', [[first, convolution(62, [0.5, 0.5], 2)]]);
    const second = g.polynomial('square2', g.linear('conv2', [[pool, convolution(31, [1, 0.5, 1])]]), SQUARE);
    const before = normalisePolynomials(g.build(second));
    const after = composeLinear(before);
    expect(kinds(after)).toBe('input linear polynomial linear polynomial');
    expect(depth(after)).toBe(4);
    expectSame(before, after);
  });

  it('does not multiply two maps of low rank into a dense one', () => {
    const size = 1024;
    const down = new SparseMatrixBuilder(2, size);
    for (let r = 0; r < 2; r++) {
      for (let c = 0; c < size; c++) down.add(c, Math.cos(c + r));
      down.endRow();
    }
    const up = new SparseMatrixBuilder(size, 2);
    for (let r = 0; r < size; r++) {
      up.add(0, Math.sin(r));
      up.add(1, Math.sin(2 * r));
      up.endRow();
    }
    const g = new Sketch();
    const narrow = g.linear('down', [[g.input('x', size), down.build()]]);
    const before = g.build(g.linear('up', [[narrow, up.build()]]));
    const after = composeLinear(before);
    expect(kinds(after)).toBe('input linear linear');
  });

  it('folds a residual sum and its skip connection into one map with two terms', () => {
    const g = new Sketch();
    const x = g.input('x', 8);
    const stem = g.polynomial('relu0', g.linear('stem', [[x, convolution(8, [2])]]), [0.1, 0.5, 0.4]);
    const branch = g.linear('conv', [[stem, convolution(8, [3])]], Array<number>(8).fill(0.25));
    const sum = g.linear('add', [
      [branch, identity(8)],
      [stem, identity(8)],
    ]);
    const before = g.build(
      g.linear('fc', [[g.polynomial('relu1', sum, [0.1, 0.5, 0.4]), convolution(8, [1, 1])]]),
    );
    const after = composeLinear(normalisePolynomials(before));
    // conv + identity on the same source are one matrix.
    expect(kinds(after)).toBe('input linear polynomial linear polynomial linear');
    expect(depth(after)).toBe(5);
    expectSame(before, after);
  });

  it('keeps a pre-activation residual stream from being computed twice', () => {
    const g = new Sketch();
    const x = g.input('x', 16);
    let stream = g.linear('stem', [[x, convolution(16, [1.5])]]);
    for (let block = 0; block < 3; block++) {
      const t = g.linear(
        `norm${block}`,
        [[stream, diagonal(new Float64Array(16).fill(0.5))]],
        Array<number>(16).fill(0.1),
      );
      const a = g.polynomial(`relu${block}`, t, [0.2, 0.5, 0.3]);
      const dense = new SparseMatrixBuilder(16, 16);
      for (let r = 0; r < 16; r++) {
        for (let c = 0; c < 16; c++) dense.add(c, 0.1 * Math.cos(r * c + block));
        dense.endRow();
      }
      const conv = g.linear(`conv${block}`, [[a, dense.build()]]);
      stream = g.linear(`add${block}`, [
        [stream, identity(16)],
        [conv, identity(16)],
      ]);
    }
    const before = g.build(stream);
    const after = composeLinear(before);
    const entries = after.nodes.flatMap((node) =>
      node.kind === 'linear' ? node.terms.map((t) => t.matrix.values.length) : [],
    );
    expect(entries.filter((count) => count === 256)).toHaveLength(3);
    // per block: degree 2 without unit leading takes 2 levels, the sum 1; the stem 1
    expect(depth(after)).toBe(1 + 3 * 3);
    expectSame(before, after);
  });

  it('composes a map into several readers and keeps it only for those that are not linear', () => {
    const g = new Sketch();
    const x = g.input('x', 6);
    const shared = g.linear('shared', [[x, diagonal(Float64Array.of(1, 2, 3, 4, 5, 6))]]);
    const left = g.linear('left', [[shared, convolution(6, [1, 1])]]);
    const product = g.product('mul', shared, g.linear('right', [[shared, convolution(6, [2])]]));
    const before = g.build(left, product);
    const after = composeLinear(before);
    expect(depth(after)).toBe(2);
    expect(kinds(after).match(/linear/g)).toHaveLength(3);
    expectSame(before, after);
  });

  it('moves the leading coefficient of a gate behind the product it gates', () => {
    const g = new Sketch();
    const x = g.input('x', 6);
    const gate = g.polynomial(
      'sigmoid',
      g.linear('squeeze', [[x, convolution(6, [2])]], [1, 1, 1, 1, 1, 1]),
      [0.5, 0.2, 0.1],
    );
    const scaled = g.product('mul', x, gate);
    const before = g.build(g.linear('conv', [[scaled, convolution(6, [1, 2])]], [1, 2, 3, 4, 5]));
    const after = composeLinear(normalisePolynomials(before));
    expect(kinds(after)).toBe('input linear polynomial product linear');
    expect(depth(after)).toBe(4);
    expectSame(before, after);
  });

  it('does not change a map that is also an output', () => {
    const g = new Sketch();
    const x = g.input('x', 6);
    const shared = g.linear('shared', [[x, convolution(6, [1, 2, 3])]], [1, 2, 3, 4]);
    const scaled = g.linear('scaled', [[shared, diagonal(Float64Array.of(5, 5, 5, 5))]], [1, 1, 1, 1]);
    const square = g.polynomial('square', scaled, SQUARE);
    const other = g.linear('other', [[shared, convolution(4, [1, 1])]]);
    const before = g.build(shared, square, other);
    expectSame(before, composeLinear(before));
  });

  it('lets Split, Concat and other data movement vanish', () => {
    const g = new Sketch();
    const x = g.input('x', 8);
    const part = (offset: number): SparseMatrix => {
      const builder = new SparseMatrixBuilder(4, 8);
      for (let r = 0; r < 4; r++) {
        builder.add(offset + r, 1);
        builder.endRow();
      }
      return builder.build();
    };
    const place = (offset: number): SparseMatrix => {
      const builder = new SparseMatrixBuilder(8, 4);
      for (let r = 0; r < 8; r++) {
        if (r >= offset && r < offset + 4) builder.add(r - offset, 1);
        builder.endRow();
      }
      return builder.build();
    };
    const first = g.linear('split:0', [[x, part(0)]]);
    const second = g.linear('split:1', [[x, part(4)]]);
    const swapped = g.linear('concat', [
      [second, place(0)],
      [first, place(4)],
    ]);
    const conv = g.linear('conv', [[swapped, convolution(8, [1, -1, 2])]]);
    const before = g.build(conv);
    const after = composeLinear(before);
    expect(kinds(after)).toBe('input linear');
    expect((after.nodes[1] as LinearNode).terms).toHaveLength(1);
    expectSame(before, after);
  });

  it('gives an output that is an input one identity to run', () => {
    const g = new Sketch();
    const x = g.input('x', 4);
    const after = composeLinear(g.build(x, g.linear('id', [[x, identity(4)]])));
    expect(kinds(after)).toBe('input linear linear');
    expect(after.outputs.map((output) => output.node)).toEqual([2, 1]);
  });

  it('keeps the shape of an output that a reshape makes', () => {
    const g = new Sketch();
    const x = g.input('x', 4);
    const fc = g.linear('fc', [[x, convolution(4, [3])]]);
    const graph = g.build(g.linear('reshape', [[fc, identity(4)]]));
    const nodes = graph.nodes.map((node) => (node.layer === 'reshape' ? { ...node, shape: [2, 2] } : node));
    const after = composeLinear({ ...graph, nodes });
    expect(kinds(after)).toBe('input linear');
    expect(after.nodes[after.outputs[0]!.node]!.shape).toEqual([2, 2]);
  });

  it('keeps the shapes of outputs that differ in nothing else', () => {
    const g = new Sketch();
    const fc = g.linear('fc', [[g.input('x', 4), convolution(4, [3])]]);
    const square = g.linear('square', [[fc, identity(4)]]);
    const graph = g.build(square, g.linear('back', [[square, identity(4)]]));
    const nodes = graph.nodes.map((node) => (node.layer === 'square' ? { ...node, shape: [2, 2] } : node));
    const after = composeLinear({ ...graph, nodes });
    expect(after.outputs.map((output) => after.nodes[output.node]!.shape)).toEqual([
      [2, 2],
      [1, 4],
    ]);
    expectSame(graph, after);
  });

  it('removes dead nodes but no inputs', () => {
    const g = new Sketch();
    const x = g.input('x', 4);
    const unused = g.input('unused', 3);
    g.linear('dead', [[unused, identity(3)]]);
    const after = composeLinear(g.build(g.linear('fc', [[x, convolution(4, [1, 1])]])));
    expect(kinds(after)).toBe('input input linear');
  });

  it('keeps a constant map alive with a term that holds nothing', () => {
    const g = new Sketch();
    const x = g.input('x', 4);
    const zero = g.linear('zero', [[x, new SparseMatrixBuilder(4, 4).build()]], [1, 2, 3, 4]);
    const before = g.build(g.linear('fc', [[zero, convolution(4, [1, 1])]]));
    const after = composeLinear(before);
    expect(kinds(after)).toBe('input linear');
    expectSame(before, after);
  });

  it('computes what the uncomposed graph computes, never deeper', () => {
    const step = fc.record({
      operator: fc.constantFrom('map', 'map', 'sum', 'diagonal', 'identity', 'square', 'quartic', 'product'),
      a: fc.nat(),
      b: fc.nat(),
      seed: fc.integer({ min: 1, max: 1000 }),
    });
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 10 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
        (steps, outputs) => {
          const size = 5;
          const g = new Sketch();
          const ids = [g.input('x', size), g.input('z', size)];
          const random = (seed: number, k: number): number => Math.sin(seed * 12.9898 + k * 78.233);
          steps.forEach(({ operator, a, b, seed }, i) => {
            const [left, right] = [ids[a % ids.length]!, ids[b % ids.length]!];
            const name = `${operator}${i}`;
            const matrix = (salt: number): SparseMatrix => {
              const builder = new SparseMatrixBuilder(size, size);
              for (let r = 0; r < size; r++) {
                for (let c = 0; c < size; c++)
                  if (random(seed + salt, r * size + c) > 0.4) builder.add(c, 0.5 * random(seed, c - r));
                builder.endRow();
              }
              return builder.build();
            };
            const bias = Array.from({ length: size }, (_, e) => random(seed, 100 + e));
            switch (operator) {
              case 'map':
                ids.push(g.linear(name, [[left, matrix(0)]], bias));
                break;
              case 'sum':
                ids.push(
                  g.linear(name, [
                    [left, identity(size)],
                    [right, matrix(1)],
                  ]),
                );
                break;
              case 'diagonal':
                ids.push(g.linear(name, [[left, diagonal(Float64Array.from(bias, (v) => v + 2))]], bias));
                break;
              case 'identity':
                ids.push(g.linear(name, [[left, identity(size)]]));
                break;
              case 'square':
                ids.push(
                  g.polynomial(
                    name,
                    left,
                    SQUARE.map((c) => c / 4),
                  ),
                );
                break;
              case 'quartic':
                ids.push(g.polynomial(name, left, [0.1, 0.2, 0.1, 0.05, 0.02]));
                break;
              case 'product':
                ids.push(g.product(name, left, right));
                break;
            }
          });
          const before = g.build(...outputs.map((o) => ids[o % ids.length]!));
          if (before.outputs.some((output) => output.node < 2)) {
            expectSame(before, composeLinear(before));
            return;
          }
          const after = composeLinear(before);
          expect(depth(after)).toBeLessThanOrEqual(depth(before));
          expectSame(before, after);
          expectSame(before, composeLinear(normalisePolynomials(before)));
        },
      ),
      { numRuns: 150, seed: 7 },
    );
  });
});

describe('LinearComposer', () => {
  const costs = sealCostModel(4096, 6);
  /** Square → average pooling 2×2 of 16×16 → convolution 3×3, as a network continues after its first block. */
  const channels = 16;
  const square = { degree: 2 };
  const widen = {
    shape: [1, channels, 16, 16],
    matrix: convolution2d({ channels: 1, outputs: channels, spatial: [16, 16], kernel: 3, pad: 1 }),
  };
  const pool = { shape: [1, channels, 8, 8], matrix: averagePool(channels, [16, 16], 2) };
  const conv = {
    shape: [1, channels, 8, 8],
    matrix: convolution2d({ channels, outputs: channels, spatial: [8, 8], kernel: 3, pad: 1 }),
  };

  function composer(graph: LinearGraph): LinearComposer {
    const products = new MatrixProducts();
    return new LinearComposer(reduceLinear(graph, products), products, layoutLatency(costs));
  }

  it('keeps a pooling, nearly free where it stands, out of a convolution with many channels', () => {
    const graph = graphOf([1, 1, 16, 16], [widen, square, pool, conv, square]);
    expect(kinds(composer(graph).compose(1))).toBe('input linear polynomial linear linear polynomial');
  });

  it('composes a pooling into a dense layer, whose diagonals it does not multiply', () => {
    const fc = { shape: [1, 10], matrix: dense(10, channels * 64) };
    const graph = graphOf([1, 1, 16, 16], [widen, square, pool, fc]);
    expect(kinds(composer(graph).compose(1))).toBe('input linear polynomial linear');
  });

  it('gives the cheapest composition and those that are dearer but shallower, each once', () => {
    const graph = graphOf([1, 1, 16, 16], [widen, square, pool, conv, square]);
    const graphs = composer(graph).composeAll([0, 1, 50, 60]);
    expect(graphs.map(depth)).toEqual([5, 4]);
    graphs.forEach((composed) => expectSame(graph, composed));
    expect(placeLeast(graph).length.depth).toBe(4);
    expect(composer(graph).composeAll([0, 1])).toHaveLength(1);
  });

  it('leaves the choice to the costs even where a product has fewer entries', () => {
    // 16 taps at a quarter of the positions are fewer entries than 9 at all, but more diagonals.
    const graph = graphOf([1, 1, 16, 16], [widen, pool]);
    const products = new MatrixProducts();
    expect(kinds(reduceLinear(graph, products))).toBe('input linear linear');
    expect(kinds(composer(graph).compose(1))).toBe('input linear');
  });
});

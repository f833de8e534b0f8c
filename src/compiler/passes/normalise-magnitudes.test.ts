import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refreshBounds } from '../analysis/bounds.ts';
import { evaluateLinearGraph } from '../analysis/evaluate-linear-graph.ts';
import { outputReach } from '../analysis/units.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';
import { LinearGraphBuilder } from '../ir/linear-graph-builder.ts';
import { scale } from '../linear/sparse-matrix.ts';
import { dense, weights } from '../linear/testing/maps.ts';
import { normaliseMagnitudes } from './normalise-magnitudes.ts';

const SIZE = 4;

/** [log10 of the weights, what comes behind them]. */
type Layer = readonly [number, 'nothing' | 'square' | 'cubic' | 'product' | 'third power' | 'fourth power'];

/** Maps of weights of any magnitude, with what multiplies between them; cubics stand behind a map to [−1, 1], powers behind none. */
function network(
  inputMagnitude: number,
  layers: readonly Layer[],
): { graph: LinearGraph; samples: Float64Array[][] } {
  const next = weights(5);
  const samples = Array.from({ length: 4 }, () => [
    Float64Array.from({ length: SIZE }, () => inputMagnitude * next()),
  ]);
  const builder = new LinearGraphBuilder();
  const rest = { shape: [1, SIZE], bound: 1 };
  const input = builder.add({ kind: 'input', name: 'x', layer: 'x', ...rest });
  const map = (source: number, factor: number): number => {
    const matrix = scale(dense(SIZE, SIZE), new Float64Array(SIZE).fill(factor), null);
    const bias = Float64Array.from({ length: SIZE }, () => factor * magnitudeOf(source) * next());
    return builder.add({ kind: 'linear', terms: [{ source, matrix }], bias, layer: 'fc', ...rest });
  };
  const measured = (): LinearGraph => {
    const graph = builder.build('network', [{ name: 'y', node: last }]);
    return refreshBounds(graph, samples);
  };
  const magnitudeOf = (id: number): number => (id === input ? inputMagnitude : measured().nodes[id]!.bound);
  let last = input;
  for (const [magnitude, kind] of layers) {
    last = map(last, 10 ** magnitude);
    if (kind === 'square') {
      const size = magnitudeOf(last);
      const coefficients = [Float64Array.of(1e3 * size ** 2), Float64Array.of(size)];
      last = builder.add({
        kind: 'polynomial',
        source: last,
        degree: 2,
        unitLeading: true,
        coefficients,
        layer: 'p',
        ...rest,
      });
    } else if (kind === 'cubic') {
      const unit = map(last, 0.2 / magnitudeOf(last));
      const coefficients = [0.1, 0.5, 0.2, 0.7].map((c) => Float64Array.of(c * 10 ** magnitude));
      last = builder.add({
        kind: 'polynomial',
        source: unit,
        degree: 3,
        unitLeading: false,
        coefficients,
        layer: 'p',
        ...rest,
      });
    } else if (kind === 'third power' || kind === 'fourth power') {
      // Whose T_k float64 can tell apart, and still holds after the next.
      const size = magnitudeOf(last);
      if (size < 1 || size > 1e20) last = map(last, 1e4 / size);
      const fourth = kind === 'fourth power';
      last = builder.add({
        kind: 'polynomial',
        source: last,
        degree: fourth ? 4 : 3,
        unitLeading: fourth,
        coefficients: (fourth ? [1, 0, 2, 0] : [0, 0.75, 0, 0.25]).map((c) => Float64Array.of(c)),
        layer: 'p',
        ...rest,
      });
    } else if (kind === 'product') {
      last = builder.add({
        kind: 'product',
        left: last,
        right: map(last, 10 ** -magnitude),
        layer: 'p',
        ...rest,
      });
    }
  }
  last = map(last, 1);
  return { graph: measured(), samples };
}

const magnitude = fc.integer({ min: -12, max: 12 });
const layer = fc.tuple(
  magnitude,
  fc.constantFrom<Layer[1]>('nothing', 'square', 'cubic', 'product', 'third power', 'fourth power'),
);

describe('normaliseMagnitudes', () => {
  it('computes the same, of values between a half and what a modulus has room for', () => {
    fc.assert(
      fc.property(magnitude, fc.array(layer, { minLength: 1, maxLength: 3 }), (input, layers) => {
        const { graph, samples } = network(10 ** input, layers);
        const after = normaliseMagnitudes(graph);
        for (const sample of samples) {
          const [wanted] = evaluateLinearGraph(graph, sample);
          const [found] = evaluateLinearGraph(after, sample);
          const output = graph.nodes[graph.outputs[0]!.node]!;
          wanted!.forEach((value, e) => {
            expect(Math.abs(found![e]! - value) / output.bound).toBeLessThan(1e-12);
          });
        }
        // Stored bounds are what is measured on the graph in units, and ordinary.
        const measured = refreshBounds(after, samples);
        for (const [id, node] of after.nodes.entries()) {
          expect(node.bound / measured.nodes[id]!.bound).toBeCloseTo(1, 9);
          const operand = node.kind === 'product' || node.kind === 'polynomial';
          expect(node.bound).toBeLessThanOrEqual(operand ? 2 ** 12 : 2 ** 10);
        }
        expect(outputReach(after)).toBeLessThanOrEqual(2 ** 10);
        expect(outputReach(after)).toBeGreaterThan(0.5);
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  it('keeps inputs that nothing reads within the lowest modulus', () => {
    const builder = new LinearGraphBuilder();
    const rest = { layer: 'x', shape: [1, SIZE] };
    builder.add({ kind: 'input', name: 'unused', bound: 300, ...rest });
    const used = builder.add({ kind: 'input', name: 'used', bound: 300, ...rest });
    const terms = [{ source: used, matrix: dense(SIZE, SIZE) }];
    const node = builder.add({ kind: 'linear', terms, bias: null, bound: 1, ...rest });
    const after = normaliseMagnitudes(builder.build('network', [{ name: 'y', node }]));
    expect(after.nodes.map(({ bound }) => bound)).toEqual([300 / 512, 300, 1]);
  });

  it('leaves ordinary magnitudes alone', () => {
    const { graph } = network(4, [[0, 'nothing']]);
    const after = normaliseMagnitudes(graph);
    expect(after.nodes.every(({ unit }) => unit === undefined)).toBe(true);
    after.nodes.forEach((node, id) => {
      const before = graph.nodes[id]!;
      // Matrices are the same objects: what was planned for them is found again.
      if (node.kind === 'linear' && before.kind === 'linear') {
        expect(node.terms[0]!.matrix).toBe(before.terms[0]!.matrix);
      }
    });
  });
});

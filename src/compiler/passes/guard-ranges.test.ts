import { describe, expect, it } from 'vitest';
import { outsideOutput } from '../../program/certified-range.ts';
import { isBatchable } from '../onnx/batchable.ts';
import { classify } from '../onnx/classify.ts';
import { SILENT } from '../options.ts';
import type { PolynomialAttributes, TensorGraph } from '../ir/tensor-graph.ts';
import { OnnxRunner } from '../reference/onnx-runner.ts';
import { makeGraph, randomTensor, type NodeLiteral } from './approximation/testing/graphs.ts';
import { polynomialsToGuard } from './approximation/polynomials-to-guard.ts';
import { guardRanges, visibleBits } from './guard-ranges.ts';

const SAMPLES = 40;
const WIDTH = 8;
/** |x| that the first polynomial is fitted to, and more than any calibration input takes it to. */
const RANGE = 6;
/** What they take the last polynomial to. */
const SEEN = 0.3;

/** Even, of the argument over the range or of the sine that a refresh makes of that. */
function polynomial(
  input: string,
  output: string,
  degree: number,
  range = RANGE,
  ratio?: number,
): NodeLiteral {
  const coefficients = Array.from({ length: degree + 1 }, (_, k) => (k % 2 === 0 && k > 0 ? 1 / k : 0));
  const attributes = { axis: 1, degree, center: [0], halfWidth: [range], coefficients } as const;
  return {
    op: 'Polynomial',
    inputs: [input],
    output,
    shape: [1, WIDTH],
    attributes: ratio === undefined ? { ...attributes } : { ...attributes, ratio },
  };
}

/** dense → polynomial → dense → polynomial → dense → refreshed polynomial → scores, with a skip past the second. */
function network(ratio?: number): TensorGraph {
  const dense = (input: string, output: string): NodeLiteral => ({
    op: 'Gemm',
    inputs: [input, `w-${output}`],
    output,
    shape: [1, WIDTH],
  });
  const weights = ['a', 'b', 'c'].map(
    (name, i) => [`w-${name}`, randomTensor([WIDTH, WIDTH], 0.8, i)] as const,
  );
  return makeGraph(
    { input: [1, WIDTH] },
    [
      dense('input', 'a'),
      polynomial('a', 'p1', 8),
      dense('p1', 'b'),
      polynomial('b', 'p2', 4),
      { op: 'Add', inputs: ['p1', 'p2'], output: 'sum', shape: [1, WIDTH] },
      dense('sum', 'c'),
      polynomial('c', 'p3', 8, SEEN, ratio),
      { op: 'Gemm', inputs: ['p3', 'v'], output: 'scores', shape: [1, 3] },
    ],
    { ...Object.fromEntries(weights), v: randomTensor([WIDTH, 3], 1, 9) },
    ['scores'],
  );
}

const inputs = new Map([['input', Float32Array.from(randomTensor([SAMPLES, WIDTH], 1, 7).data)]]);
const batch = { inputs, samples: SAMPLES };

async function scores(graph: TensorGraph, factor = 1): Promise<Float32Array> {
  await using runner = await OnnxRunner.open(graph);
  const values = inputs.get('input')!.map((value) => factor * value);
  return (await runner.run([values], SAMPLES))[0]!;
}

const extent = (values: Float32Array): { min: number; max: number } => ({
  min: Math.min(...values),
  max: Math.max(...values),
});

describe('where a refresh follows polynomials that have none', () => {
  const graph = network(4);
  const guard = async (precision = 8): ReturnType<typeof guardRanges> =>
    guardRanges(graph, [extent(await scores(graph))], batch, precision, SILENT);

  it('guards the last of them, by a power that takes no more levels than it', async () => {
    const { guards, warnings, graph: guarded } = await guard();
    expect(guards.map(({ node, power }) => [node, power])).toEqual([['p2', 4]]);
    expect(warnings).toEqual([]);
    const powers = guarded.nodes.filter(({ name }) => name.startsWith('range-guard/polynomial'));
    const { center, halfWidth } = powers[0]!.attributes as unknown as PolynomialAttributes;
    expect([powers.length, powers[0]!.inputs[0], center, halfWidth]).toEqual([1, 'b', [0], [RANGE]]);
  });

  it.each([8, 12])('what is within the range is not moved by what shows at %i bits', async (precision) => {
    const before = await scores(graph);
    const { min, max } = extent(before);
    const after = await scores((await guard(precision)).graph);
    const moved = after.map((value, i) => Math.abs(value - before[i]!));
    expect(Math.max(...moved)).toBeLessThan((max - min) * 2 ** -precision * 1.01);
    expect(Math.max(...moved)).toBeGreaterThan((max - min) * 2 ** -(precision + 6));
  });

  it('what is beyond leaves the range of the outputs, which it did not', async () => {
    const range = { ...extent(await scores(graph)), emptySlots: 'zero' } as const;
    const { graph: guarded, guards } = await guard();
    const refused = (values: Float32Array, sample: number): boolean =>
      outsideOutput(Float64Array.from(values.subarray(3 * sample, 3 * sample + 3)), range, 0) !== null;
    const every = Array.from({ length: SAMPLES }, (_, sample) => sample);
    for (const factor of [30, 60]) {
      const [plain, shown] = [await scores(graph, factor), await scores(guarded, factor)];
      expect(every.filter((sample) => refused(plain, sample)).length).toBeLessThan(SAMPLES / 2);
      expect(every.every((sample) => refused(shown, sample))).toBe(true);
    }
    expect(guards[0]!.refusedFrom).toBeLessThan(30);
  });

  it('adds nothing but nodes that later stages know, whose first axis stays that of the batch', async () => {
    const { graph: guarded } = await guard();
    for (const node of guarded.nodes)
      expect(['linear', 'polynomial', 'product']).toContain(classify(guarded, node));
    expect(isBatchable(guarded)).toBe(true);
    expect(guarded.outputs).toEqual(['scores']);
  });

  it('says so where no output can be guarded', async () => {
    const {
      graph: left,
      guards,
      warnings,
    } = await guardRanges(graph, [{ min: 2, max: 2 }], batch, 8, SILENT);
    expect([left, guards]).toEqual([graph, []]);
    expect(warnings).toEqual([expect.stringMatching(/range of p2 do not show/)]);
  });
});

it('a graph without refreshes is left as it is', async () => {
  const graph = network();
  expect((await guardRanges(graph, [{ min: -1, max: 1 }], batch, 8, SILENT)).graph).toBe(graph);
});

it('what is bounded by the sine before it needs no guard, what only has one before it does', () => {
  const pool = { kernel_shape: [2, 2], strides: [2, 2] };
  const of = (input: string, output: string, range: number, ratio?: number): NodeLiteral => ({
    ...polynomial(input, output, 4, range, ratio),
    shape: [1, 2, 4, 4],
  });
  const graph = (range: number): TensorGraph =>
    makeGraph(
      { x: [1, 2, 8, 8] },
      [
        { ...of('x', 'inner', 1, 4), shape: [1, 2, 8, 8] },
        { op: 'AveragePool', inputs: ['inner'], output: 'mean', shape: [1, 2, 4, 4], attributes: pool },
        of('mean', 'outer', range),
        of('outer', 'last', 1, 4),
      ],
      {},
      ['last'],
    );
  // T_2 / 2 + T_4 / 4 is within −1/2 … 3/4 for a sine, whatever it is of.
  expect(polynomialsToGuard(graph(1)).map(({ name }) => name)).toEqual([]);
  expect(polynomialsToGuard(graph(0.5)).map(({ name }) => name)).toEqual(['outer']);
});

it('lets only scores of classes be moved by more than shows', () => {
  const options = { precision: 8, holdPrecision: false };
  expect(visibleBits({ kind: 'classes' }, 10, options)).toBe(5);
  // The sign of one score decides.
  expect(visibleBits({ kind: 'classes' }, 1, options)).toBe(8);
  expect(visibleBits({ kind: 'values' }, 10, { ...options, precision: 12 })).toBe(12);
  expect(visibleBits({ kind: 'classes' }, 10, { precision: 12, holdPrecision: true })).toBe(12);
});

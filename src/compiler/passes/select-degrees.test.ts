import { describe, expect, it } from 'vitest';
import { BackendError, CompileError } from '../../errors.ts';
import { LEADING_FLOOR } from '../approx/least-squares.ts';
import { largestMagnitude } from '../approx/chebyshev.ts';
import type { PolynomialGraph } from '../ir/polynomial-graph.ts';
import type { PolynomialAttributes, TensorGraph } from '../ir/tensor-graph.ts';
import { classify } from '../onnx/classify.ts';
import type { CompileOptions } from '../options.ts';
import { SILENT } from '../options.ts';
import { evaluateModel } from '../reference/evaluate-model.ts';
import {
  deepNet,
  makeGraph,
  optionsWith,
  randomDataset,
  randomTensor,
  smallConvNet,
  tensor,
} from './approximation/testing/graphs.ts';
import { withBatchSize } from './approximation/calibration-batch.ts';
import { approximate, approximateToFit } from './select-degrees.ts';

const calibration = randomDataset(72, 600, 9);
const fixed = (degree: number): CompileOptions['activations'] => new Map([['*', { kind: 'degree', degree }]]);

function run(graph: TensorGraph, options: Partial<CompileOptions>): ReturnType<typeof approximate> {
  return approximate(graph, optionsWith({ calibration, ...options }), SILENT);
}

describe('approximate', () => {
  it('leaves nothing but linear nodes, polynomials and products', async () => {
    for (const choice of [
      { kind: 'degree', degree: 4 },
      { kind: 'relu-composite', alpha: 6 },
    ] as const) {
      const { graph } = await run(smallConvNet('MaxPool'), { activations: new Map([['*', choice]]) });
      for (const node of graph.nodes)
        expect(['linear', 'polynomial', 'product']).toContain(classify(graph, node));
      for (const node of graph.nodes)
        for (const output of node.outputs) expect(graph.shapes.has(output)).toBe(true);
    }
  });

  it('counts the levels of a composite ReLU: its stages and the product', async () => {
    const { approximations } = await run(smallConvNet(), {
      activations: new Map([['*', { kind: 'relu-composite', alpha: 6 }]]),
    });
    // Degrees 3 and 7, then the product.
    for (const { method, depth } of approximations)
      expect([method, depth]).toEqual(['composite-sign', 2 + 3 + 1]);
  });

  it('emits the graph that it measured, ranges included', async () => {
    const result = await run(smallConvNet(), { activations: fixed(4) });
    const { outputs } = await evaluateModel(result.graph, calibration);
    const { min, max } = result.ranges.get('scores')!;
    expect(Math.min(...outputs)).toBeCloseTo(min, 4);
    expect(Math.max(...outputs)).toBeCloseTo(max, 4);
    for (const node of result.graph.nodes) expect(result.ranges.has(node.outputs[0]!)).toBe(true);
  });

  it('errors shrink with the degree, and refitted layers beat the activations alone', async () => {
    const graph = smallConvNet();
    const errors = [];
    for (const degree of [2, 4, 8])
      errors.push((await run(graph, { activations: fixed(degree) })).quality.rmsOutputError);
    expect(errors[1]!).toBeLessThan(errors[0]! * 0.8);
    expect(errors[2]!).toBeLessThan(errors[1]! * 0.8);
  });

  it('reports every activation, with errors and escapes of held-out inputs', async () => {
    const { approximations, quality, warnings } = await run(smallConvNet('MaxPool'), {
      activations: fixed(4),
      maxAccuracyDrop: 50,
    });
    expect(approximations.map((report) => [report.node, report.activation, report.method])).toEqual([
      ['relu1+pool', 'Relu+MaxPool', 'polynomial-pooling'],
      ['relu2', 'Relu', 'least-squares'],
    ]);
    for (const report of approximations) {
      expect(report.depth).toBe(2);
      expect(report.rmsError).toBeLessThan(report.rmsOutput);
      expect(report.rmsError).toBeGreaterThan(0);
      expect(report.escapeRate).toBeLessThanOrEqual(report.inputsWithEscapes);
    }
    expect(quality).toMatchObject({ samples: 200, originalAccuracy: null });
    expect(quality.agreement).toBeGreaterThan(0.6);
    expect(warnings).toEqual([]);
  });

  it('uses labels if there are any', async () => {
    const graph = smallConvNet();
    const { outputs } = await evaluateModel(graph, calibration);
    const label = (index: number): number => {
      const scores = [...outputs.subarray(index * 4, index * 4 + 4)];
      return scores.indexOf(Math.max(...scores));
    };
    const { quality } = await run(graph, { calibration: { ...calibration, label }, activations: fixed(8) });
    expect(quality.originalAccuracy).toBe(1);
    expect(quality.polynomialAccuracy).toBe(quality.agreement);
  });

  it('keeps leading coefficients that can be divided by', async () => {
    const { graph } = await run(smallConvNet(), { activations: fixed(8) });
    for (const node of graph.nodes) {
      if (node.op !== 'Polynomial') continue;
      const { coefficients, degree } = node.attributes as unknown as PolynomialAttributes;
      for (let start = 0; start < coefficients.length; start += degree + 1) {
        const channel = coefficients.slice(start, start + degree + 1);
        expect(Math.abs(channel[degree]!)).toBeGreaterThanOrEqual(
          LEADING_FLOOR * 0.99 * largestMagnitude(channel),
        );
      }
    }
  });

  it('is deterministic', async () => {
    const options = { activations: fixed(4) };
    const [a, b] = [await run(smallConvNet(), options), await run(smallConvNet(), options)];
    expect(a).toEqual(b);
  });

  it('leaves exact polynomials alone', async () => {
    const attributes = { axis: 1, degree: 2, center: [0], halfWidth: [1], coefficients: [0.5, 0, 0.5] };
    const graph = makeGraph(
      { input: [1, 72] },
      [
        { op: 'Gemm', inputs: ['input', 'w'], output: 'd', shape: [1, 3] },
        { op: 'Polynomial', inputs: ['d'], output: 'p', shape: [1, 3], attributes },
        { op: 'Gemm', inputs: ['p', 'v'], output: 'y', shape: [1, 2] },
      ],
      { w: randomTensor([72, 3], 1, 1), v: tensor([3, 2], [2, 1, 3, 4, 5, 6]) },
      ['y'],
    );
    const result = await run(graph, {});
    expect(result.graph.nodes).toEqual(graph.nodes);
    expect(result.approximations).toMatchObject([
      { node: 'p', method: 'exact', degree: 2, depth: 1, rmsError: 0 },
    ]);
    expect(result.quality).toMatchObject({ rmsOutputError: 0, agreement: 1 });
  });

  it('restores the batch axis', async () => {
    const { graph } = await run(withBatchSize(smallConvNet(), 4), { activations: fixed(2) });
    expect(graph.shapes.get('input')).toEqual([4, 2, 6, 6]);
    expect(graph.shapes.get('scores')).toEqual([4, 4]);
    expect(graph.constants.get('dense/refitted-weights')!.shape).toEqual([8, 27]);
  });
});

describe('degree search', () => {
  it('takes the lowest degrees that keep the drop within the limit', async () => {
    const loose = await run(smallConvNet(), { maxAccuracyDrop: 60 });
    expect(loose.approximations.map((report) => report.degree)).toEqual([2, 2]);
    const strict = await run(smallConvNet(), { maxAccuracyDrop: 8 });
    expect(Math.max(...strict.approximations.map((report) => report.degree))).toBeGreaterThan(2);
    expect(strict.warnings).toEqual([]);
  });

  it('holds the upper end of the interval against the limit, not the estimate', async () => {
    const { quality } = await run(smallConvNet(), { activations: fixed(4) });
    const estimate = 100 * (1 - quality.agreement!);
    // By the estimate, degree 4 would do.
    const { approximations, quality: found } = await run(smallConvNet(), { maxAccuracyDrop: estimate + 1 });
    expect(Math.max(...approximations.map(({ degree }) => degree))).toBeGreaterThan(4);
    expect(found.bound).toMatchObject({ measure: 'agreement', limit: estimate + 1, shown: true });
    expect(found.bound!.upper).toBeLessThan(estimate + 1);
  });

  it('lowers an activation where levels are worth more than what it takes of the bound', async () => {
    const many = randomDataset(72, 3000, 9);
    const degreesWithin = async (maxAccuracyDrop: number): Promise<readonly number[]> => {
      const options = { calibration: many, samples: 3000, maxAccuracyDrop };
      return (await run(smallConvNet(), options)).approximations.map(({ degree }) => degree);
    };
    // Degrees 8 and 4 would keep this bound, too: one of nine levels for a sixth of it.
    expect(await degreesWithin(9)).toEqual([8, 8]);
    // One of seven levels for a tenth.
    expect(await degreesWithin(14)).toEqual([4, 2]);
  });

  it('rules out by few samples what they leave no doubt of, where there are many activations', async () => {
    const many = randomDataset(8, 2400, 7);
    const stages: string[] = [];
    const progress = { report: (stage: string) => stages.push(stage), signal: undefined };
    const options = optionsWith({ calibration: many, maxAccuracyDrop: 2 });
    const { polynomial } = await approximateToFit(deepNet(9), options, progress, () => null);
    const { degree } = polynomial.approximations[0]!;
    const looks = stages.filter((stage) => stage === 'first-look').length;
    const fits = stages.filter((stage) => stage === 'select-degrees').length;
    // The highest need not be looked at: it is what is left.
    expect([looks, fits, degree]).toEqual([3, 1, 16]);
  });

  it('takes the best degrees that fit, raising single ones as far as they do', async () => {
    const options = optionsWith({ calibration, maxAccuracyDrop: 0 });
    const wanted = (await run(smallConvNet(), { maxAccuracyDrop: 0 })).approximations;
    expect(wanted.map(({ degree }) => degree)).toEqual([16, 16]);
    const attempts: number[][] = [];
    const within =
      (levels: number) =>
      ({ approximations }: PolynomialGraph): string => {
        attempts.push(approximations.map(({ degree }) => degree));
        if (approximations.reduce((sum, { depth }) => sum + depth, 0) <= levels) return 'a program';
        throw new CompileError('DEPTH_EXCEEDED', 'too deep for this test');
      };
    const { polynomial, program } = await approximateToFit(smallConvNet(), options, SILENT, within(7));
    expect(program).toBe('a program');
    expect(attempts.slice(0, 2)).toEqual([
      [16, 16],
      [8, 8],
    ]);
    const depths = polynomial.approximations.map(({ depth }) => depth);
    expect(depths.reduce((a, b) => a + b)).toBeLessThanOrEqual(7);
    expect(depths.reduce((a, b) => a + b)).toBeGreaterThanOrEqual(6);
    expect(polynomial.warnings.join()).toContain('too deep for this test');
    // Not even squares fit: the refusal is that of the degrees wanted.
    await expect(approximateToFit(smallConvNet(), options, SILENT, within(1))).rejects.toThrow(/too deep/);
    expect(attempts.at(-1)).toEqual([2, 2]);
  });

  it('does not fit what nothing holds, where no activation can be lowered alone', async () => {
    const activations = new Map([['relu1', { kind: 'degree', degree: 2 } as const]]);
    const degreesWithin = async (...holdable: number[]): Promise<readonly [number, string]> => {
      const options = optionsWith({ calibration, activations, maxAccuracyDrop: 0 });
      const { polynomial } = await approximateToFit(smallConvNet(), options, SILENT, () => null, {
        holdable,
        refreshed: new Map(),
      });
      return [polynomial.approximations[1]!.degree, polynomial.warnings.join()];
    };
    expect(await degreesWithin(2, 4)).toEqual([
      4,
      expect.stringMatching(/no program holds a degree above 4/),
    ]);
    expect((await degreesWithin(2, 4, 8, 16))[0]).toBeGreaterThan(4);
  });

  it('widens what is not refreshed where something is, and guards it', async () => {
    const options = optionsWith({ calibration, activations: fixed(8) });
    const behind = async (...sites: string[]) => {
      const plan = { holdable: [], refreshed: new Map([[null, new Set(sites)]]) };
      const { polynomial } = await approximateToFit(smallConvNet(), options, SILENT, () => null, plan);
      const [first, second] = polynomial.approximations.map(({ range }) => range[1] - range[0]);
      const { nodes } = polynomial.graph;
      const guards = nodes.filter(({ name }) => name.startsWith('range-guard/polynomial')).length;
      for (const { outputs } of nodes) expect(polynomial.ranges.has(outputs[0]!)).toBe(true);
      const refusedFrom = polynomial.approximations.map((report) => report.refusedFrom);
      return { widths: [first!, second!], guards, refusedFrom };
    };
    const [none, some, all] = [await behind(), await behind('relu2'), await behind('relu1', 'relu2')];
    expect(some.widths[0]! / none.widths[0]!).toBeCloseTo(1.5 / 1.25, 1);
    expect(some.widths[1]!).toBeLessThan(none.widths[1]!);
    expect(all.widths[0]! / none.widths[0]!).toBeCloseTo(1.1 / 1.25, 1);
    expect([none, some, all].map(({ guards }) => guards)).toEqual([0, 1, 0]);
    expect(none.refusedFrom).toEqual([undefined, undefined]);
    expect(some.refusedFrom).toEqual([expect.closeTo(1.28, 1), undefined]);
  });

  it('does not search where the error is of another kind', async () => {
    const attempts: number[] = [];
    const make = (): never => {
      attempts.push(1);
      throw new CompileError('VALUES_NOT_FINITE', 'not a matter of size');
    };
    const options = optionsWith({ calibration, maxAccuracyDrop: 0 });
    await expect(approximateToFit(smallConvNet(), options, SILENT, make)).rejects.toThrow(/not a matter/);
    expect(attempts).toHaveLength(1);
  });

  it('warns if nothing is good enough', async () => {
    const { warnings } = await run(smallConvNet(), { maxAccuracyDrop: 0 });
    expect(warnings.join()).toMatch(/more than the 0 allowed/);
  });

  it('leaves fixed activations fixed', async () => {
    const activations = new Map([['relu1', { kind: 'degree', degree: 5 } as const]]);
    const { approximations } = await run(smallConvNet(), { activations, maxAccuracyDrop: 60 });
    expect(approximations.map((report) => [report.degree, report.depth])).toEqual([
      [5, 3],
      [2, 1],
    ]);
  });

  it('can be cancelled, and refuses data of another shape', async () => {
    const cancelled = { report: () => undefined, signal: AbortSignal.abort() };
    const options = optionsWith({ calibration });
    await expect(approximate(smallConvNet(), options, cancelled)).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    await expect(approximate(smallConvNet(), options, cancelled)).rejects.toThrow(BackendError);
    await expect(run(smallConvNet(), { calibration: randomDataset(5, 10, 1) })).rejects.toThrow(CompileError);
  });
});

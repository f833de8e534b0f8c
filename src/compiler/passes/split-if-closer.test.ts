import { describe, expect, it } from 'vitest';
import { BackendError, CompileError } from '../../errors.ts';
import type { TensorGraph } from '../ir/tensor-graph.ts';
import { ModelBuilder } from '../onnx/testing/model-builder.ts';
import type { CompileOptions } from '../options.ts';
import { DEFAULT_OPTIONS } from '../options.ts';
import { splitIfCloser } from './split-if-closer.ts';

type Result = Parameters<typeof splitIfCloser>[0];

const calibration = {} as NonNullable<CompileOptions['calibration']>;
const options = { ...DEFAULT_OPTIONS, backend: 'native' as const, calibration };
const pooled = new ModelBuilder()
  .input('x', [1, 1, 4, 4])
  .node('MaxPool', ['x'], ['y'], { kernel_shape: [2, 2] })
  .output('y')
  .graph();
const plain = new ModelBuilder().input('x', [1, 4]).node('Relu', ['x'], ['y']).output('y').graph();

function result(drop: number): Result {
  const bound = { measure: 'accuracy', estimate: drop, lower: null, upper: null, limit: 0.5, shown: false };
  return { polynomial: { quality: { bound } } } as unknown as Result;
}

const never = (): Promise<Result> => Promise.reject(new Error('compiled'));

function trial(compile: (split: TensorGraph) => Promise<Result>, refreshed = true) {
  return { compile, isRefreshed: () => refreshed };
}

describe('a model with max-pools', () => {
  it('is kept where it stays within the bound: nothing else is compiled', async () => {
    const first = result(0.5);
    expect(await splitIfCloser(first, pooled, options, trial(never))).toBe(first);
  });

  it('gives way to one without where it does not and that comes closer', async () => {
    const seen: string[][] = [];
    const other = result(0.6);
    const compile = (graph: TensorGraph): Promise<Result> => {
      seen.push(graph.nodes.map(({ op }) => op));
      return Promise.resolve(other);
    };
    expect(await splitIfCloser(result(2.2), pooled, options, trial(compile))).toBe(other);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toContain('Abs');
    expect(seen[0]).not.toContain('MaxPool');
  });

  it.each([
    ['is further off', 2.3, true],
    ['comes closer, beyond the bound, and has refreshes where there were none', 2.1, false],
  ])('is kept where the other %s', async (_, drop, refreshed) => {
    const first = result(2.2);
    const compile = (): Promise<Result> => Promise.resolve(result(drop));
    expect(await splitIfCloser(first, pooled, options, trial(compile, refreshed))).toBe(first);
  });

  it('gives way to one with refreshes where there were none if that keeps the bound', async () => {
    const other = result(0.4);
    const compile = (): Promise<Result> => Promise.resolve(other);
    expect(await splitIfCloser(result(2.2), pooled, options, trial(compile, false))).toBe(other);
  });

  it.each<[string, Partial<CompileOptions>]>([
    ['refreshes are forbidden', { refresh: 'never' }],
    ['the backend has none', { backend: 'seal' }],
    ['the mode has none', { optimize: 'throughput' }],
    ['the scheme has none', { scheme: 'bfv' }],
    ['there is no calibration data', { calibration: null }],
    ['degrees are chosen by hand', { activations: new Map([['*', { kind: 'degree', degree: 4 }]]) }],
  ])('is kept where %s', async (_, other) => {
    const first = result(2.2);
    expect(await splitIfCloser(first, pooled, { ...options, ...other }, trial(never))).toBe(first);
  });

  it('is kept where no program holds the other; cancelling is no reason', async () => {
    const first = result(2.2);
    const failing = (error: Error): Promise<Result> =>
      splitIfCloser(
        first,
        pooled,
        options,
        trial(() => Promise.reject(error)),
      );
    expect(await failing(new CompileError('MEMORY_EXCEEDED', 'too much'))).toBe(first);
    await expect(failing(new BackendError('CANCELLED', 'cancelled'))).rejects.toThrow('cancelled');
  });
});

it('a model without max-pools is kept, whatever it loses', async () => {
  const first = result(2.2);
  expect(await splitIfCloser(first, plain, options, trial(never))).toBe(first);
});

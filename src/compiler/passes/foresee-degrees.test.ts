import { describe, expect, it } from 'vitest';
import { placeLeast, reduceLinear } from './compose-linear.ts';
import { lowerLinear } from './lower-linear.ts';
import { MatrixProducts } from '../linear/matrix-products.ts';
import { normalisePolynomials } from './normalise-polynomials.ts';
import { refreshOf } from '../analysis/cost-model.ts';
import { DEFAULT_OPTIONS, SILENT, type ActivationChoice, type CompileOptions } from '../options.ts';
import { NATIVE } from '../targets/native.ts';
import { refreshChains } from '../targets/refresh-chains.ts';
import { approximate } from './select-degrees.ts';
import {
  deepNet,
  makeGraph,
  optionsWith,
  randomDataset,
  smallConvNet,
} from './approximation/testing/graphs.ts';
import {
  degreePlan,
  describeForesight,
  foreseeDegrees,
  refreshedInstead,
  requireHoldable,
  type Foresight,
} from './foresee-degrees.ts';

const calibration = randomDataset(72, 600, 9);

it('knows the depth that each degree takes, and refuses where no chain holds the lowest', async () => {
  const options = optionsWith({ calibration, backend: 'seal' });
  const foresight = await foreseeDegrees(smallConvNet(), options, SILENT);
  expect(foresight.forecasts.map(({ degree }) => degree)).toEqual([2, 4, 8, 16]);
  const depths = foresight.forecasts.map(({ depth }) => depth);
  // Each doubling costs every activation a level, and nothing else one.
  const sites = depths[1]! - depths[0]!;
  expect(sites).toBeGreaterThan(0);
  expect(depths.map((depth) => depth - depths[0]!)).toEqual([0, sites, 2 * sites, 3 * sites]);
  expect(() => requireHoldable(foresight)).not.toThrow();

  const precise = await foreseeDegrees(smallConvNet(), { ...options, precision: 40 }, SILENT);
  expect(() => requireHoldable(precise)).toThrow(
    new RegExp(`it takes ${depths[0]} at degree 2, ${depths[1]} at`),
  );
});

it('says which degree would fit where a choice that does not is fixed', async () => {
  const activations = new Map<string, ActivationChoice>([['*', { kind: 'relu-composite', alpha: 14 }]]);
  const options = optionsWith({ calibration, backend: 'seal', activations });
  const foresight = await foreseeDegrees(smallConvNet(), options, SILENT);
  const hint = expect.stringMatching(/^degree 16 would fit, with \d+ levels: --activation/) as string;
  expect(() => requireHoldable(foresight)).toThrow(expect.objectContaining({ code: 'DEPTH_EXCEEDED', hint }));
});

it('refuses what no memory holds, with the way out', async () => {
  const options = optionsWith({ calibration, backend: 'seal', maxMemoryMb: 260 });
  const foresight = await foreseeDegrees(smallConvNet(), options, SILENT);
  const expected = {
    code: 'MEMORY_EXCEEDED',
    message: expect.stringMatching(/needs about \d+ MiB .* it takes \d+ at degree 2/) as string,
    hint: expect.stringMatching(/--backend native .*--max-memory-mb/) as string,
  };
  expect(() => requireHoldable(foresight)).toThrow(expect.objectContaining(expected));
});

it('tells which degrees are within reach', async () => {
  const options = optionsWith({ calibration, backend: 'seal' });
  const all = await foreseeDegrees(smallConvNet(), options, SILENT);
  expect([degreePlan(all).holdable, describeForesight(all)]).toEqual([[2, 4, 8, 16], null]);
  const some = await foreseeDegrees(smallConvNet(), { ...options, maxMemoryMb: 450 }, SILENT);
  expect(degreePlan(some).holdable).toEqual([2, 4]);
  expect(() => requireHoldable(some)).not.toThrow();
  const told = /^within reach: degree 2 .*, degree 4 .*; beyond it: degree 8 .*, degree 16 .*MiB are there/;
  expect(describeForesight(some)).toMatch(told);
});

describe('what no chain is long enough for', () => {
  const data = randomDataset(8, 200, 5);
  const options = optionsWith({ calibration: data, backend: 'native' });

  it('is refreshed, before all activations but those that the top of the chain reaches', async () => {
    const foresight = await foreseeDegrees(deepNet(40), options, SILENT);
    const { holdable, refreshed } = degreePlan(foresight);
    expect(holdable).toEqual([2, 4, 8, 16]);
    // More levels each, fewer activations between two refreshes.
    const counts = holdable.map((degree) => refreshed.get(degree)!.size);
    expect(counts[0]).toBeGreaterThan(0);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(refreshed.get(8)!.has('relu1')).toBe(false);
    expect(refreshed.get(8)!.has('relu40')).toBe(true);
  });

  it.each([
    ['where that is not wanted', { refresh: 'never' }],
    ['on node-seal', { backend: 'seal' }],
    ['at more security than its secrets are certified for', { security: 192 }],
  ] as const)('is refused %s', async (_, asked) => {
    const foresight = await foreseeDegrees(deepNet(40), { ...options, ...asked }, SILENT);
    expect(() => requireHoldable(foresight)).toThrow(expect.objectContaining({ code: 'DEPTH_EXCEEDED' }));
  });
});

describe('what a chain is long enough for', () => {
  const activations = new Map([['*', { kind: 'degree', degree: 8 } as const]]);
  const foreseen = async (width: number, asked: Partial<CompileOptions> = {}): Promise<Foresight> => {
    const data = randomDataset(width, 200, 5);
    const options = optionsWith({ calibration: data, backend: 'native', activations, ...asked });
    return foreseeDegrees(deepNet(9, width), options, SILENT);
  };
  const refreshMs = (): number => {
    const demand = { depth: 17, refreshed: 6, outputBound: 1, precision: 8, security: 128 } as const;
    const chains = refreshChains(32768, demand);
    return Math.min(...chains.map((chain) => refreshOf(NATIVE.costs(chain, DEFAULT_OPTIONS.profile)).ms));
  };

  it('is refreshed where work at fewer levels saves more than refreshes take', async () => {
    const [wide] = (await foreseen(256)).forecasts;
    expect([wide!.chain!.polyModulusDegree, wide!.refreshed.size > 0, wide!.instead]).toEqual([
      32768,
      true,
      null,
    ]);
    const [never] = (await foreseen(256, { refresh: 'never' })).forecasts;
    expect([never!.chain!.polyModulusDegree, never!.refreshed.size]).toEqual([65536, 0]);
  });

  it('is not where there is little work, unless the program comes out far dearer', async () => {
    const foresight = await foreseen(8);
    const [small] = foresight.forecasts;
    expect([small!.chain!.polyModulusDegree, small!.refreshed.size]).toEqual([65536, 0]);
    const { refreshed, cost } = small!.instead!;
    // Maps of eight numbers and the polynomials cost little beside the refreshes.
    expect(cost).toBeGreaterThan(refreshed.size * refreshMs());
    expect(cost).toBeLessThan(1.5 * refreshed.size * refreshMs());
    const forecasts = [{ ...small!, degree: 8 }];
    expect(refreshedInstead({ forecasts }, { degree: 8, cost: 1.1 * cost })).toBeNull();
    const plan = refreshedInstead({ forecasts }, { degree: 8, cost: 2 * cost })!;
    expect(plan.holdable).toEqual([8]);
    expect(plan.refreshed.get(8)).toBe(refreshed);
    expect(refreshedInstead(foresight, { degree: 8, cost: 2 * cost })!.refreshed.get(null)).toBe(refreshed);
  });
});

it('counts bits that a site is to keep by the ranges seen, at least', async () => {
  const depthFor = async (bits: number): Promise<number> => {
    const activations = new Map([['*', { kind: 'precision', bits } as const]]);
    const options = optionsWith({ calibration, activations });
    return (await foreseeDegrees(smallConvNet(), options, SILENT)).forecasts[0]!.depth;
  };
  expect(await depthFor(12)).toBeGreaterThan(await depthFor(4));
});

describe('the depth foreseen is that of the fitted model', () => {
  const pixels = randomDataset(16, 64, 3);
  const reshaped = makeGraph(
    { input: [1, 1, 4, 4] },
    [
      { op: 'Mul', inputs: ['input', 'input'], output: 'square', shape: [1, 1, 4, 4] },
      { op: 'Flatten', inputs: ['square'], output: 'flat', shape: [1, 16] },
      { op: 'Mul', inputs: ['flat', 'flat'], output: 'fourth', shape: [1, 16] },
      { op: 'Transpose', inputs: ['fourth'], output: 'turned', shape: [16, 1], attributes: { perm: [1, 0] } },
      { op: 'Relu', inputs: ['turned'], output: 'output', shape: [16, 1] },
    ],
    {},
    ['output'],
  );
  const gated = makeGraph(
    { input: [1, 1, 4, 4] },
    [
      { op: 'Tanh', inputs: ['input'], output: 'gate', shape: [1, 1, 4, 4] },
      { op: 'Mul', inputs: ['input', 'gate'], output: 'output', shape: [1, 1, 4, 4] },
    ],
    {},
    ['output'],
  );
  const all = (choice: ActivationChoice): ReadonlyMap<string, ActivationChoice> => new Map([['*', choice]]);
  it.each([
    ['degree 2', smallConvNet(), calibration, all({ kind: 'degree', degree: 2 })],
    ['degree 5', smallConvNet(), calibration, all({ kind: 'degree', degree: 5 })],
    ['pooling of degree 2', smallConvNet('MaxPool'), calibration, all({ kind: 'degree', degree: 2 })],
    ['pooling of degree 16', smallConvNet('MaxPool'), calibration, all({ kind: 'degree', degree: 16 })],
    ['a composite', smallConvNet('MaxPool'), calibration, all({ kind: 'relu-composite', alpha: 6 })],
    ['a polynomial in a product', gated, pixels, all({ kind: 'degree', degree: 4 })],
    ['squares with and without a map between', reshaped, pixels, all({ kind: 'degree', degree: 4 })],
  ])('%s', async (_, graph, data, activations) => {
    const options = optionsWith({ calibration: data, activations, samples: 64 });
    const { forecasts } = await foreseeDegrees(graph, options, SILENT);
    const fitted = normalisePolynomials(lowerLinear(await approximate(graph, options, SILENT)));
    expect(forecasts[0]!.depth).toBe(placeLeast(reduceLinear(fitted, new MatrixProducts())).length.depth);
  });
});

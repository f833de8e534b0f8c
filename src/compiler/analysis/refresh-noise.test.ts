/** What a refresh does to errors. `test/refresh-forecast.test.ts` holds the same against ciphertexts. */
import { describe, expect, it } from 'vitest';
import { ProgramBuilder } from '../../program/testing/program-builder.ts';
import { refreshableParameters } from '../../program/testing/test-parameters.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';
import { noiseSources } from './noise-sources.ts';
import { forecastNoise } from './noise.ts';
import { refreshGain, refreshNoise } from './refresh-noise.ts';
import { forecastOnSamples } from './sampled-noise.ts';

const parameters = refreshableParameters();
const sources = noiseSources(parameters);
const SCALE = 2 ** 36;

it.each([
  [4, 1],
  [4, 0.75],
  [2, 1],
  [64, 0.5],
  [4, 0],
])(
  'errors grow by the slope of the sine, ratio %d and values in ±%d, and half as much again',
  (ratio, reach) => {
    const points = 20_000;
    let mean = 0;
    for (let i = 0; i < points; i++) {
      const z = reach * ((2 * i + 1) / points - 1);
      mean += ((2 * Math.PI) / ratio) ** 2 * Math.cos((2 * Math.PI * z) / ratio) ** 2;
    }
    expect(refreshGain(ratio, reach)).toBeCloseTo((1.5 * mean) / points, 6);
  },
);

describe('what a refresh adds', () => {
  const bits = (scale: number, ratio: number): number =>
    -Math.log2(refreshNoise(parameters, sources)(scale, ratio)) / 2;

  it('is what its benchmark measures at N = 32768, whatever the ratio', () => {
    // bench/results/refresh.json: 18.87 bits.
    expect(bits(SCALE, 4)).toBeGreaterThan(18.7);
    expect(bits(SCALE, 4)).toBeLessThan(19.1);
    expect(bits(SCALE, 256)).toBeCloseTo(bits(SCALE, 4), 1);
  });

  it('is simulated once for each scale and ratio, and always comes out the same', () => {
    const noise = refreshNoise(parameters, sources);
    expect(noise(SCALE, 4)).toBe(noise(SCALE, 4));
    expect(noise(SCALE, 4)).toBe(refreshNoise(parameters, sources)(SCALE, 4));
    const before = performance.now();
    for (let i = 0; i < 1000; i++) noise(SCALE, 4);
    expect(performance.now() - before).toBeLessThan(100);
  });

  it('grows as scales shrink, where the transform from slots makes it', () => {
    const at = (scaleBits: number): number => {
      const chain = { ...parameters, scaleBits } as typeof parameters;
      return -Math.log2(refreshNoise(chain, noiseSources(chain))(2 ** scaleBits, 4)) / 2;
    };
    expect(at(21) - at(20)).toBeCloseTo(1, 1);
  });
});

it('a program has both: what the input brings, and what is added', () => {
  const builder = new ProgramBuilder(parameters);
  const input = builder.input(1, 3);
  const program = builder.build([builder.refresh(input, 4)]);
  const { std } = forecastNoise(program, parameters);
  // Bounds have a margin over the values: see BOUND_MARGIN.
  const reach = 1 / 1.25;
  const brought = std[input]! ** 2 * refreshGain(4, reach);
  expect(std[1]! ** 2).toBeCloseTo(brought + refreshNoise(parameters, sources)(2 ** 36, 4), 15);
});

it('samples tell the same: imaginary parts come along unseen, and on to what follows', () => {
  // Scales so small that the input's error is most of it.
  const chain = { ...parameters, scaleBits: 24 } as typeof parameters;
  const builder = new ProgramBuilder(chain);
  const input = builder.input(1, 3);
  const refreshed = builder.refresh(input, 4);
  const program = builder.build([builder.polynomial(refreshed, [[0, 0]], { unitLeading: true })]);
  const shape = [1, program.slotCount];
  const node = { layer: 'n', shape, bound: 1 };
  const graph: LinearGraph = {
    name: 'refresh',
    nodes: [
      { ...node, id: 0, kind: 'input', name: 'x' },
      { ...node, id: 1, kind: 'refresh', source: 0, ratio: 4 },
      { ...node, id: 2, kind: 'polynomial', source: 1, degree: 2, unitLeading: true, coefficients: [] },
    ],
    outputs: [{ name: 'y', node: 2 }],
  };
  // Uniform within what the bound is the margin of.
  const sample = Float64Array.from(
    { length: program.slotCount },
    (_, i) => 0.8 * (2 * ((i * 0.618) % 1) - 1),
  );
  const { layout } = program.inputs[0]!;
  const samples = [[sample], [sample]];
  const sampled = forecastOnSamples(program, chain, graph, [layout, layout, layout], samples).std;
  const { std } = forecastNoise(program, chain);
  const chainSources = noiseSources(chain);
  const [seen, own] = [
    std[0]! ** 2 * (refreshGain(4, 0.8) / 1.5),
    refreshNoise(chain, chainSources)(2 ** 24, 4),
  ];
  expect(seen).toBeGreaterThan(3 * own);
  expect(sampled[1]! ** 2 / (1.5 * seen + own)).toBeCloseTo(1, 1);
  expect(sampled[1]! / std[1]!).toBeCloseTo(1, 1);
  // Squares of s, with the slope 2 s; what the input brings is least where that is largest.
  const expected = sample.map((z) => {
    const [sine, cosine] = [Math.sin((Math.PI * z) / 2), Math.cos((Math.PI * z) / 2)];
    return 4 * sine ** 2 * (1.5 * (std[0]! * (Math.PI / 2) * cosine) ** 2 + own);
  });
  const mean = expected.reduce((sum, variance) => sum + variance, 0) / expected.length;
  expect(sampled[2]! ** 2 / mean).toBeCloseTo(1, 1);
});

it('what one refresh lets in is real from there on: the next takes only half of what is imaginary since', () => {
  // Scales so small that the input's error is most of it.
  const chain = { ...parameters, scaleBits: 24 } as typeof parameters;
  const builder = new ProgramBuilder(chain);
  const input = builder.input(1, 3);
  const program = builder.build([builder.refresh(builder.refresh(input, 4), 4)]);
  const shape = [1, program.slotCount];
  const node = { layer: 'n', shape, bound: 1 };
  const graph: LinearGraph = {
    name: 'refreshes',
    nodes: [
      { ...node, id: 0, kind: 'input', name: 'x' },
      { ...node, id: 1, kind: 'refresh', source: 0, ratio: 4 },
      { ...node, id: 2, kind: 'refresh', source: 1, ratio: 4 },
    ],
    outputs: [{ name: 'y', node: 2 }],
  };
  const sample = Float64Array.from(
    { length: program.slotCount },
    (_, i) => 0.8 * (2 * ((i * 0.618) % 1) - 1),
  );
  const { layout } = program.inputs[0]!;
  const layouts = [layout, layout, layout];
  const { std } = forecastOnSamples(program, chain, graph, layouts, [[sample], [sample]]);
  const own = refreshNoise(chain, noiseSources(chain))(2 ** 24, 4);
  const squaredSlope = (z: number): number => ((Math.PI / 2) * Math.cos((Math.PI * z) / 2)) ** 2;
  const expected = sample.map((z) => {
    const [first, second] = [squaredSlope(z), squaredSlope(Math.sin((Math.PI * z) / 2))];
    return second * (first * 1.5 * std[0]! ** 2 + 1.5 * own) + own;
  });
  const mean = expected.reduce((sum, variance) => sum + variance, 0) / expected.length;
  expect(std[2]! ** 2 / mean).toBeCloseTo(1, 1);
});

import { describe, expect, it } from 'vitest';
import { CompileError } from '../../../errors.ts';
import type { TensorGraph } from '../../ir/tensor-graph.ts';
import { calibrationInputs, loadCalibration, partOf, unbatch, withBatchSize } from './calibration-batch.ts';
import { optionsWith, randomDataset, smallConvNet } from './testing/graphs.ts';

const graph = smallConvNet();
const dataset = randomDataset(72, 90, 3);

describe('loadCalibration', () => {
  it('takes two thirds to fit, deterministically by seed', () => {
    const load = (seed: number) =>
      loadCalibration(graph, optionsWith({ calibration: dataset, samples: 60, seed }));
    expect(load(1)).toMatchObject({ samples: 60, fit: 40, labels: null });
    expect(load(1).inputs).toEqual(load(1).inputs);
    expect(load(1).inputs).not.toEqual(load(2).inputs);
  });

  it('holds out at most 2000 of those that it fits to, and what is left in reserve', () => {
    const sized = (size: number) => ({ ...dataset, size, sample: () => new Float32Array(72) });
    const load = (size: number, samples: number) => {
      const batch = loadCalibration(graph, optionsWith({ calibration: sized(size), samples }));
      return [batch.fit, batch.samples - batch.fit, batch.reserve.samples];
    };
    expect(load(90, 14_000)).toEqual([60, 30, 0]);
    expect(load(9000, 6000)).toEqual([4000, 2000, 0]);
    expect(load(9000, 8000)).toEqual([4000, 2000, 2000]);
    expect(load(30_000, 14_000)).toEqual([4000, 2000, 8000]);
    // More than that is fitted to, if asked for.
    expect(load(30_000, 20_000)).toEqual([10_000, 2000, 8000]);
  });

  it('fits deep networks to fewer: all their tensors go through the fit, for every sample', () => {
    const deep = (layers: number): TensorGraph => {
      const shape = [1, 16, 32, 32];
      const names = Array.from({ length: layers + 1 }, (_, i) => `x${i}`);
      const nodes = names
        .slice(1)
        .map((name, i) => ({ op: 'Relu', name, inputs: [names[i]!], outputs: [name], attributes: {} }));
      const shapes = new Map(names.map((name) => [name, shape]));
      return { ...graph, inputs: ['x0'], outputs: [names.at(-1)!], nodes, shapes, constants: new Map() };
    };
    const pixels = new Float32Array(16_384);
    const few = { ...dataset, size: 3000, sample: () => pixels };
    const load = (layers: number, samples: number) =>
      loadCalibration(deep(layers), optionsWith({ calibration: few, samples })).samples;
    // 3 · 10^9 elements are 1831 samples of a hundred layers of 16,384; at least 1500 are taken.
    expect([load(10, 3000), load(100, 3000), load(200, 3000), load(200, 1000)]).toEqual([
      3000, 1831, 1500, 1000,
    ]);
  });

  it('reads the reserve in parts: samples that are neither fitted to nor held out otherwise', () => {
    const numbered = {
      ...dataset,
      size: 6700,
      sample: (index: number) => new Float32Array(72).fill(index),
      label: (index: number) => index,
    };
    const { inputs, reserve } = loadCalibration(graph, optionsWith({ calibration: numbered }));
    const seen = new Set(inputs.get('input'));
    const kept = [...reserve.parts()].flatMap((part) =>
      Array.from({ length: part.samples }, (_, s) => part.inputs[0]![s * 72]!),
    );
    expect([seen.size, kept.length, new Set([...seen, ...kept]).size]).toEqual([6000, 700, 6700]);
    expect([...reserve.labels!]).toEqual(kept);
  });

  it('gives a part with as many held out, of the same samples', () => {
    const labelled = { ...dataset, label: (index: number) => index };
    const whole = loadCalibration(graph, optionsWith({ calibration: labelled, samples: 90 }));
    const part = partOf(whole, graph, 30);
    expect(part).toMatchObject({ samples: 30, fit: 20, reserve: { samples: 0 } });
    const expected = [...whole.labels!.subarray(0, 20), ...whole.labels!.subarray(60, 70)];
    expect([...part.labels!]).toEqual(expected);
    const last = part.inputs.get('input')!.subarray(29 * 72, 30 * 72);
    expect(last).toEqual(dataset.sample(expected[29]!, 0));
    expect(partOf(whole, graph, 90)).toBe(whole);
  });

  it('keeps labels only if all samples have one', () => {
    const labelled = { ...dataset, label: (index: number) => index };
    const { labels, inputs } = loadCalibration(graph, optionsWith({ calibration: labelled }));
    expect(inputs.get('input')!.subarray(0, 72)).toEqual(dataset.sample(labels![0]!, 0));
    const partly = { ...dataset, label: (index: number) => (index === 5 ? null : index) };
    expect(loadCalibration(graph, optionsWith({ calibration: partly })).labels).toBeNull();
  });

  it('refuses samples of another shape, and empty data', () => {
    const wrong = randomDataset(71, 5, 3);
    expect(() => loadCalibration(graph, optionsWith({ calibration: wrong }))).toThrow(/71 values.*72/);
    const empty = { ...dataset, size: 0 };
    expect(() => loadCalibration(graph, optionsWith({ calibration: empty }))).toThrow(CompileError);
  });

  it('makes do with random pixels, preprocessed, and warns', () => {
    const preprocessing = { pixelScale: 1 / 255, mean: [0.5, 0], std: [0.5, 1] };
    const { inputs, warnings, fit } = loadCalibration(graph, optionsWith({ preprocessing }));
    expect(warnings.join()).toMatch(/no calibration data/);
    expect(fit).toBe(512);
    const values = inputs.get('input')!;
    const first = values.filter((_, i) => i % 72 < 36);
    const second = values.filter((_, i) => i % 72 >= 36);
    expect(Math.min(...first.subarray(0, 5000))).toBeCloseTo(-1, 1);
    expect(Math.min(...second.subarray(0, 5000))).toBeCloseTo(0, 1);
    expect(Math.max(...second.subarray(0, 5000))).toBeCloseTo(1, 1);
  });
});

describe('graphs of several images', () => {
  it('are calibrated one image at a time and restored', () => {
    const batched = withBatchSize(graph, 4);
    const { single, batchSize } = unbatch(batched);
    expect(batchSize).toBe(4);
    expect(single.shapes).toEqual(graph.shapes);
    const inputs = calibrationInputs(batched, optionsWith({ calibration: dataset }), 3);
    expect(inputs).toHaveLength(3);
    expect(inputs[0]![0]).toHaveLength(4 * 72);
  });
});

import { describe, expect, it } from 'vitest';
import { CompileError } from '../../../errors.ts';
import { calibrationInputs, loadCalibration, unbatch, withBatchSize } from './calibration-batch.ts';
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

  it('holds out at most 2000 and uses no more than there is', () => {
    const large = { ...dataset, size: 9000, sample: () => new Float32Array(72) };
    expect(loadCalibration(graph, optionsWith({ calibration: large, samples: 8000 }))).toMatchObject({
      fit: 6000,
    });
    expect(loadCalibration(graph, optionsWith({ calibration: dataset }))).toMatchObject({
      samples: 90,
      fit: 60,
    });
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

import { describe, expect, it } from 'vitest';
import { SILENT, type Dataset } from '../options.ts';
import { compileModel } from '../pipeline.ts';
import { Random } from '../random.ts';
import { encodeOnnx } from '../onnx/encode.ts';
import {
  makeGraph,
  optionsWith,
  randomDataset,
  smallConvNet,
  tensor,
} from './approximation/testing/graphs.ts';
import { screenCalibration } from './screen-calibration.ts';

const graph = smallConvNet();
const data = randomDataset(72, 90, 3);

/** The same data, with one sample multiplied. */
function withScaled(dataset: Dataset, at: number, factor: number): Dataset {
  return {
    ...dataset,
    sample: (index, input) =>
      dataset.sample(index, input).map((value) => (index === at ? factor * value : value)),
  };
}

const screen = (calibration: Dataset) => screenCalibration(graph, optionsWith({ calibration }), SILENT);

describe('screenCalibration', () => {
  it('leaves good data as it is', async () => {
    const options = optionsWith({ calibration: data });
    expect(await screenCalibration(graph, options, SILENT)).toEqual({ options, warnings: [] });
  });

  it('leaves out a sample that stands apart, and names it and the layer', async () => {
    const { options, warnings } = await screen(withScaled(data, 41, 1e6));
    expect(options.calibration!.size).toBe(89);
    expect(options.calibration!.sample(41, 0)).toEqual(data.sample(42, 0));
    expect(options.calibration!.origin!(41)).toBe(42);
    expect(warnings.join()).toMatch(/1 of 90 calibration samples .*sample 41 reaches 9\.89e\+5 in 'input'/);
  });

  it('refuses a single sample, and equal ones', async () => {
    await expect(screen({ ...data, size: 1 })).rejects.toMatchObject({
      code: 'CALIBRATION_DEGENERATE',
      message: expect.stringContaining('single sample') as string,
    });
    await expect(screen({ ...data, sample: () => data.sample(3, 0) })).rejects.toMatchObject({
      code: 'CALIBRATION_DEGENERATE',
      message: expect.stringContaining('all 90 calibration samples') as string,
    });
  });

  it('refuses a model that overflows on more samples than may stand apart', async () => {
    const huge = (index: number, input: number): Float32Array =>
      data.sample(index, input).map((value) => (index % 9 === 0 ? 3e38 * Math.sign(value) : value));
    await expect(screen({ ...data, sample: huge })).rejects.toMatchObject({
      code: 'RANGE_OVERFLOW',
      message: expect.stringContaining('on 10 of 90 calibration inputs') as string,
    });
  });

  it('names a sample that is not finite, wherever it stands', async () => {
    await expect(screen(withScaled(data, 88, NaN))).rejects.toMatchObject({
      code: 'INPUT_NOT_FINITE',
      message: expect.stringContaining('sample 88') as string,
    });
  });
});

describe('compileModel', () => {
  it('takes no sample that leaves a polynomial’s range for the measure of the others', async () => {
    // y = 1/√x, at most 1.2 on all samples but one near the pole, which is held out: its polynomial is far off there.
    const root = makeGraph(
      { x: [1, 4] },
      [
        { op: 'Pow', inputs: ['x', 'exponent'], output: 'root', shape: [1, 4] },
        { op: 'Mul', inputs: ['root', 'root'], output: 'square', shape: [1, 4] },
        { op: 'Mul', inputs: ['square', 'square'], output: 'y', shape: [1, 4] },
      ],
      { exponent: tensor([], [-0.5]) },
      ['y'],
    );
    const near = randomDataset(4, 60, 5);
    const calibration = (last: number): Dataset => ({
      ...near,
      sample: (index) => near.sample(index, 0).map((value) => (index === last ? 40 : 2) + value),
    });
    const bounds: number[] = [];
    for (const last of [-1, ...heldOut(60)]) {
      const { artifact } = await compileModel(
        encodeOnnx(root, { batch: 'static' }),
        optionsWith({ calibration: calibration(last), backend: 'cleartext' }),
        { modelDirectory: null, modelName: 'root', progress: SILENT },
      );
      bounds.push(artifact.signature.outputs[0]!.bound);
      if (last < 0) continue;
      expect(artifact.report.warnings.join('\n')).toContain(`sample ${last} `);
    }
    expect(bounds[1]! / bounds[0]!).toBeLessThan(2);
  });
});

/** One of the samples that `loadCalibration` holds out. */
function heldOut(size: number): number[] {
  return [new Random(0).permutation(size).at(-1)!];
}

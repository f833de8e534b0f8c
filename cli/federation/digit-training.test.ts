/** The demonstration's training computes what ONNX makes of its weights, and learns. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { readParameters, replaceParameters } from '../../src/onnx/model-parameters.ts';
import { InferenceSession, Tensor } from '../../src/compiler/reference/onnxruntime.ts';
import { parseNpy } from '../../src/data/npy.ts';
import type { DigitImages } from './digit-training.ts';
import { DigitTraining, WEIGHT_COUNT, WEIGHTS } from './digit-training.ts';

const FIXTURES = new URL('../../fixtures/', import.meta.url);
const TEMPLATE = readFileSync(new URL('digits-square.onnx', FIXTURES));
const PIXELS = 28 * 28;

let training: DigitTraining;
beforeAll(async () => {
  training = await DigitTraining.open();
});

/** Every third of the test digits, whose classes come in equal shares. */
function digits(count: number): DigitImages {
  const read = (name: string): ArrayLike<number> =>
    parseNpy(readFileSync(new URL(name, FIXTURES)), name).values;
  const [images, classes] = [read('digits-test.npy'), read('digits-test-labels.npy')];
  const chosen = Array.from({ length: count }, (_, i) => (7 * i) % 500);
  return {
    pixels: Float32Array.from(
      chosen.flatMap((image) => Array.from({ length: PIXELS }, (_, k) => images[image * PIXELS + k]! / 255)),
    ),
    labels: Int32Array.from(chosen, (image) => classes[image]!),
  };
}

async function accuracyOfOnnx(model: Uint8Array, { pixels, labels }: DigitImages): Promise<number> {
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1 });
  let right = 0;
  for (const [i, label] of labels.entries()) {
    const input = new Tensor('float32', pixels.slice(i * PIXELS, (i + 1) * PIXELS), [1, 1, 28, 28]);
    const { data } = (await session.run({ input }))[session.outputNames[0]!]!;
    const logits = [...(data as Float32Array)];
    if (logits.indexOf(Math.max(...logits)) === label) right++;
  }
  await session.release();
  return right / labels.length;
}

describe('training on digits', () => {
  it('has its weights where the template has them', () => {
    const { layout, values } = readParameters(TEMPLATE, 'the template');
    expect(layout.map(({ name, shape }) => ({ name, shape: [...shape] }))).toEqual(
      WEIGHTS.map(({ name, shape }) => ({ name, shape: [...shape] })),
    );
    expect(values).toHaveLength(WEIGHT_COUNT);
  });

  it('computes what onnxruntime computes of the template', async () => {
    const images = digits(100);
    const weights = Float32Array.from(readParameters(TEMPLATE, 'the template').values);
    const accuracy = training.accuracy(weights, images);
    expect(accuracy).toBeGreaterThan(0.9);
    expect(await accuracyOfOnnx(TEMPLATE, images)).toBe(accuracy);
  });

  it('learns, the same from the same seed, and leaves what it began with as it was', async () => {
    const images = digits(60);
    const options = { epochs: 4, learningRate: 0.01, batchSize: 10, seed: 5 };
    const initial = training.initial(1);
    const before = initial.slice();
    const trained = training.train(initial, images, options);
    expect(initial).toEqual(before);
    expect(training.accuracy(initial, images)).toBeLessThan(0.4);
    const accuracy = training.accuracy(trained, images);
    expect(accuracy).toBeGreaterThan(0.6);
    expect(training.train(initial, images, options)).toEqual(trained);
    const written = replaceParameters(TEMPLATE, Float64Array.from(trained), 'the template');
    expect(await accuracyOfOnnx(written, images)).toBe(accuracy);
  });
});

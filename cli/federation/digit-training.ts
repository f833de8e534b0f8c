/**
 * Training on drawn digits, for the demonstration and for tests: a small network, a few passes of stochastic gradient descent with
 * TensorFlow.js on the CPU. Groups that use federation bring a training of their own.
 */
import { UsageError } from '../../src/errors.ts';

/** Elements of all weights, one after the other, as `WEIGHTS` has them: what updates are differences of. */
export type DigitWeights = Float32Array<ArrayBuffer>;

export interface DigitImages {
  /** [count × 784], 0 … 1. */
  readonly pixels: Float32Array;
  /** 0 … 9. */
  readonly labels: Int32Array;
}

export interface TrainingOptions {
  readonly epochs: number;
  readonly learningRate: number;
  readonly batchSize: number;
  readonly seed: number;
}

/** ONNX's names and shapes, in the order of the template's initialisers. */
export const WEIGHTS = [
  { name: 'conv.weight', shape: [4, 1, 5, 5] },
  { name: 'conv.bias', shape: [4] },
  { name: 'fc.weight', shape: [10, 576] },
  { name: 'fc.bias', shape: [10] },
] as const;

export const WEIGHT_COUNT = WEIGHTS.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
const SIDE = 28;
const STRIDE = 2;
const CLASSES = 10;
const MOMENTUM = 0.9;

type Tf = typeof import('@tensorflow/tfjs-core');
type Tensor = import('@tensorflow/tfjs-core').Tensor;
type Scalar = import('@tensorflow/tfjs-core').Scalar;
type Tensor4D = import('@tensorflow/tfjs-core').Tensor4D;

export class DigitTraining {
  readonly #tf: Tf;

  private constructor(tf: Tf) {
    this.#tf = tf;
  }

  /** @throws UsageError TRAINING_UNAVAILABLE where TensorFlow.js is not installed */
  static async open(): Promise<DigitTraining> {
    try {
      const tf = await import('@tensorflow/tfjs-core');
      await import('@tensorflow/tfjs-layers');
      await import('@tensorflow/tfjs-backend-cpu');
      // Else it advertises itself on the terminal.
      tf.enableProdMode();
      await tf.setBackend('cpu');
      return new DigitTraining(tf);
    } catch (cause) {
      throw new UsageError(
        'TRAINING_UNAVAILABLE',
        'TensorFlow.js, which the demonstration trains with, is not installed',
        {
          hint: 'npm install @tensorflow/tfjs-core @tensorflow/tfjs-layers @tensorflow/tfjs-backend-cpu',
          cause,
        },
      );
    }
  }

  /** He's initialisation (2015): zero biases. */
  initial(seed: number): DigitWeights {
    const tf = this.#tf;
    return tf.tidy(() =>
      concatenate(
        WEIGHTS.map(({ shape }, i) => {
          if (shape.length === 1) return new Float32Array(sizeOf(shape));
          const inputs = sizeOf(shape.slice(1));
          return tf
            .randomNormal([...shape], 0, Math.sqrt(2 / inputs), 'float32', seed + i)
            .dataSync() as Float32Array;
        }),
      ),
    );
  }

  /** @returns what the weights have become; the same from the same seed */
  train(from: DigitWeights, images: DigitImages, options: TrainingOptions): DigitWeights {
    const tf = this.#tf;
    const variables = this.#tensors(from).map((tensor) => tf.variable(tensor));
    const velocities = variables.map((variable) => tf.variable(tf.zerosLike(variable)));
    const { epochs, learningRate, batchSize, seed } = options;
    const count = images.labels.length;
    for (let epoch = 0; epoch < epochs; epoch++) {
      const order = shuffled(count, seed * 1000 + epoch);
      for (let begin = 0; begin < count; begin += batchSize) {
        tf.tidy(() => {
          const { x, y } = this.#batch(images, order.subarray(begin, begin + batchSize));
          const loss = () =>
            tf.losses.softmaxCrossEntropy<Tensor, Scalar>(tf.oneHot(y, CLASSES), this.#logits(variables, x));
          const { grads } = tf.variableGrads(loss, variables);
          variables.forEach((variable, i) => {
            const velocity = velocities[i]!;
            velocity.assign(tf.sub(tf.mul(velocity, MOMENTUM), tf.mul(grads[variable.name]!, learningRate)));
            variable.assign(tf.add(variable, velocity));
          });
        });
      }
    }
    const trained = concatenate(variables.map((variable) => variable.dataSync() as Float32Array));
    for (const variable of [...variables, ...velocities]) variable.dispose();
    return trained;
  }

  /** Share of the images that are classified right. */
  accuracy(weights: DigitWeights, images: DigitImages): number {
    const tf = this.#tf;
    return tf.tidy(() => {
      const all = Int32Array.from(images.labels.keys());
      const { x } = this.#batch(images, all);
      const classes = tf.argMax(this.#logits(this.#tensors(weights), x), 1).dataSync();
      return images.labels.filter((label, i) => classes[i] === label).length / images.labels.length;
    });
  }

  #tensors(weights: DigitWeights): Tensor[] {
    let offset = 0;
    return WEIGHTS.map(({ shape }) => {
      const from = offset;
      offset += sizeOf(shape);
      return this.#tf.tensor(weights.slice(from, offset), [...shape]);
    });
  }

  /** Images in TensorFlow's order of axes: [samples, rows, columns, 1]. */
  #batch({ pixels, labels }: DigitImages, chosen: Int32Array) {
    const x = new Float32Array(chosen.length * SIDE * SIDE);
    chosen.forEach((image, i) =>
      x.set(pixels.subarray(image * SIDE * SIDE, (image + 1) * SIDE * SIDE), i * SIDE * SIDE),
    );
    return {
      x: this.#tf.tensor4d(x, [chosen.length, SIDE, SIDE, 1]),
      y: this.#tf.tensor1d(
        Int32Array.from(chosen, (image) => labels[image]!),
        'int32',
      ),
    };
  }

  /** The template's Conv, square, Flatten and Gemm, whose weights lie in ONNX's order of axes. */
  #logits(weights: readonly Tensor[], x: Tensor4D): Tensor {
    const tf = this.#tf;
    const [kernel, bias, matrix, offset] = weights;
    const filters = tf.transpose(kernel as Tensor4D, [2, 3, 1, 0]);
    const convolved = tf.square(tf.add(tf.conv2d(x, filters, STRIDE, 'valid'), bias!));
    const flat = tf.reshape(tf.transpose(convolved, [0, 3, 1, 2]), [x.shape[0], -1]);
    return tf.add(tf.matMul(flat, matrix!, false, true), offset!);
  }
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

function concatenate(parts: readonly Float32Array[]): DigitWeights {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

/** 0 … count − 1 in an order that follows from the seed (Fisher and Yates, on a linear congruential generator). */
function shuffled(count: number, seed: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  let state = seed >>> 0;
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

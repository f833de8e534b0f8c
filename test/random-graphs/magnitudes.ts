/** How the constants and inputs of a graph get magnitudes that no sane model has. */
import type { ConstantTensor } from '../../src/compiler/ir/tensor-graph.ts';
import { randomValues } from '../../src/compiler/onnx/testing/model-builder.ts';

type Distortion = (values: Float64Array, index: number) => Float64Array;

const power =
  (exponent: number): Distortion =>
  (values) =>
    values.map((value) => value * 10 ** exponent);

/** The first axis is that of output channels, mostly. */
const byPart =
  (factors: readonly number[]): Distortion =>
  (values) => {
    const part = Math.max(1, Math.ceil(values.length / factors.length));
    return values.map((value, i) => value * factors[Math.floor(i / part)]!);
  };

const DISTORTIONS: readonly Distortion[] = [
  (values) => values,
  (values) => values,
  (values) => values,
  ...[-12, -9, -6, -3, -1, 1, 3, 6, 9, 12].map(power),
  byPart([1, 1e-6]),
  byPart([1, 1e4]),
  byPart([1e12, 1e-12, 1]),
  // Dead channels, and all dead.
  byPart([1, 0]),
  byPart([0, 1]),
  (values) => values.map(() => 0),
  // All alike, of both signs.
  (values) => values.map(() => 1),
  (values) => values.map((_, i) => (i % 2 === 0 ? 1e3 : -1e3)),
];

/** Numbers below it choose what becomes of a constant. */
export const MAGNITUDES = DISTORTIONS.length;

/** Float constants distorted in turn; integers are shapes, axes and the like. */
export function distorted(value: ConstantTensor, index: number, choices: readonly number[]): ConstantTensor {
  if (value.type !== 'float') return value;
  const data = DISTORTIONS[choices[index % choices.length]!]!(value.data, index);
  return { ...value, data: Float64Array.from(data, Math.fround) };
}

/** In [−magnitude, magnitude], float32; with an offset of one, all of nearly the same value. */
export function seededValues(size: number, seed: number, magnitude: number, offset: number): Float64Array {
  return Float64Array.from(randomValues(size, seed), (value) =>
    Math.fround(magnitude * (offset === 0 ? value : offset + value / 1000)),
  );
}

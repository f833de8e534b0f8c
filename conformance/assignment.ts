/** Which inputs of a test are encrypted, and on what data activations are calibrated. */
import type { ConstantTensor } from '../src/compiler/ir/tensor-graph.ts';
import type { Dataset } from '../src/compiler/options.ts';
import { Random } from '../src/compiler/random.ts';
import type { TestCase, TestTensor } from './test-case.ts';

/** Operators whose operands are equals: all of them are encrypted. */
const ELEMENTWISE: ReadonlySet<string> = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Pow',
  'Max',
  'Min',
  'Sum',
  'Mean',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
]);

/** Calibration inputs that are made from the test's own. */
const SAMPLES = 96;
/** Largest perturbation, relative to the spread of the tensor's values. */
const PERTURBATION = 0.05;

export interface Assignment {
  readonly encrypted: readonly TestTensor[];
  readonly bound: ReadonlyMap<string, ConstantTensor>;
}

/** The first floating-point input is encrypted, or all of an elementwise operator; the rest are constants. */
export function assignInputs(test: TestCase): Assignment {
  const real = test.inputs.filter(({ isReal, value }) => isReal && value.data.length > 0);
  const all = test.operators.length === 1 && ELEMENTWISE.has(test.operators[0]!);
  const encrypted = all ? real : real.slice(0, 1);
  return {
    encrypted,
    bound: new Map(
      test.inputs.filter((input) => !encrypted.includes(input)).map(({ name, value }) => [name, value]),
    ),
  };
}

/**
 * The test's input and perturbations of it within the range of its values: what an owner of such data could declare. The
 * range is not widened, so that roots and logarithms stay defined.
 */
export function calibrationSet(inputs: readonly TestTensor[], seed: number): Dataset {
  const tensors = inputs.map(({ value }) => {
    let [min, max] = [Infinity, -Infinity];
    for (const x of value.data) [min, max] = [Math.min(min, x), Math.max(max, x)];
    const spread = max > min ? max - min : Math.max(Math.abs(max), 1);
    // Of equal values there is no range to stay in: they vary away from zero, where roots and logarithms are defined.
    if (max === min && min < 0) min -= PERTURBATION * spread;
    else if (max === min) max += PERTURBATION * spread;
    return { data: value.data, reach: PERTURBATION * spread, min, max };
  });
  const draw = (index: number, input: number): Float32Array => {
    const { data, reach, min, max } = tensors[input]!;
    if (index === 0) return Float32Array.from(data);
    const random = new Random(seed + 1000 * index + input);
    return Float32Array.from(data, (x) => Math.min(Math.max(x + reach * (2 * random.next() - 1), min), max));
  };
  // Asked for again and again, image by image where the test holds a batch.
  const drawn = tensors.map(() => new Map<number, Float32Array>());
  return {
    description: `the test's input and ${SAMPLES - 1} perturbations of ${100 * PERTURBATION} % of its spread`,
    size: SAMPLES,
    sample: (index, input) => {
      const known = drawn[input]!.get(index);
      const values = known ?? draw(index, input);
      if (known === undefined) drawn[input]!.set(index, values);
      return values;
    },
    label: () => null,
  };
}

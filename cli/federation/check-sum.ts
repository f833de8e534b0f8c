/** Whether a global model is the one before and the plain sum of what participants gave, to the last bit. */
import { readParameters } from '../../src/onnx/model-parameters.ts';
import { decodeMean } from '../../src/federation/update/quantise.ts';
import type { GivenUpdate } from './given-update.ts';

export interface SumCheck {
  readonly weights: number;
  /** Weights that are not, bit for bit, what the plain sum makes of them. */
  readonly wrong: number;
  /** Weights that a sum larger or smaller by one would have left the same: floats are too coarse there to tell. */
  readonly untold: number;
}

/** @param given of the survivors; modulo 2^32, as sums are taken under the masks */
export function checkSum(before: Uint8Array, after: Uint8Array, given: readonly GivenUpdate[]): SumCheck {
  const from = readParameters(before, 'the model before the round').values;
  const to = readParameters(after, 'the model after the round').values;
  const { form } = given[0]!.terms;
  const sum = new Int32Array(form.length);
  for (const { noised } of given) for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + noised[i]!;
  const moved = (shift: number): Float64Array =>
    decodeMean(
      sum.map((value) => value + shift),
      form,
      given.length,
    );
  const [less, exact, more] = [moved(-1), moved(0), moved(1)];
  let [wrong, untold] = [0, 0];
  for (let i = 0; i < sum.length; i++) {
    const became = (mean: Float64Array): number => Math.fround(from[i]! + mean[i]!);
    if (to[i] !== became(exact)) wrong++;
    if (became(less) === became(exact) || became(more) === became(exact)) untold++;
  }
  return { weights: sum.length, wrong, untold };
}

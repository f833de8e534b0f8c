/** Between real values and the integers of exact schemes. */
import type { InputQuantisation, OutputQuantisation } from './signature.ts';

/** Integers, clamped to the range that the program was compiled for; as they are where values are not quantised. */
export function quantise(values: Float64Array, how: InputQuantisation | undefined): Float64Array {
  if (how === undefined) return values;
  const { scale, min, max } = how;
  // The sum makes −0 a 0.
  return values.map((value) => Math.min(Math.max(Math.round(value / scale) + 0, min), max));
}

/** Real values of decrypted integers. */
export function dequantise(integers: Float64Array, how: OutputQuantisation | undefined): Float64Array {
  return how === undefined ? integers : integers.map((integer) => integer * how.scale);
}

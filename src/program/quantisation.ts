/** Between real values and what slots hold: multiples of a unit, or the integers of exact schemes. */
import type { InputQuantisation, OutputQuantisation, SignatureInput, SignatureOutput } from './signature.ts';

/** What slots hold of an input's real values. */
export function toSlotValues(
  values: Float64Array,
  { unit = 1, quantisation }: Pick<SignatureInput, 'unit' | 'quantisation'>,
): Float64Array {
  return quantise(unit === 1 ? values : values.map((value) => value / unit), quantisation);
}

/** An output's real values, of what its slots hold. */
export function fromSlotValues(
  values: Float64Array,
  { unit = 1, quantisation }: Pick<SignatureOutput, 'unit' | 'quantisation'>,
): Float64Array {
  return dequantise(unit === 1 ? values : values.map((value) => value * unit), quantisation);
}

/** Integers, clamped to the range that the program was compiled for; as they are where values are not quantised. */
export function quantise(values: Float64Array, how: InputQuantisation | undefined): Float64Array {
  if (how === undefined) return values;
  const { scale, min, max } = how;
  // The sum makes −0 a 0.
  return values.map((value) => Math.min(Math.max(Math.round(value / scale) + 0, min), max));
}

/** Real values of decrypted integers. */
function dequantise(integers: Float64Array, how: OutputQuantisation | undefined): Float64Array {
  return how === undefined ? integers : integers.map((integer) => integer * how.scale);
}

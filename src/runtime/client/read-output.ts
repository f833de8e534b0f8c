/**
 * From decrypted slots to an output tensor, or a refusal where they hold nothing that the model can give. Three signs show a modulus
 * that has wrapped around, or values that ran away inside of the network: imaginary parts and empty slots, which hold noise only, and
 * values outside of the output's range. The first two see what the third misses: a wrapped value may land anywhere.
 */
import { outputOutOfRange, outsideOutput } from '../../program/certified-range.ts';
import type { Layout } from '../../program/layout.ts';
import { unpack } from '../../program/layout.ts';
import { fromSlotValues } from '../../program/quantisation.ts';
import type { SignatureOutput } from '../../program/signature.ts';

/** Noise this many times as large as certified (4 standard deviations are) is no accident. */
const NOISE_MARGIN = 8;
/**
 * The limit is at least this part of the output's bound, since less noise than that leaves a result of some use, and at most the other:
 * one coefficient that wraps around makes twice the bound of it.
 */
const LEAST_LIMIT = 2 ** -7;
const MOST_LIMIT = 2 ** -1;

/** Largest root mean square of what should be noise in an output's slots, in the output's unit. */
export function noiseLimitOf({ bound, unit = 1, precisionBits }: SignatureOutput): number {
  return (bound / unit) * Math.min(Math.max(NOISE_MARGIN * 2 ** -precisionBits, LEAST_LIMIT), MOST_LIMIT);
}

/**
 * Row-major tensor, client operators not yet applied.
 * @param slots of each ciphertext
 * @throws ArtifactError OUTPUT_OUT_OF_RANGE
 */
export function readOutput(output: SignatureOutput, slots: readonly Float64Array[]): Float64Array {
  const { name, layout, range } = output;
  const values = fromSlotValues(unpack(layout, slots), output);
  if (range?.emptySlots === 'zero') {
    if (!(emptyDeviation(layout, slots) <= noiseOf(output))) throw outputOutOfRange(`output ${name}`);
  }
  requireOutputRange(output, values);
  return values;
}

/** @throws ArtifactError OUTPUT_OUT_OF_RANGE */
export function requireOutputRange(output: SignatureOutput, values: Float64Array): void {
  const { name, range, unit = 1 } = output;
  if (range !== undefined && outsideOutput(values, range, noiseOf(output) * unit) !== null) {
    throw outputOutOfRange(`output ${name}`);
  }
}

/** In the output's unit; integers carry none. */
function noiseOf(output: SignatureOutput): number {
  return output.quantisation === undefined ? noiseLimitOf(output) : 0;
}

/** Root mean square over the slots that belong to no element; 0 if there are none. */
function emptyDeviation({ slotCount, period, positions }: Layout, slots: readonly Float64Array[]): number {
  const used = slots.map(() => new Uint8Array(period));
  for (const position of positions) used[Math.floor(position / slotCount)]![position % period] = 1;
  let squares = 0;
  let count = 0;
  for (const [ciphertext, values] of slots.entries()) {
    const taken = used[ciphertext]!;
    for (let slot = 0; slot < slotCount; slot++) {
      if (taken[slot % period] === 1) continue;
      squares += values[slot]! ** 2;
      count++;
    }
  }
  return Math.sqrt(squares / Math.max(count, 1));
}

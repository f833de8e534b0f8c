/** From input tensors to ciphertexts by a signature, whichever key encrypts. */
import { ArtifactError, InternalError } from '../../errors.ts';
import { INPUT_MARGIN, outsideInput, widened } from '../../program/certified-range.ts';
import { elementCount, pack } from '../../program/layout.ts';
import { toSlotValues } from '../../program/quantisation.ts';
import type { Signature, SignatureInput } from '../../program/signature.ts';
import type { CiphertextSet, EncryptedTensor } from '../formats/ciphertext-set.ts';
import type { Origin } from '../formats/origin.ts';

/** One ciphertext to make: N/2 slots, at exactly this level and scale. */
export interface EncryptionOrder {
  readonly slots: Float64Array;
  readonly level: number;
  readonly scale: number;
}

export interface EncryptOptions {
  /**
   * Goes on with inputs outside of the certified range, and is told of each; without it they are refused. What comes of them may
   * have nothing to do with the model; most such results are refused when they are decrypted.
   */
  readonly allowOutOfRange?: ((warning: string) => void) | undefined;
}

/**
 * Packs row-major input tensors, in the order of the signature, and has each ciphertext made by `encrypt`.
 * @throws ArtifactError INPUT_SHAPE, INPUT_VALUE or INPUT_OUT_OF_RANGE
 */
export async function encryptTensors(
  signature: Signature,
  origin: Origin,
  inputs: readonly Float64Array[],
  options: EncryptOptions,
  encrypt: (order: EncryptionOrder) => Promise<Uint8Array>,
): Promise<CiphertextSet> {
  const packed = packInputs(signature, inputs, options);
  const tensors: EncryptedTensor[] = [];
  for (const [i, { name, level, scale }] of signature.inputs.entries()) {
    const ciphertexts: Uint8Array[] = [];
    for (const slots of packed[i]!) ciphertexts.push(await encrypt({ slots, level, scale }));
    tensors.push({ name, level, scale, ciphertexts });
  }
  return { ...origin, tensors };
}

/** Dense slots of every input; @throws ArtifactError INPUT_SHAPE, INPUT_VALUE or INPUT_OUT_OF_RANGE */
export function packInputs(
  signature: Signature,
  inputs: readonly Float64Array[],
  options: EncryptOptions = {},
): Float64Array[][] {
  requireInputs(signature, inputs, options);
  return signature.inputs.map((input, i) => pack(input.layout, toSlotValues(inputs[i]!, input)));
}

/**
 * What every way of encrypting asks of its inputs, before anything is encrypted.
 * @throws ArtifactError INPUT_SHAPE, INPUT_VALUE or INPUT_OUT_OF_RANGE
 */
export function requireInputs(
  { inputs: expected }: Signature,
  inputs: readonly Float64Array[],
  { allowOutOfRange }: EncryptOptions = {},
): void {
  if (inputs.length !== expected.length) {
    throw new ArtifactError(
      'INPUT_SHAPE',
      `expected ${expected.length} input tensors, found ${inputs.length}`,
    );
  }
  for (const [i, input] of expected.entries()) {
    const { name, layout } = input;
    const values = inputs[i];
    if (values === undefined) throw new InternalError('an input is missing');
    if (values.length !== elementCount(layout.shape)) {
      throw new ArtifactError(
        'INPUT_SHAPE',
        `input ${name} has shape [${layout.shape.join(', ')}], but ${values.length} values were given`,
      );
    }
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad !== -1) throw new ArtifactError('INPUT_VALUE', `input ${name} is not finite at element ${bad}`);
    const finding = describeOutside(input, values);
    if (finding === null) continue;
    if (allowOutOfRange === undefined) {
      throw new ArtifactError('INPUT_OUT_OF_RANGE', finding, {
        hint: 'check how the input is prepared (--pixel-scale, --mean, --std, order of channels), or calibrate on inputs like this one; --allow-out-of-range (allow_out_of_range) goes on, and the result may be refused',
      });
    }
    allowOutOfRange(`${finding}: the result may have nothing to do with the model`);
  }
}

/** Where values leave the certified range, without saying what they are; null if none does. */
function describeOutside({ name, layout, range }: SignatureInput, values: Float64Array): string | null {
  if (range === undefined) return null;
  const outside = outsideInput(values, layout.shape, range);
  if (outside === null) return null;
  const { first, channel, count } = outside;
  const bounds = (low: number, high: number): string => `[${low.toPrecision(4)}, ${high.toPrecision(4)}]`;
  const [low, high] = [range.min[channel]!, range.max[channel]!];
  const where = range.min.length === 1 ? '' : ` of channel ${channel}`;
  return (
    `input ${name} leaves the range that the program was certified for at ${count} of ${values.length} elements, ` +
    `the first of them element ${first}: the range${where} is ${bounds(low, high)}, ` +
    `with its margin ${bounds(...widened(low, high, INPUT_MARGIN))}`
  );
}

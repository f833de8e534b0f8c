/** Maps of the models over all samples: against each other, and against the truth where it is known. */
import type { MaskReport } from '../report/bench-report.ts';
import type { MaskAgreement, MaskReading } from './masks.ts';
import { compareMasks, maskOf, maskReading } from './masks.ts';

export interface MaskOutputs {
  /** Shapes of one sample. */
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  /** Over the whole data set. */
  readonly plaintext: readonly ArrayLike<number>[];
  readonly polynomial: readonly ArrayLike<number>[];
  /** Over the first samples. */
  readonly encrypted: readonly ArrayLike<number>[];
  /** True map of a sample; null if the data have none. */
  readonly truth: ((index: number) => Uint8Array) | null;
}

export interface ComparedMasks {
  readonly reading: MaskReading;
  readonly report: MaskReport;
  /** Encrypted against plaintext, by sample. */
  readonly overlaps: readonly MaskAgreement[];
}

/** Null if the outputs are no maps of the input's pixels. */
export function compareAllMasks(outputs: MaskOutputs): ComparedMasks | null {
  const { inputShape, outputShape, plaintext, polynomial, encrypted, truth } = outputs;
  const reading = maskReading(outputShape, inputShape, plaintext);
  if (reading === null || encrypted.length === 0) return null;
  const against = (left: ArrayLike<number>, right: ArrayLike<number>): MaskAgreement =>
    compareMasks(maskOf(left, reading), maskOf(right, reading), reading);
  const overlaps = encrypted.map((values, index) => against(values, plaintext[index]!));
  const report: MaskReport = {
    threshold: reading.threshold,
    agreement: summary(overlaps),
    approximation: summary(polynomial.map((values, index) => against(values, plaintext[index]!))),
    truth: truth === null ? null : truthOf(outputs, reading, truth),
  };
  return { reading, report, overlaps };
}

function truthOf(
  { plaintext, polynomial, encrypted }: MaskOutputs,
  reading: MaskReading,
  truth: (index: number) => Uint8Array,
): MaskReport['truth'] {
  const { channels, height, width } = reading;
  const known = truth(0).length;
  if (known !== height * width) return null;
  // Of two classes, masks often come as 0 and 255.
  const classesOf = (index: number): Uint8Array =>
    channels > 1 ? truth(index) : truth(index).map((value) => (value === 0 ? 0 : 1));
  const meanIou = (maps: readonly ArrayLike<number>[]): number =>
    mean(maps.map((values, index) => compareMasks(maskOf(values, reading), classesOf(index), reading).iou));
  return {
    plaintextIou: meanIou(plaintext),
    polynomialIou: meanIou(polynomial),
    encryptedIou: meanIou(encrypted),
  };
}

function summary(overlaps: readonly MaskAgreement[]): MaskReport['agreement'] {
  const of = (read: (one: MaskAgreement) => number): { mean: number; min: number } => {
    const values = overlaps.map(read);
    return { mean: mean(values), min: Math.min(...values) };
  };
  return { pixels: of(({ pixels }) => pixels), iou: of(({ iou }) => iou) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

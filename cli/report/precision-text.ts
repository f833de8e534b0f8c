/** What a program is forecast to keep: of everything together first, of its parts in the second place. */
import { formatBits } from './format.ts';
import type { ProgramReport } from './program-report.ts';

/** "9.1 bits"; exact programs have no error to forecast. */
export function wholePrecisionText({ predicted, integer }: ProgramReport): string {
  return integer === undefined ? formatBits(predicted.precisionBits) : 'exact';
}

/** "approximation alone 2.6 bits, encryption alone 18.8 bits", and whether that is what was asked for. */
export function precisionParts({ predicted, integer }: ProgramReport): string {
  if (integer !== undefined) return 'integers';
  const { approximationPrecisionBits: approximation, encryptionPrecisionBits: encryption } = predicted;
  const { precisionAsked: asked, precisionMet: met } = predicted;
  return [
    ...(approximation === null ? [] : [`approximation alone ${formatBits(approximation)}`]),
    `encryption alone ${formatBits(encryption)}`,
    ...(asked === null || met ? [] : [`not the ${formatBits(asked)} asked for`]),
  ].join(', ');
}

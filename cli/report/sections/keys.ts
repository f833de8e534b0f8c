/** Bytes that travel and bytes that stay in memory. */
import { formatBytes, formatCount, formatMs, plural } from '../format.ts';
import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';
import { section } from '../page.ts';
import type { ProgramReport } from '../program-report.ts';

/** What the keys cost, and how much of it was held against the time that they save. */
export function keyCostText({ keys: { cost } }: ProgramReport): string | null {
  if (cost === null || cost.sentBytes === 0) return null;
  const { sentBytes, makingMs, sendingMs, loadingMs, bandwidth, inferences, countedMsPerInference } = cost;
  const counted =
    countedMsPerInference === 0
      ? 'not counted when this program was chosen'
      : `${formatMs(countedMsPerInference)} of each of ${formatCount(inferences)} inferences, counted beside the evaluation`;
  return (
    `${formatBytes(sentBytes)} to send: made in ${formatMs(makingMs)}, sent in ${formatMs(sendingMs)} at ${formatCount(bandwidth)} Mbit/s, ` +
    `loaded in ${formatMs(loadingMs)}; ${counted}`
  );
}

export interface ByteRow {
  readonly name: string;
  readonly predicted: number;
  readonly measured: number | null;
  readonly note: string;
}

/** @param measured null where nothing was run */
export function keysSection(program: ProgramReport, measured: MeasuredBytes | null): Markup {
  const rows = byteRows(program, measured);
  return section(
    'Keys and ciphertexts',
    `${plural(program.rotationSteps.length, 'rotation step')}, one Galois key each. Evaluation keys are made once by the client and hold no secret; the secret key never leaves it.`,
    html`<div class="scroll">
        <table>
          <tr>
            <th></th>
            <th class="number">predicted, in memory</th>
            ${measured === null ? null : html`<th class="number">measured, as sent</th>`}
            <th></th>
          </tr>
          ${rows.map(
            (row) =>
              html`<tr>
                <td>${row.name}</td>
                <td class="number">${formatBytes(row.predicted)}</td>
                ${measured === null ? null : html`<td class="number">${formatBytes(row.measured)}</td>`}
                <td class="muted">${row.note}</td>
              </tr>`,
          )}
        </table>
      </div>
      ${keyCostText(program) === null ? null : html`<p>Keys: ${keyCostText(program)}.</p>`}
      <details>
        <summary>
          All ${formatCount(program.rotationSteps.length)} rotation steps and their key references
        </summary>
        <div class="steps mono">
          ${program.rotationSteps.map(
            (step) => html`<div>${step} → ${program.galoisKeyMappings[String(step)] ?? '–'}</div>`,
          )}
        </div>
      </details>`,
  );
}

/** Keys are truncated to the level where they are used, where the backend can do that. */
function sameSize({ rotationKeys }: ProgramReport): boolean {
  return rotationKeys.every(({ level }) => level === rotationKeys[0]?.level);
}

export interface MeasuredBytes {
  readonly galoisKeys: number;
  readonly relinKeys: number;
  readonly inputCiphertexts: number;
  readonly outputCiphertexts: number;
  readonly peakMemory: number;
}

export function byteRows(program: ProgramReport, measured: MeasuredBytes | null): ByteRow[] {
  return [
    {
      name: 'Galois keys',
      predicted: program.keys.galoisBytes,
      measured: measured?.galoisKeys ?? null,
      note: `${formatBytes(program.keys.perGaloisKeyBytes)} ${sameSize(program) ? 'each' : 'the largest'}`,
    },
    {
      name: 'Relinearization key',
      predicted: program.keys.relinearizationBytes,
      measured: measured?.relinKeys ?? null,
      note: 'keys are sent seeded, in about half of it',
    },
    {
      name: 'Encrypted input',
      predicted: program.ciphertextBytes.input,
      measured: measured?.inputCiphertexts ?? null,
      note: plural(sum(program.inputs.map((input) => input.ciphertexts)), 'ciphertext'),
    },
    {
      name: 'Encrypted output',
      predicted: program.ciphertextBytes.output,
      measured: measured?.outputCiphertexts ?? null,
      note: plural(sum(program.outputs.map((output) => output.ciphertexts)), 'ciphertext'),
    },
    {
      name: 'Memory of an evaluation',
      predicted: program.predicted.memoryBytes,
      measured: measured?.peakMemory ?? null,
      note: measured === null ? 'at its peak, keys included' : 'at its peak; measured: the whole process',
    },
  ];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

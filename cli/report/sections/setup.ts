/** What exactly was compiled, with which parameters, by what. */
import { formatBytes, formatCount, formatShape, formatSignificant, plural } from '../format.ts';
import type { Markup, Renderable } from '../markup.ts';
import { html } from '../markup.ts';
import { facts, section } from '../page.ts';
import type { ProgramReport, TensorView } from '../program-report.ts';
import { inputRangeText, outputRangeText } from '../range-text.ts';

export type Entries = readonly (readonly [string, Renderable])[];

export function setupSection(program: ProgramReport, measurement: Entries): Markup {
  const { parameters, operations, compiler } = program;
  return section(
    'Setup',
    'Everything needed to reproduce this.',
    html`<div class="split">
      <div>
        <h3>Model and program</h3>
        ${facts([
          ['Model', program.model],
          ['SHA-256', html`<span class="mono">${compiler.modelDigest}</span>`],
          ...program.inputs.map(
            (input) => [`Input ${input.name}`, tensor(input, inputRangeText(input.range))] as const,
          ),
          ...program.outputs.map(
            (output) => [`Output ${output.name}`, tensor(output, outputRangeText(output.range))] as const,
          ),
          ['Batch', formatCount(program.batchSize)],
          ['Operations', operationsText(operations)],
          ['Calibration', compiler.calibration],
          ['Applied by the client', program.clientOperators.join(', ') || 'nothing'],
        ])}
      </div>
      <div>
        <h3>Parameters</h3>
        ${facts([
          ['Scheme', parameters.scheme],
          [
            'Ring degree N',
            `${formatCount(parameters.polyModulusDegree)} (${formatCount(program.slotCount)} slots)`,
          ],
          ['log₂(QP)', parameters.logQP],
          ['Scale', `2^${parameters.scaleBits}`],
          ['Depth', program.depth],
          ['Compiled for', compiler.backend],
          ['Compiler', `he-compile ${compiler.version}`],
          ...measurement,
        ])}
      </div>
    </div>`,
  );
}

/** Inputs per second of full batches, against one input after another. */
export function throughputText({
  batch,
  samplesPerSecond,
  latencyModePerSecond,
}: NonNullable<ProgramReport['throughput']>): string {
  const single =
    latencyModePerSecond === null
      ? 'it cannot be compiled for latency'
      : `compiled for latency ${formatSignificant(latencyModePerSecond, 3)}, one by one`;
  return `${formatSignificant(samplesPerSecond, 3)} inputs per second, ${formatCount(batch)} at once; ${single}`;
}

export function operationsText(operations: ProgramReport['operations']): string {
  return [
    `${formatCount(operations.rotate)} rotations`,
    `${formatCount(operations.multiplyPlain)} plaintext multiplications`,
    `${formatCount(operations.multiply)} ciphertext multiplications`,
    `${formatCount(operations.add + operations.addPlain)} additions`,
    `${formatCount(operations.rescale)} rescales`,
    ...(operations.refresh === undefined ? [] : [plural(operations.refresh, 'refresh', 'refreshes')]),
  ].join(', ');
}

function tensor<Range>(
  { shape, packingFormat, ciphertexts }: TensorView<Range>,
  range: string | null,
): Markup {
  return html`${formatShape(shape)},
    <span class="mono">${packingFormat}</span
    >${ciphertexts === 1 ? null : `, ${ciphertexts} ciphertexts`}${range === null ? null : `; ${range}`}`;
}

export function machineEntries(machine: {
  cpu: string;
  cores: number;
  memoryBytes: number;
  platform: string;
}): Entries {
  return [
    [
      'Machine',
      `${machine.cpu}, ${machine.cores} cores, ${formatBytes(machine.memoryBytes)}, ${machine.platform}`,
    ],
  ];
}

/** The same reports as Markdown, for pull requests and terminals. */
import { certificateTexts } from './certificate-text.ts';
import { benchLead } from './bench-page.ts';
import type { BenchReport } from './bench-report.ts';
import {
  formatBytes,
  formatCount,
  formatEscapes,
  formatInterval,
  formatMs,
  formatPercent,
  formatShape,
  formatSignificant,
} from './format.ts';
import { precisionParts, wholePrecisionText } from './precision-text.ts';
import { inputRangeText, outputRangeText } from './range-text.ts';
import { programLead } from './program-page.ts';
import type { ProgramReport } from './program-report.ts';
import { refreshStepsText, refreshText } from './refresh-text.ts';
import type { MeasuredBytes } from './sections/keys.ts';
import { byteRows } from './sections/keys.ts';
import { operationsText, throughputText } from './sections/setup.ts';

type Cell = string | number;

export function renderProgramMarkdown(program: ProgramReport): string {
  return document([
    `# ${escape(program.model)}: compiled program`,
    programLead(program),
    ...programBlocks(program, null, null),
  ]);
}

export function renderBenchMarkdown(report: BenchReport): string {
  const { program, errors } = report;
  const bytes = { ...report.bytes, peakMemory: report.peakMemoryBytes };
  return document([
    `# ${escape(program.model)}: encrypted inference, measured`,
    benchLead(report),
    ...(report.guessing === null ? [] : [`**${escape(report.guessing)}**`]),
    '## Results',
    table(
      ['', 'value', 'samples'],
      [
        ['Original accuracy', formatPercent(report.plaintextAccuracy), report.plaintextSamples],
        ['Polynomial accuracy', formatPercent(report.polynomialAccuracy), report.plaintextSamples],
        ['Encrypted accuracy', formatPercent(report.encryptedAccuracy), report.n],
        ['Agreement with plaintext', formatPercent(report.agreement), report.n],
        ...maskRows(report),
        ['Evaluation, median', formatMs(report.latencyMs.median), report.n],
        ['Evaluation, 95th percentile', formatMs(report.latencyMs.p95), report.n],
        ['Samples per second', formatSignificant(report.throughputPerSecond, 3), report.n],
      ],
    ),
    '## Errors',
    table(
      ['', 'largest', 'rms', 'bits: worst', 'mean', 'median'],
      (
        [
          ['Together', errors.total],
          ['Approximation alone', errors.approximation],
          ['Encryption alone', errors.encryption],
        ] as const
      ).map(([name, { maxAbsError, rmsError, precisionBits }]) => [
        name,
        formatSignificant(maxAbsError, 2),
        formatSignificant(rmsError, 2),
        precisionBits.min.toFixed(1),
        precisionBits.mean.toFixed(1),
        precisionBits.median.toFixed(1),
      ]),
    ),
    ...measuredRefreshLines(report),
    `Forecast precision of the worst output: ${wholePrecisionText(program)} (${precisionParts(program)}).`,
    ...programBlocks(program, report.layerMs, bytes),
    '## Measured with',
    list([
      `backend ${report.backend}, ${report.threads} threads, data ${report.data}`,
      `${report.machine.cpu}, ${report.machine.cores} cores, ${formatBytes(report.machine.memoryBytes)}, ${report.machine.platform}`,
      Object.entries(report.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
      report.createdAt,
    ]),
  ]);
}

function maskRows({ masks, n, plaintextSamples }: BenchReport): Cell[][] {
  if (masks === null) return [];
  const { agreement, truth } = masks;
  return [
    ...(truth === null
      ? []
      : [
          ['Original, IoU with the truth', truth.plaintextIou.toFixed(4), plaintextSamples],
          ['Polynomial, IoU with the truth', truth.polynomialIou.toFixed(4), plaintextSamples],
          ['Encrypted, IoU with the truth', truth.encryptedIou.toFixed(4), n],
        ]),
    ['Pixels as in plaintext', formatPercent(agreement.pixels.mean), n],
    ['IoU with plaintext, mean', agreement.iou.mean.toFixed(4), n],
    ['IoU with plaintext, worst', agreement.iou.min.toFixed(4), n],
  ];
}

function ranged(what: string, text: string | null): string[] {
  return text === null ? [] : [`${what}: ${text}`];
}

function refreshLines({ refreshes }: ProgramReport): string[] {
  if (refreshes === null) return [];
  const steps = refreshStepsText(refreshes.steps);
  return [refreshText(refreshes), ...(steps === null ? [] : [`refreshes, predicted: ${steps}`])];
}

function measuredRefreshLines({ refreshStepsMs }: BenchReport): string[] {
  const steps = refreshStepsText(refreshStepsMs);
  return steps === null ? [] : [`Refreshes, measured: ${steps}.`];
}

function programBlocks(
  program: ProgramReport,
  layerMs: readonly (number | null)[] | null,
  bytes: MeasuredBytes | null,
): string[] {
  const { parameters, certificate, warnings, approximations } = program;
  return [
    ...(warnings.length === 0 ? [] : ['## Worth knowing', list(warnings)]),
    '## Program',
    list([
      `input ${formatShape(program.inputShape)}, packed as ${program.inputPackingFormat}; output ${formatShape(program.outputShape)}`,
      ...program.inputs.flatMap(({ name, range }) => ranged(`input ${name}`, inputRangeText(range))),
      ...program.outputs.flatMap(({ name, range }) => ranged(`output ${name}`, outputRangeText(range))),
      `${parameters.scheme}, N = ${formatCount(parameters.polyModulusDegree)}, log2(QP) = ${parameters.logQP}, scale 2^${parameters.scaleBits}, depth ${program.depth}`,
      operationsText(program.operations),
      ...refreshLines(program),
      `predicted: ${wholePrecisionText(program)} at the worst output (${precisionParts(program)}), ${formatMs(program.predicted.latencyMs)}, ${formatBytes(program.predicted.memoryBytes)}`,
      ...(program.throughput === null ? [] : [`throughput: ${throughputText(program.throughput)}`]),
      ...(certificate === null
        ? ['no security: verification in the clear only']
        : certificateTexts(certificate).map((line, i) => (i === 0 ? `security ${line}` : line))),
    ]),
    '## Layers',
    table(
      [
        'layer',
        'kind',
        'shape',
        'level',
        'scale',
        'rotations',
        'predicted',
        ...(layerMs === null ? [] : ['measured']),
      ],
      program.layers.map((layer, index) => [
        layer.layer,
        layer.kind,
        formatShape(layer.shape),
        layer.level,
        `2^${formatSignificant(layer.scaleBits, 4)}`,
        layer.operations.rotate,
        formatMs(layer.predictedMs),
        ...(layerMs === null ? [] : [formatMs(layerMs[index] ?? null)]),
      ]),
    ),
    ...(approximations.length === 0
      ? []
      : [
          '## Activations',
          table(
            [
              'node',
              'activation',
              'method',
              'degree',
              'rms error',
              'max error',
              'fitted range',
              'inputs with escapes',
            ],
            approximations.map((one) => [
              one.node,
              one.activation,
              one.method,
              one.degree,
              formatSignificant(one.rmsError, 2),
              formatSignificant(one.maxError, 2),
              formatInterval(one.range),
              formatEscapes(one),
            ]),
          ),
        ]),
    '## Keys and ciphertexts',
    table(
      ['', 'predicted', ...(bytes === null ? [] : ['measured'])],
      byteRows(program, bytes).map((row) => [
        row.name,
        formatBytes(row.predicted),
        ...(bytes === null ? [] : [formatBytes(row.measured)]),
      ]),
    ),
  ];
}

function document(blocks: readonly string[]): string {
  return `${blocks.join('\n\n')}\n`;
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${escape(item)}`).join('\n');
}

function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]): string =>
    `| ${cells.map((cell) => escape(String(cell))).join(' | ')} |`;
  return [line(head), `|${head.map(() => ' --- |').join('')}`, ...rows.map(line)].join('\n');
}

/** Names come from models: they must not break a table, start markup or smuggle in HTML. */
function escape(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\|<>`*_[\]]/g, (character) => `\\${character}`);
}

/** The report of `bench` for the terminal. */
import { benchLead } from './bench-page.ts';
import type { BenchReport } from './bench-report.ts';
import {
  formatBits,
  formatBytes,
  formatCount,
  formatMs,
  formatPercent,
  formatSignificant,
  plural,
} from './format.ts';
import { wholePrecisionText } from './precision-text.ts';
import { measuredRefreshMs, refreshStepsText } from './refresh-text.ts';
import { alignColumns } from './text.ts';

function maskRows({ masks, n, plaintextSamples }: BenchReport): [string, string, string][] {
  if (masks === null) return [];
  const { agreement, approximation, truth } = masks;
  const known: [string, string, string][] =
    truth === null
      ? []
      : [
          [
            'original',
            truth.plaintextIou.toFixed(4),
            `IoU with the true maps, ${plural(plaintextSamples, 'sample')}`,
          ],
          ['polynomial', truth.polynomialIou.toFixed(4), `the same`],
          ['encrypted', truth.encryptedIou.toFixed(4), `the same, ${plural(n, 'sample')}`],
        ];
  return [
    ...known,
    [
      'maps',
      formatPercent(agreement.pixels.mean),
      `of pixels as in the original; IoU ${agreement.iou.mean.toFixed(4)} in the mean, ${agreement.iou.min.toFixed(4)} at worst`,
    ],
    [
      'without encryption',
      formatPercent(approximation.pixels.mean),
      `the same for the polynomial model, ${plural(plaintextSamples, 'sample')}; IoU ${approximation.iou.mean.toFixed(4)}`,
    ],
  ];
}

function outOfRangeRows({ outOfRange: { inputs, outputs }, n }: BenchReport): [string, string, string][] {
  if (inputs + outputs === 0) return [];
  return [
    [
      'out of range',
      String(inputs),
      `of ${plural(n, 'input')}, which other commands refuse; ${plural(outputs, 'output')} refused, counted as wrong`,
    ],
  ];
}

function refreshRows({
  program,
  layerMs,
  latencyMs,
  refreshStepsMs,
}: BenchReport): [string, string, string][] {
  const ms = measuredRefreshMs(program.layers, layerMs);
  if (program.refreshes === null || ms === null) return [];
  const { count, ms: forecast } = program.refreshes;
  const steps = refreshStepsText(refreshStepsMs);
  return [
    [
      'refreshes',
      formatMs(ms),
      `${formatCount(count)} of them: ${formatPercent(ms / latencyMs.median, 0)} of the evaluation; forecast ${formatMs(forecast)}${steps === null ? '' : `; ${steps}`}`,
    ],
  ];
}

export function renderBenchText(report: BenchReport): string {
  const { errors, latencyMs, bytes, program } = report;
  const accuracy =
    report.plaintextAccuracy === null
      ? []
      : [
          [
            'original',
            formatPercent(report.plaintextAccuracy),
            `of ${plural(report.plaintextSamples, 'sample')}, in the clear`,
          ],
          [
            'polynomial',
            formatPercent(report.polynomialAccuracy),
            `of ${plural(report.plaintextSamples, 'sample')}, in the clear`,
          ],
          ['encrypted', formatPercent(report.encryptedAccuracy), `of ${plural(report.n, 'sample')}`],
        ];
  const rows = [
    ...accuracy,
    ...maskRows(report),
    ...(report.agreement === null
      ? []
      : [['agreement', formatPercent(report.agreement), 'encrypted with the original, sample by sample']]),
    [
      'error',
      formatSignificant(errors.total.maxAbsError, 2),
      `at most, where outputs typically reach ${formatSignificant(errors.total.range, 3)}: ${formatBits(errors.total.precisionBits.min)} at worst, ${wholePrecisionText(program)} forecast`,
    ],
    [
      'of encryption',
      formatSignificant(errors.encryption.maxAbsError, 2),
      `alone: ${formatBits(errors.encryption.precisionBits.min)} at worst, ${formatBits(program.predicted.encryptionPrecisionBits)} forecast`,
    ],
    ...report.otherOutputs.map(({ name, errors: { total, encryption } }) => [
      name,
      formatSignificant(total.maxAbsError, 2),
      `at most, where outputs typically reach ${formatSignificant(total.range, 3)}: ${formatBits(total.precisionBits.min)} at worst; of encryption alone ${formatBits(encryption.precisionBits.min)}`,
    ]),
    ...outOfRangeRows(report),
    [
      'evaluation',
      formatMs(latencyMs.median),
      `median; fastest ${formatMs(latencyMs.min)}, 95th percentile ${formatMs(latencyMs.p95)}, forecast ${formatMs(program.predicted.latencyMs)}`,
    ],
    ...refreshRows(report),
    [
      'keys',
      formatBytes(bytes.galoisKeys + bytes.relinKeys),
      `as sent, made in ${formatMs(report.phaseMs.keygen)}`,
    ],
    ['input', formatBytes(bytes.inputCiphertexts), 'as sent'],
    ['memory', formatBytes(report.peakMemoryBytes), 'of the whole process at its peak'],
  ];
  const [names, values, notes] = [0, 1, 2].map((column) => rows.map((row) => row[column]!));
  const left = alignColumns(names!.map((name, i) => [name, values![i]!])).split('\n');
  const guessing = report.guessing === null ? [] : [`! ${report.guessing}`];
  return [benchLead(report), ...guessing, left.map((line, i) => `${line}  ${notes![i]!}`).join('\n')].join(
    '\n\n',
  );
}

/** Accuracy before, after approximation and under encryption, with honest intervals. */
import type { Proportion } from '../charts/proportion-chart.ts';
import { proportionChart } from '../charts/proportion-chart.ts';
import { errorHistogram } from '../charts/error-histogram.ts';
import type { BenchReport } from '../bench-report.ts';
import { formatBits, formatCount, formatMs, formatSignificant, plural } from '../format.ts';
import { wholePrecisionText } from '../precision-text.ts';
import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';
import { section } from '../page.ts';
import { wilsonInterval } from '../statistics.ts';

export function accuracySection(report: BenchReport): Markup | null {
  const rows = proportions(report);
  if (rows.length === 0) return null;
  return section(
    'Accuracy',
    `The original and the polynomial model were run in the clear on ${plural(report.plaintextSamples, 'sample')}, the encrypted one on ${report.n}. Bands are 95 % intervals: few encrypted samples say little about accuracy, but agreement with the plaintext model is compared sample by sample.`,
    html`<div class="split">
      <div>${proportionChart(rows)}</div>
      ${confusionMatrix(report)}
    </div>`,
  );
}

function proportions(report: BenchReport): Proportion[] {
  const { plaintextAccuracy, polynomialAccuracy, encryptedAccuracy, agreement, plaintextSamples, n } = report;
  const entries = [
    { name: 'Original', value: plaintextAccuracy, count: plaintextSamples, colour: 'var(--muted)' },
    { name: 'Polynomial', value: polynomialAccuracy, count: plaintextSamples, colour: 'var(--polynomial)' },
    { name: 'Encrypted', value: encryptedAccuracy, count: n, colour: 'var(--accent)' },
    { name: 'Agreement', value: agreement, count: n, colour: 'var(--good)' },
  ];
  return entries.flatMap(({ name, value, count, colour }) =>
    value === null
      ? []
      : [
          {
            name,
            value,
            colour,
            interval: wilsonInterval(value * count, count),
            note: `of ${formatCount(count)}`,
          },
        ],
  );
}

function confusionMatrix(report: BenchReport): Markup | null {
  const { confusion } = report;
  if (confusion === null) return null;
  const name = (index: number): string => report.program.labels[index] ?? String(index);
  const most = Math.max(...confusion.flat(), 1);
  return html`<div>
    <h3>Label (rows) and encrypted prediction (columns)</h3>
    <div class="scroll">
      <table class="confusion">
        <tr>
          <th></th>
          ${confusion.map((_, column) => html`<th title="${name(column)}">${name(column).slice(0, 4)}</th>`)}
        </tr>
        ${confusion.map(
          (counts, row) =>
            html`<tr>
              <th title="${name(row)}">${name(row).slice(0, 4)}</th>
              ${counts.map(
                (count, column) =>
                  html`<td
                    class="${row === column ? '' : 'off'}"
                    style="--share:${((count / most) * 70).toFixed(0)}%"
                  >
                    ${count === 0 ? '' : count}
                  </td>`,
              )}
            </tr>`,
        )}
      </table>
    </div>
  </div>`;
}

export function errorsSection(report: BenchReport): Markup {
  const { encryption, approximation, total } = report.errors;
  const rows = [
    { name: 'Together', about: 'encrypted against the original model', errors: total },
    { name: 'Approximation alone', about: 'polynomial against the original model', errors: approximation },
    { name: 'Encryption alone', about: 'encrypted against the polynomial model', errors: encryption },
    ...report.otherOutputs.map(({ name, errors }) => ({
      name: `Output ${name}`,
      about: `together; encryption alone ${formatBits(errors.encryption.precisionBits.median)} in the median`,
      errors: errors.total,
    })),
  ];
  return section(
    'Errors',
    `Bits count how far an error is below what outputs typically reach (${formatSignificant(report.errors.total.range, 3)}, the largest value of an output in the lower quartile of all samples): −log₂(|error| / reach). The forecast counts alike.`,
    html`<div class="split">
        <div>
          ${errorHistogram([
            { name: 'encryption', colour: 'var(--accent)', histogram: encryption.histogram },
            { name: 'approximation', colour: 'var(--polynomial)', histogram: approximation.histogram },
          ])}
        </div>
        <div>${forecast(report)}</div>
      </div>
      <div class="scroll" style="margin-top:18px">
        <table>
          <tr>
            <th></th>
            <th class="number">largest</th>
            <th class="number">rms</th>
            <th class="number">bits: worst</th>
            <th class="number">mean</th>
            <th class="number">median</th>
          </tr>
          ${rows.map(
            ({ name, about, errors }) =>
              html`<tr>
                <td>${name}<br /><span class="muted">${about}</span></td>
                <td class="number">${formatSignificant(errors.maxAbsError, 2)}</td>
                <td class="number">${formatSignificant(errors.rmsError, 2)}</td>
                <td class="number">${errors.precisionBits.min.toFixed(1)}</td>
                <td class="number">${errors.precisionBits.mean.toFixed(1)}</td>
                <td class="number">${errors.precisionBits.median.toFixed(1)}</td>
              </tr>`,
          )}
        </table>
      </div>`,
  );
}

/** Forecast and measurement side by side: the compiler's promises are checked in every benchmark. */
function forecast(report: BenchReport): Markup {
  const { predicted } = report.program;
  const rows = [
    {
      name: 'Precision of the worst output',
      predicted: wholePrecisionText(report.program),
      measured: formatBits(report.errors.total.precisionBits.min),
    },
    {
      name: 'Of encryption alone',
      predicted: formatBits(predicted.encryptionPrecisionBits),
      measured: formatBits(report.errors.encryption.precisionBits.min),
    },
    {
      name: 'Evaluation',
      predicted: formatMs(predicted.latencyMs),
      measured: `${formatMs(report.latencyMs.median)} in the median`,
    },
  ];
  return html`<h3>Forecast against measurement</h3>
    <div class="scroll">
      <table>
        <tr>
          <th></th>
          <th class="number">predicted</th>
          <th class="number">measured</th>
        </tr>
        ${rows.map(
          (row) =>
            html`<tr>
              <td>${row.name}</td>
              <td class="number">${row.predicted}</td>
              <td class="number">${row.measured}</td>
            </tr>`,
        )}
      </table>
    </div>`;
}

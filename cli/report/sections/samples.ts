/** The encrypted samples one by one, with pictures where the data have them. */
import type { BenchReport, SampleResult } from '../bench-report.ts';
import { formatPercent, formatSignificant } from '../format.ts';
import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';
import { section } from '../page.ts';

/** More would make the page heavy; the JSON report has them all. */
const SHOWN = 60;

/** Sample index → data URIs: the input, and where the output is a map, what the encrypted one says of it. */
export type SamplePictures = ReadonlyMap<number, readonly string[]>;

export function samplesSection(report: BenchReport, pictures: SamplePictures): Markup | null {
  const shown = report.samples.slice(0, SHOWN);
  const hasClasses = shown.some((sample) => sample.encryptedClass !== null);
  if (!hasClasses && pictures.size === 0) return null;
  const more =
    report.samples.length > SHOWN ? ` The first ${SHOWN} of ${report.samples.length} are shown.` : '';
  return section(
    'Encrypted samples',
    `What the server computed without seeing any of this. The error is the largest difference from the plaintext model's output.${report.masks === null ? '' : ' Maps show in red the pixels that the plaintext model gives another class; IoU is the overlap with its map.'}${more}`,
    html`<ul class="samples">
      ${shown.map((sample) => card(sample, report.program.labels, pictures.get(sample.index) ?? []))}
    </ul>`,
  );
}

function card(sample: SampleResult, labels: readonly string[], pictures: readonly string[]): Markup {
  const name = (index: number | null): string => (index === null ? '' : (labels[index] ?? String(index)));
  const { label, encryptedClass, plaintextClass } = sample;
  const image =
    pictures.length === 0
      ? html`<div class="blank"></div>`
      : html`${pictures.map(
          (picture, i) =>
            html`<img
              src="${picture}"
              alt="${i === 0 ? 'sample' : 'encrypted map of sample'} ${sample.index}"
            />`,
        )}`;
  if (encryptedClass === null) {
    const { overlap } = sample;
    const verdict =
      overlap === undefined
        ? null
        : html`<div class="class">IoU ${overlap.iou.toFixed(3)}</div>
            <div class="muted">${formatPercent(overlap.pixels)} of pixels</div>`;
    return html`<li>
      ${image} ${verdict}<span class="muted">error ${formatSignificant(sample.maxAbsError, 2)}</span>
    </li>`;
  }
  const correct = label === null || label === encryptedClass;
  const verdict = correct ? null : html`<div class="bad">label ${name(label)}</div>`;
  const disagreement =
    encryptedClass === plaintextClass
      ? null
      : html`<div class="warn">plaintext: ${name(plaintextClass)}</div>`;
  return html`<li>
    ${image}
    <div class="class ${correct ? '' : 'bad'}">${name(encryptedClass)}</div>
    ${verdict} ${disagreement}
    <span class="muted">error ${formatSignificant(sample.maxAbsError, 2)}</span>
  </li>`;
}

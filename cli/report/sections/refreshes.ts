/** Where the time of refreshes goes, step by step. */
import type { RefreshStepTime } from '../../../src/program/artifact.ts';
import { REFRESH_STEPS, type RefreshStep } from '../../../src/program/semantics/refresh-plan.ts';
import type { BenchReport } from '../bench-report.ts';
import { formatMs } from '../format.ts';
import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';
import { bar, section } from '../page.ts';
import type { ProgramReport } from '../program-report.ts';
import { measuredRefreshMs, refreshText } from '../refresh-text.ts';

/** What each step does to a ciphertext. */
const DOES: Readonly<Record<RefreshStep, string>> = {
  'slots to coefficients': 'linear maps at the bottom of the chain',
  raise: 'through an ephemeral sparse secret, modulo the whole chain',
  'coefficients to slots': 'linear maps at its top',
  sine: 'takes multiples of the lowest prime away (EvalMod)',
};

/**
 * Null where nothing is refreshed.
 * @param measured null where nothing was run
 */
export function refreshesSection(
  { layers, refreshes }: ProgramReport,
  measured: Pick<BenchReport, 'layerMs' | 'refreshStepsMs'> | null,
): Markup | null {
  if (refreshes === null) return null;
  const measuredMs = measured === null ? null : measuredRefreshMs(layers, measured.layerMs);
  const told = measuredMs === null ? '' : ` Measured: ${formatMs(measuredMs)}.`;
  const { steps } = refreshes;
  const measuredSteps = measured?.refreshStepsMs ?? [];
  const longest = Math.max(...[...steps, ...measuredSteps].map(({ ms }) => ms), 1e-9);
  const row = (step: RefreshStep): Markup =>
    html`<tr>
      <td style="width:38%">${step}<br /><span class="muted">${DOES[step]}</span></td>
      <td>${timeBar(steps, step, longest, '')} ${timeBar(measuredSteps, step, longest, 'measured')}</td>
    </tr>`;
  return section(
    'Refreshes',
    `${refreshText(refreshes)}.${told} A refresh (bootstrap) gives a value levels again, without the secret key; the polynomial that follows is fitted on what its sine leaves.`,
    steps.length + measuredSteps.length === 0
      ? null
      : html`${measuredSteps.length === 0 ? null : LEGEND}
          <table>
            ${REFRESH_STEPS.map(row)}
          </table>`,
  );
}

const LEGEND = html`<div class="legend">
  <span><i></i>predicted</span><span><i style="background:var(--good)"></i>measured</span>
</div>`;

function timeBar(
  steps: readonly RefreshStepTime[],
  step: RefreshStep,
  longest: number,
  tone: '' | 'measured',
): Markup | null {
  const found = steps.find((one) => one.step === step);
  if (found === undefined) return null;
  return html`<div class="time">${bar(found.ms / longest, tone)}<span>${formatMs(found.ms)}</span></div>`;
}

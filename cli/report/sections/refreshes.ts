/** Where the time of refreshes goes, step by step. */
import { formatMs, formatPercent } from '../format.ts';
import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';
import { bar, section } from '../page.ts';
import type { ProgramReport } from '../program-report.ts';
import { measuredRefreshMs, refreshText } from '../refresh-text.ts';

/** What each step does to a ciphertext. */
const DOES = {
  'slots to coefficients': 'linear maps at the bottom of the chain',
  raise: 'through an ephemeral sparse secret, modulo the whole chain',
  'coefficients to slots': 'linear maps at its top',
  sine: 'takes multiples of the lowest prime away (EvalMod)',
} as const;

/**
 * Null where nothing is refreshed.
 * @param layerMs per layer, where a benchmark has measured them
 */
export function refreshesSection(
  { layers, refreshes }: ProgramReport,
  layerMs: readonly (number | null)[] | null,
): Markup | null {
  if (refreshes === null) return null;
  const measuredMs = layerMs === null ? null : measuredRefreshMs(layers, layerMs);
  const measured = measuredMs === null ? '' : ` Measured: ${formatMs(measuredMs)}.`;
  const { steps, ms } = refreshes;
  const longest = Math.max(...steps.map((one) => one.ms), 1e-9);
  return section(
    'Refreshes',
    `${refreshText(refreshes)}.${measured} A refresh (bootstrap) gives a value levels again, without the secret key; the polynomial that follows is fitted on what its sine leaves.`,
    steps.length === 0
      ? null
      : html`<table>
          ${steps.map(
            (one) =>
              html`<tr>
                <td style="width:38%">${one.step}<br /><span class="muted">${DOES[one.step]}</span></td>
                <td>${bar(one.ms / longest)}</td>
                <td class="number" style="width:92px">${formatMs(one.ms)}</td>
                <td class="number muted" style="width:64px">${formatPercent(ms > 0 ? one.ms / ms : 0, 0)}</td>
              </tr>`,
          )}
        </table>`,
  );
}

/** What replaced each activation, how well, and how likely inputs are to leave the range it was fitted on. */
import { curveSparkline } from '../charts/curve.ts';
import { formatEscapes, formatInterval, formatPercent, formatSignificant, plural } from '../format.ts';
import { boundText } from '../bound-text.ts';
import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';
import { section } from '../page.ts';
import type { ApproximationView, ProgramReport } from '../program-report.ts';

export function approximationsSection(program: ProgramReport): Markup | null {
  const { approximations, quality } = program;
  if (approximations.length === 0) return null;
  const columns = [
    'activation',
    'polynomials',
    'method',
    'degree',
    'rms error',
    'max error',
    'fitted range',
    'seen',
    'escapes',
  ];
  const summary =
    quality.samples === 0
      ? 'There were no held-out inputs to judge it by.'
      : `On ${plural(quality.samples, 'held-out input')} the polynomial model's outputs differ from the original's by ${formatSignificant(quality.rmsOutputError, 2)} (root mean square) in outputs of ${formatSignificant(quality.rmsOutput, 2)}${quality.bound === undefined ? '' : `; ${boundText(quality.bound)}`}.`;
  return section(
    'Activations',
    `CKKS computes polynomials only, so each activation became one, fitted per channel to the values it sees. Outside its range a polynomial runs away: “escapes” is the share of held-out inputs with at least one value outside. ${summary}`,
    html`<div class="scroll">
      <table>
        <tr>
          ${columns.map((column) => html`<th>${column}</th>`)}
        </tr>
        ${approximations.map(row)}
      </table>
    </div>`,
  );
}

function row(view: ApproximationView): Markup {
  const relative = view.rmsOutput === 0 ? null : view.rmsError / view.rmsOutput;
  const risk = view.inputsWithEscapes >= 0.01 ? 'bad' : view.inputsWithEscapes > 0 ? 'warn' : 'good';
  return html`<tr>
    <td><strong>${view.node}</strong><br /><span class="muted">${view.activation}</span></td>
    <td>${curveSparkline(view.curves) ?? '–'}</td>
    <td>${view.method}<br /><span class="muted">${plural(view.channels, 'channel')}</span></td>
    <td>${view.degree}<br /><span class="muted">depth ${view.depth}</span></td>
    <td>
      ${formatSignificant(view.rmsError, 2)}<br /><span class="muted">${formatPercent(relative, 1)}</span>
    </td>
    <td>${formatSignificant(view.maxError, 2)}</td>
    <td>${formatInterval(view.range)}</td>
    <td>${formatInterval(view.seen)}</td>
    <td class="${risk}">${formatEscapes(view)}</td>
  </tr>`;
}

import type { BenchReport } from '../bench-report.ts';
import { formatMs, formatSignificant } from '../format.ts';
import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';
import { bar, section } from '../page.ts';

export function latencySection(report: BenchReport): Markup {
  const { phaseMs, latencyMs } = report;
  const phases = [
    { name: 'Key generation', where: 'client, once', ms: phaseMs.keygen },
    { name: 'Encryption', where: 'client', ms: phaseMs.encrypt },
    { name: 'Evaluation', where: 'server', ms: phaseMs.evaluate },
    { name: 'Decryption', where: 'client', ms: phaseMs.decrypt },
  ];
  const longest = Math.max(...phases.map((phase) => phase.ms), 1e-9);
  return section(
    'Time',
    `Medians over ${report.n} samples, ${report.threads} ${report.threads === 1 ? 'thread' : 'threads'}, backend ${report.backend}. Evaluation: fastest ${formatMs(latencyMs.min)}, 95th percentile ${formatMs(latencyMs.p95)}, ${formatSignificant(report.throughputPerSecond, 3)} samples per second.`,
    html`<table>
      ${phases.map(
        ({ name, where, ms }) =>
          html`<tr>
            <td style="width:34%">${name}<br /><span class="muted">${where}</span></td>
            <td>${bar(ms / longest, 'measured')}</td>
            <td class="number" style="width:92px">${formatMs(ms)}</td>
          </tr>`,
      )}
    </table>`,
  );
}

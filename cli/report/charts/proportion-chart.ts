/** Proportions with their 95 % intervals as a dot plot; the axis starts where the data do, which dots permit. */
import { formatPercent } from '../format.ts';
import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';

export interface Proportion {
  readonly name: string;
  readonly value: number;
  readonly interval: readonly [number, number];
  readonly note: string;
  readonly colour: string;
}

const WIDTH = 440;
const ROW = 46;
const RIGHT = 66;

export function proportionChart(rows: readonly Proportion[]): Markup {
  const lowest = Math.min(...rows.map(({ interval }) => interval[0]));
  const start = Math.max(Math.floor(lowest * 20) / 20 - 0.01, 0);
  const x = (value: number): number => 6 + ((WIDTH - RIGHT - 12) * (value - start)) / (1 - start);
  const height = rows.length * ROW + 24;
  const ticks = [start, (1 + start) / 2, 1];
  return html`<svg
    viewBox="0 0 ${WIDTH} ${height}"
    style="max-width:560px;width:100%"
    role="img"
    aria-label="Accuracy"
  >
    ${ticks.map(
      (tick) =>
        html`<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="0" y2="${height - 20}" /><text
            x="${x(tick)}"
            y="${height - 5}"
            text-anchor="${tick === start ? 'start' : tick === 1 ? 'end' : 'middle'}"
            >${formatPercent(tick, 0)}</text
          >`,
    )}
    ${rows.map(({ name, value, interval, note, colour }, i) => {
      const y = i * ROW + 30;
      return html`<text class="strong" x="6" y="${y - 12}"
          >${name} <tspan style="fill:var(--muted);font-weight:400">${note}</tspan></text
        >
        <line
          x1="${x(interval[0])}"
          x2="${x(interval[1])}"
          y1="${y}"
          y2="${y}"
          stroke="${colour}"
          stroke-width="6"
          stroke-linecap="round"
          opacity=".28"
        />
        <circle cx="${x(value)}" cy="${y}" r="6" fill="${colour}" />
        <text class="strong" x="${WIDTH}" y="${y + 4}" text-anchor="end">${formatPercent(value)}</text>`;
    })}
  </svg>`;
}

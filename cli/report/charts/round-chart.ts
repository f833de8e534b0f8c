/** Curves by round, from before the first one: one line a series, dots where values are. */
import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';

export interface RoundSeries {
  readonly name: string;
  /** By round, from 0. */
  readonly values: readonly number[];
  readonly colour: string;
}

export interface RoundChartOptions {
  readonly title: string;
  /** Upper end of the axis; the lower one is 0. */
  readonly most: number;
  readonly format: (value: number) => string;
  /** A round that is marked, and how. */
  readonly mark: { readonly round: number; readonly text: string } | null;
}

const WIDTH = 480;
const HEIGHT = 220;
const LEFT = 46;
const RIGHT = 64;
const TOP = 18;
const BOTTOM = 26;
const TICKS = [0, 0.5, 1];

export function roundChart(
  series: readonly RoundSeries[],
  { title, most, format, mark }: RoundChartOptions,
): Markup {
  const last = Math.max(1, ...series.map(({ values }) => values.length - 1));
  const x = (round: number): string => (LEFT + ((WIDTH - LEFT - RIGHT) * round) / last).toFixed(1);
  const y = (value: number): string =>
    (HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * value) / (most || 1)).toFixed(1);
  const rounds = Array.from({ length: last + 1 }, (_, round) => round);
  return html`<div class="legend">
      ${series.map(({ name, colour }) => html`<span><i style="background:${colour}"></i>${name}</span>`)}
    </div>
    <svg
      viewBox="0 0 ${WIDTH} ${HEIGHT}"
      style="max-width:600px;width:100%"
      role="img"
      aria-label="${title} by round"
    >
      ${TICKS.map(
        (share) =>
          html`<line
              class="grid"
              x1="${LEFT}"
              x2="${WIDTH - RIGHT}"
              y1="${y(share * most)}"
              y2="${y(share * most)}"
            />
            <text x="${LEFT - 6}" y="${Number(y(share * most)) + 4}" text-anchor="end"
              >${format(share * most)}</text
            >`,
      )}
      ${rounds.map(
        (round) =>
          html`<text x="${x(round)}" y="${HEIGHT - 8}" text-anchor="middle"
            >${round === 0 ? 'start' : round}</text
          >`,
      )}
      ${
        mark === null
          ? null
          : html`<line
                class="axis"
                x1="${x(mark.round)}"
                x2="${x(mark.round)}"
                y1="${TOP}"
                y2="${HEIGHT - BOTTOM}"
              />
              <text x="${x(mark.round)}" y="${TOP - 6}" text-anchor="middle">${mark.text}</text>`
      }
      ${series.map(({ values, colour }) => {
        const points = values.map((value, round) => [x(round), y(value)] as const);
        const path = points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${px} ${py}`).join('');
        const end = points.at(-1);
        return html`<path d="${path}" fill="none" stroke="${colour}" stroke-width="2" />
          ${points.map(([px, py]) => html`<circle cx="${px}" cy="${py}" r="3.5" fill="${colour}" />`)}
          ${
            end === undefined
              ? null
              : html`<text class="strong" x="${Number(end[0]) + 8}" y="${Number(end[1]) + 4}"
                  >${format(values.at(-1)!)}</text
                >`
          }`;
      })}
    </svg>`;
}

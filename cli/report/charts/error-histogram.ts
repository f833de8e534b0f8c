/** Distributions of log10|error| on one axis, so that approximation and encryption error can be told apart. */
import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';
import type { Histogram } from '../statistics.ts';

export interface Series {
  readonly name: string;
  readonly colour: string;
  readonly histogram: Histogram;
}

const WIDTH = 440;
const HEIGHT = 190;
const BASE = HEIGHT - 34;
const TOP = 8;
const EDGE = 18;

export function errorHistogram(series: readonly Series[]): Markup {
  const ends = series.map(({ histogram }) => histogram.start + histogram.step * histogram.counts.length);
  const low = Math.floor(Math.min(...series.map(({ histogram }) => histogram.start)));
  const high = Math.ceil(Math.max(...ends));
  const x = (log: number): number => EDGE + ((WIDTH - 2 * EDGE) * (log - low)) / Math.max(high - low, 1);
  const every = Math.ceil((high - low) / 8);
  const decades = Array.from({ length: Math.floor((high - low) / every) + 1 }, (_, i) => low + i * every);
  return html`<div class="legend">
      ${series.map(({ name, colour }) => html`<span><i style="background:${colour}"></i>${name}</span>`)}
    </div>
    <svg
      viewBox="0 0 ${WIDTH} ${HEIGHT}"
      style="max-width:560px;width:100%"
      role="img"
      aria-label="Distribution of errors"
    >
      ${decades.map(
        (decade) =>
          html`<line class="grid" x1="${x(decade)}" x2="${x(decade)}" y1="${TOP}" y2="${BASE}" /><text
              x="${x(decade)}"
              y="${BASE + 16}"
              text-anchor="middle"
              >10<tspan dy="-4" font-size="9">${decade}</tspan></text
            >`,
      )}
      <line class="axis" x1="0" x2="${WIDTH}" y1="${BASE}" y2="${BASE}" />
      ${series.map((one) => bars(one, x))}
      <text x="${WIDTH / 2}" y="${HEIGHT - 3}" text-anchor="middle">|error| of an output element</text>
    </svg>`;
}

function bars({ histogram, colour, name }: Series, x: (log: number) => number): Markup {
  const most = Math.max(...histogram.counts, 1);
  const width = x(histogram.start + histogram.step) - x(histogram.start);
  return html`<g fill="${colour}" fill-opacity=".72">
    ${histogram.counts.map((count, i) => {
      if (count === 0) return null;
      const height = ((BASE - TOP) * count) / most;
      const left = x(histogram.start + i * histogram.step);
      return html`<rect
        x="${left.toFixed(1)}"
        y="${(BASE - height).toFixed(1)}"
        width="${Math.max(width - 1, 1).toFixed(1)}"
        height="${height.toFixed(1)}"
        rx="1.5"
        ><title>${name}: ${count}</title></rect
      >`;
    })}
  </g>`;
}

/** The left edge of the layer list: a dot per layer, a line for each value that flows, arcs for skip connections. */
import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';

const ROW = 58;
const LANE = 12;
const MAIN_X = 12;

interface Skip {
  readonly from: number;
  readonly to: number;
  readonly lane: number;
}

export interface Rail {
  /** Pixels. */
  readonly width: number;
  row(index: number, kind: string): Markup;
}

/** @param sources for each row, the earlier rows that it reads */
export function layOutRail(sources: readonly (readonly number[])[]): Rail {
  const skips = assignLanes(sources);
  const lanes = skips.reduce((count, skip) => Math.max(count, skip.lane + 1), 0);
  const width = MAIN_X * 2 + lanes * LANE;
  const continues = (index: number): boolean => sources[index]?.includes(index - 1) ?? false;
  return {
    width,
    row: (index, kind) =>
      html`<svg
        class="rail"
        width="${width}"
        height="${ROW}"
        viewBox="0 0 ${width} ${ROW}"
        aria-hidden="true"
      >
        <g fill="none" stroke="var(--faint)" stroke-width="2">
          ${continues(index) ? html`<path d="M${MAIN_X} 0V${ROW / 2}" />` : null}
          ${continues(index + 1) ? html`<path d="M${MAIN_X} ${ROW / 2}V${ROW}" />` : null}
          ${skips.map((skip) => skipPiece(skip, index))}
        </g>
        <circle
          cx="${MAIN_X}"
          cy="${ROW / 2}"
          r="6"
          fill="var(--${kind})"
          stroke="var(--panel)"
          stroke-width="2"
        />
      </svg>`,
  };
}

function skipPiece({ from, to, lane }: Skip, index: number): Markup | null {
  if (index < from || index > to) return null;
  const x = MAIN_X * 2 + lane * LANE;
  if (index === from)
    return html`<path d="M${MAIN_X} ${ROW / 2}C${x} ${ROW / 2} ${x} ${ROW / 2 + 8} ${x} ${ROW}" />`;
  if (index === to)
    return html`<path d="M${x} 0C${x} ${ROW / 2 - 8} ${x} ${ROW / 2} ${MAIN_X} ${ROW / 2}" />`;
  return html`<path d="M${x} 0V${ROW}" />`;
}

/** Greedy: each skip connection takes the first lane that is free over its whole span. */
function assignLanes(sources: readonly (readonly number[])[]): Skip[] {
  const spans = sources.flatMap((rows, to) =>
    rows.filter((from) => from < to - 1).map((from) => ({ from, to })),
  );
  spans.sort((a, b) => a.from - b.from || a.to - b.to);
  const busyUntil: number[] = [];
  return spans.map(({ from, to }) => {
    const free = busyUntil.findIndex((until) => until <= from);
    const lane = free < 0 ? busyUntil.length : free;
    busyUntil[lane] = to;
    return { from, to, lane };
  });
}

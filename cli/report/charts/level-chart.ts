/** Level and scale of every layer's value, in program order; within a refresh also the levels that it passes. */
import { formatSignificant } from '../format.ts';
import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';
import type { LayerView } from '../program-report.ts';
import type { RefreshSummary } from '../../../src/program/refresh-summary.ts';

const LEFT = 44;
const TOP = 30;
const LEVEL_HEIGHT = 150;
const GAP = 26;
const SCALE_HEIGHT = 56;
const BOTTOM = 24;

export function levelChart(layers: readonly LayerView[], refreshes: RefreshSummary | null): Markup {
  const step = Math.max(14, Math.min(132, Math.floor(940 / Math.max(layers.length, 1))));
  const width = LEFT + step * layers.length + 8;
  const height = TOP + LEVEL_HEIGHT + GAP + SCALE_HEIGHT + BOTTOM;
  const top = Math.max(...layers.map((layer) => layer.level), refreshes?.raisedLevel ?? 1, 1);
  const levelY = (level: number): number => TOP + LEVEL_HEIGHT * (1 - level / top);
  const scales = layers.map((layer) => layer.scaleBits);
  const low = Math.floor(Math.min(...scales) - 1);
  const high = Math.ceil(Math.max(...scales) + 1);
  const scaleTop = TOP + LEVEL_HEIGHT + GAP;
  const scaleY = (bits: number): number => scaleTop + SCALE_HEIGHT * (1 - (bits - low) / (high - low));
  const x = (index: number): number => LEFT + index * step;
  const outline = layers
    .map((layer, i) => `${i === 0 ? 'M' : 'L'}${x(i)} ${levelY(layer.level)}H${x(i + 1)}`)
    .join('');
  const ticks = tickValues(top);
  return html`<div class="scroll">
    <svg
      width="${width}"
      height="${height}"
      style="max-width:none"
      role="img"
      aria-label="Level and scale of every layer"
    >
      ${ticks.map(
        (level) =>
          html`<line
              class="grid"
              x1="${LEFT}"
              x2="${width}"
              y1="${levelY(level)}"
              y2="${levelY(level)}"
            /><text x="${LEFT - 8}" y="${levelY(level) + 4}" text-anchor="end">${level}</text>`,
      )}
      <path class="area" d="${outline}V${levelY(0)}H${LEFT}Z" />
      <path class="line" d="${outline}" />
      ${refreshes === null ? null : layers.map((layer, i) => (layer.kind === 'refresh' ? passage(refreshes, x(i), step, levelY) : null))}
      ${layers.map(
        (layer, i) =>
          html`<circle
            cx="${x(i) + step / 2}"
            cy="${levelY(layer.level)}"
            r="3.5"
            fill="var(--${layer.kind})"
          >
            <title>
              ${layer.layer}: ${levelText(layer, refreshes)}, scale 2^${formatSignificant(layer.scaleBits, 6)}
            </title>
          </circle>`,
      )}
      <text x="0" y="${TOP - 16}">level</text>
      <line
        class="axis"
        x1="${LEFT}"
        x2="${width}"
        y1="${scaleTop + SCALE_HEIGHT}"
        y2="${scaleTop + SCALE_HEIGHT}"
      />
      ${scaleTicks(scales).map(
        (bits) =>
          html`<text x="${LEFT - 8}" y="${scaleY(bits) + 4}" text-anchor="end">
            2<tspan dy="-4" font-size="9">${formatSignificant(bits, 3)}</tspan>
          </text>`,
      )}
      <path
        class="thin"
        stroke="var(--muted)"
        d="${layers.map((layer, i) => `${i === 0 ? 'M' : 'L'}${x(i) + step / 2} ${scaleY(layer.scaleBits)}`).join('')}"
      />
      ${layers.map((layer, i) => html`<circle cx="${x(i) + step / 2}" cy="${scaleY(layer.scaleBits)}" r="2.5" fill="var(--muted)" />`)}
      <text x="0" y="${scaleTop - 6}">scale</text>
      <text x="${LEFT}" y="${height - 6}">first layer</text>
      <text x="${width - 8}" y="${height - 6}" text-anchor="end">output</text>
    </svg>
  </div>`;
}

function levelText({ kind, level }: LayerView, refreshes: RefreshSummary | null): string {
  return kind === 'refresh' && refreshes !== null
    ? `refreshed from level ${refreshes.fromLevel} to ${level}`
    : `level ${level}`;
}

/** Down to the bottom as slots become coefficients, up as the modulus is raised, and down again by transforms and sine. */
function passage(
  { fromLevel, raisedLevel, toLevel }: RefreshSummary,
  x: number,
  width: number,
  y: (level: number) => number,
): Markup {
  const turn = x + width / 3;
  return html`<path
    class="refresh"
    d="M${x} ${y(fromLevel)}L${turn} ${y(0)}V${y(raisedLevel)}L${x + width} ${y(toLevel)}"
  />`;
}

function tickValues(top: number): number[] {
  const step = top <= 6 ? 1 : top <= 14 ? 2 : 5;
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, i) => i * step);
}

/** The smallest and the largest scale; one of them where they are too close to write twice. */
function scaleTicks(scales: readonly number[]): number[] {
  const low = Math.min(...scales);
  const high = Math.max(...scales);
  return high - low < 0.5 ? [high] : [low, high];
}

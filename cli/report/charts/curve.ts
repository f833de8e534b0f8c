/** A sparkline of activation polynomials over their normalised range. */
import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';
import type { Curve } from '../polynomial-curves.ts';

const WIDTH = 96;
const HEIGHT = 44;

export function curveSparkline(curves: readonly Curve[]): Markup | null {
  const points = curves.flat();
  if (points.length === 0) return null;
  const low = Math.min(...points);
  const span = Math.max(...points) - low || 1;
  return html`<svg
    width="${WIDTH}"
    height="${HEIGHT}"
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    role="img"
    aria-label="Polynomials of some channels"
  >
    <line class="grid" x1="${WIDTH / 2}" x2="${WIDTH / 2}" y1="0" y2="${HEIGHT}" />
    ${curves.map((curve) => {
      const path = curve.map((y, i) => {
        const px = 2 + ((WIDTH - 4) * i) / (curve.length - 1);
        const py = HEIGHT - 3 - ((HEIGHT - 6) * (y - low)) / span;
        return `${i === 0 ? 'M' : 'L'}${px.toFixed(1)} ${py.toFixed(1)}`;
      });
      return html`<path class="thin" stroke="var(--polynomial)" d="${path.join('')}" />`;
    })}
  </svg>`;
}

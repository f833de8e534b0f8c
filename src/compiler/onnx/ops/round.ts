import { activation } from '../activation.ts';
import { constantOnly } from '../refusals.ts';

/** Halves go to the even neighbour, as IEEE 754 and ONNX have it. */
function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

export const round = activation({
  name: 'Round',
  since: [11, 22],
  summary: 'of constants only (weights that are quantised)',
  limits: 'constants only',
  check: constantOnly,
  scalar: () => ({ evaluate: roundHalfToEven }),
});

/** (x − mean) / √(variance + epsilon), read as means, squares and an inverse root on its calibrated range. */
import type { LegacyNode } from './legacy-node.ts';

/** What every normalisation by encrypted statistics costs, and what avoids it. */
const ADVICE =
  'the inverse root of an encrypted variance is approximated on its calibrated range; BatchNormalization, whose ' +
  'statistics are constant at inference, costs no level';

export interface Normalised {
  readonly value: string;
  readonly mean: string;
  readonly inverseDeviation: string;
}

/** Statistics over `axes`, kept as dimensions of one. `centred` = false leaves the mean in (RMS normalisation). */
export function normalise(
  node: LegacyNode,
  x: string,
  axes: readonly number[],
  epsilon: number,
  centred = true,
): Normalised {
  node.scope.warn(`${node.op} '${node.name}': ${ADVICE}`);
  const over = node.integers('axes', axes);
  const mean = node.precede('ReduceMean', [x, over], { keepdims: 1 });
  const deviation = centred ? node.precede('Sub', [x, mean]) : x;
  const square = node.precede('Mul', [deviation, deviation]);
  const variance = node.precede('ReduceMean', [square, over], { keepdims: 1 });
  const shifted = node.precede('Add', [variance, node.scalar('epsilon', epsilon)]);
  const inverseDeviation = node.precede('Pow', [shifted, node.scalar('exponent', -0.5)]);
  return { value: node.precede('Mul', [deviation, inverseDeviation]), mean, inverseDeviation };
}

/** scale · x + bias, where both have one entry per channel (axis 1 of `rank`); absent ones are left out. */
export function scaleChannels(
  node: LegacyNode,
  x: string,
  scale: string,
  bias: string,
  rank: number,
  channels: number,
): void {
  const shape = node.integers('channels', [channels, ...new Array<number>(rank - 2).fill(1)]);
  const scaled = node.precede('Mul', [x, node.precede('Reshape', [scale, shape])]);
  node.become('Add', [scaled, node.precede('Reshape', [bias, shape])]);
}

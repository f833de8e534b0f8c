/**
 * How a refresh (bootstrap) is done: slots to coefficients first, at the bottom of the chain, then the modulus is raised, coefficients to
 * slots, and the sine takes the multiples of q_0 away. Real values only, so that one sine serves all slots: sin(2πz / ratio) of
 * values z in ±1, `ratio` being q_0 over the scale of the coefficients.
 */
import { InternalError } from '../../errors.ts';
import { SINE, sineDepth, type SinePlan } from './evaluate-sine.ts';
import { coefficientsToSlots, slotsToCoefficients } from './slot-transform.ts';
import type { TransformStage } from './transform-stage.ts';

export interface RefreshShape {
  readonly slotCount: number;
  /** q_0 … q_L as float64. */
  readonly primes: readonly number[];
  /** Scale of values before the refresh, and during it. */
  readonly scale: number;
  readonly raisedScale: number;
  /** q_0 over the scale of the coefficients: a power of two. */
  readonly ratio: number;
  /** Butterfly stages of each factor, smallest blocks first, and the babies of each; both ways. */
  readonly down: readonly TransformGroup[];
  readonly up: readonly TransformGroup[];
}

export interface TransformGroup {
  readonly stages: number;
  readonly babies: number;
}

export interface RefreshPlan {
  /** In the order in which they are applied; the first one's level is that of the value to be refreshed. */
  readonly slotsToCoefficients: readonly TransformStage[];
  /** What the raised ciphertext is declared to have: its slots are then t / K, see `evaluate-sine.ts`. */
  readonly declaredScale: number;
  readonly coefficientsToSlots: readonly TransformStage[];
  readonly sine: SinePlan;
  /** Of the sine's argument. */
  readonly sineLevel: number;
  readonly outputLevel: number;
}

export function planRefresh(shape: RefreshShape): RefreshPlan {
  const { slotCount, primes, scale, raisedScale, ratio, down, up } = shape;
  const top = primes.length - 1;
  const sine = SINE;
  const sineLevel = top - up.length;
  const outputLevel = sineLevel - sineDepth(sine);
  if (outputLevel <= down.length)
    throw new InternalError(`a chain of ${primes.length} primes leaves nothing after a refresh`);
  const declaredScale = sine.range * primes[0]!;
  const stagesOf = (groups: readonly TransformGroup[]): number[] => groups.map(({ stages }) => stages);
  return {
    slotsToCoefficients: slotsToCoefficients(slotCount, stagesOf(down)).map((diagonals, index) => ({
      diagonals,
      babies: down[index]!.babies,
      level: down.length - index,
      inputScale: scale,
      outputScale: index === down.length - 1 ? primes[0]! / ratio : scale,
      real: false,
    })),
    declaredScale,
    coefficientsToSlots: coefficientsToSlots(slotCount, stagesOf(up)).map((diagonals, index) => ({
      diagonals,
      // The way back takes the groups in reverse.
      babies: up[up.length - 1 - index]!.babies,
      level: top - index,
      inputScale: index === 0 ? declaredScale : raisedScale,
      outputScale: raisedScale,
      real: index === up.length - 1,
    })),
    sine,
    sineLevel,
    outputLevel,
  };
}

/** What a refresh makes of a value. */
export function refreshed(z: number, ratio: number): number {
  return Math.sin((2 * Math.PI * z) / ratio);
}

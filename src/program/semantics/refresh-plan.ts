/**
 * How a refresh (bootstrap) is done: slots to coefficients first, at the bottom of the chain, then the modulus is raised, coefficients to
 * slots, and the sine takes the multiples of q_0 away. Real values only, so that one sine serves all slots: sin(2πz / ratio) of
 * values z in ±1, `ratio` being q_0 over the scale of the coefficients.
 */
import { InternalError } from '../../errors.ts';
import type { ParametersLiteral, RefreshParameters, TransformGroup } from '../parameters.ts';
import { CountingAlgebra } from './counting-algebra.ts';
import { evaluateSine, SINE, sineDepth, type SinePlan } from './evaluate-sine.ts';
import type { TransformShape, TransformStage } from './transform-stage.ts';

type Chain = Pick<ParametersLiteral, 'polyModulusDegree' | 'dataPrimes' | 'refresh'>;
export type RefreshChain = Chain & Pick<ParametersLiteral, 'scaleBits'>;

/** What a refresh takes one after another. */
export const REFRESH_STEPS = ['slots to coefficients', 'raise', 'coefficients to slots', 'sine'] as const;
export type RefreshStep = (typeof REFRESH_STEPS)[number];

/** What all refreshes under a chain have in common. */
export interface RefreshShape {
  /** In the order in which they are applied; the first one's level is that of the value to be refreshed. */
  readonly slotsToCoefficients: readonly TransformShape[];
  /** That the modulus is raised to: the highest. */
  readonly raiseLevel: number;
  readonly coefficientsToSlots: readonly TransformShape[];
  readonly sine: SinePlan;
  /** Of the sine's argument. */
  readonly sineLevel: number;
  readonly outputLevel: number;
}

export interface RefreshPlan extends RefreshShape {
  readonly slotsToCoefficients: readonly TransformStage[];
  /** What the raised ciphertext is declared to have: its slots are then t / K, see `evaluate-sine.ts`. */
  readonly declaredScale: number;
  readonly coefficientsToSlots: readonly TransformStage[];
  /** Whatever scale the input has. */
  readonly outputScale: number;
}

/** @throws InternalError if the chain has nothing for refreshes: programs that refresh are checked for that */
export function refreshParameters({ refresh }: Pick<ParametersLiteral, 'refresh'>): RefreshParameters {
  if (refresh === undefined) throw new InternalError('a refresh under parameters that have none');
  return refresh;
}

/** Levels that a refresh takes from the top of the chain. */
export function refreshDepth({ up }: Pick<RefreshParameters, 'up'>): number {
  return up.length + sineDepth(SINE);
}

export function refreshShape(chain: Chain): RefreshShape {
  const { down, up } = refreshParameters(chain);
  const slotCount = chain.polyModulusDegree / 2;
  const raiseLevel = chain.dataPrimes.length - 1;
  const stagesBefore = (groups: readonly TransformGroup[], index: number): number =>
    groups.slice(0, index).reduce((sum, { stages }) => sum + stages, 0);
  const shapes = (groups: readonly TransformGroup[]): Omit<TransformShape, 'level' | 'real'>[] =>
    groups.map(({ stages, babies }, index) => ({
      slotCount,
      first: stagesBefore(groups, index),
      stages,
      babies,
    }));
  return {
    slotsToCoefficients: shapes(down).map((shape, index) => ({
      ...shape,
      level: down.length - index,
      real: false,
    })),
    raiseLevel,
    // The way back takes the groups in reverse.
    coefficientsToSlots: shapes(up)
      .reverse()
      .map((shape, index) => ({ ...shape, level: raiseLevel - index, real: index === up.length - 1 })),
    sine: SINE,
    sineLevel: raiseLevel - up.length,
    outputLevel: raiseLevel - refreshDepth({ up }),
  };
}

/**
 * @param scale of the value that is refreshed
 * @param ratio q_0 over the scale of the coefficients
 */
export function planRefresh(
  chain: RefreshChain,
  { scale, ratio }: { readonly scale: number; readonly ratio: number },
): RefreshPlan {
  const shape = refreshShape(chain);
  const { slotsToCoefficients, coefficientsToSlots } = shape;
  const lowest = Number(chain.dataPrimes[0]!);
  const raisedScale = 2 ** refreshParameters(chain).raisedBits;
  const declaredScale = shape.sine.range * lowest;
  // Between transforms values have the chain's own scale: so but the first of them are the same for values of any scale.
  const betweenScale = 2 ** chain.scaleBits;
  return {
    ...shape,
    slotsToCoefficients: slotsToCoefficients.map((stage, index) => ({
      ...stage,
      inputScale: index === 0 ? scale : betweenScale,
      outputScale: index === slotsToCoefficients.length - 1 ? lowest / ratio : betweenScale,
    })),
    declaredScale,
    coefficientsToSlots: coefficientsToSlots.map((stage, index) => ({
      ...stage,
      inputScale: index === 0 ? declaredScale : raisedScale,
      outputScale: raisedScale,
    })),
    outputScale: sineScale(shape, chain, raisedScale),
  };
}

/** Scale of the results of refreshes; see `refreshShape` for their level. */
export function refreshOutputScale(chain: Chain): number {
  return sineScale(refreshShape(chain), chain, 2 ** refreshParameters(chain).raisedBits);
}

function sineScale({ sine, sineLevel }: RefreshShape, { dataPrimes }: Chain, scale: number): number {
  const algebra = new CountingAlgebra(1, dataPrimes.map(Number));
  return evaluateSine(algebra, sine, sineLevel, { level: sineLevel, scale, degree: 1 }).scale;
}

/** Degrees and what they cost in levels. */
import { polynomialDepth } from '../../../program/program.ts';
import type { ActivationChoice } from '../../options.ts';

/** Largest polynomial degree that can be asked for: beyond it the normal equations lose precision. */
export const MAX_DEGREE = 32;

/** Choices that are one polynomial fitted to the calibration data. */
export type FittedChoice = Extract<ActivationChoice, { kind: 'degree' | 'square' }>;

/** Degree of a choice that is a single fitted polynomial. "square" is the fitted quadratic: one squaring. */
export function fittedDegree(choice: FittedChoice): number {
  return choice.kind === 'square' ? 2 : choice.degree;
}

/** The same choice behind a refresh, where that can be fused with it. */
export function refreshedChoice(choice: ActivationChoice, ratio: number): ActivationChoice {
  return choice.kind === 'degree' ? { ...choice, ratio } : choice;
}

export function isRefreshed(choice: ActivationChoice): boolean {
  return choice.kind === 'degree' && choice.ratio !== undefined;
}

/** Whether the lowering may divide by the leading coefficient to save a level. */
export function savesLevel(degree: number): boolean {
  return degree >= 2 && Number.isInteger(Math.log2(degree));
}

/** Levels that a fitted polynomial of this degree consumes. */
export function degreeDepth(degree: number): number {
  return polynomialDepth(degree, savesLevel(degree));
}

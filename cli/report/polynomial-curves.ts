/** Samples the activation polynomials of a program, to draw them. */
import type { Coefficient, PolynomialInstruction, Program } from '../../src/program/program.ts';

/** y at equidistant x from −1 to 1, in the program's normalised coordinates. */
export type Curve = readonly number[];

const POINTS = 41;
const CURVES = 6;

/** Curves of a few channels of the activation that came from ONNX node `node`; none if it is no polynomial now. */
export function polynomialCurves(program: Program, node: string): Curve[] {
  const instruction = program.instructions.find(
    (candidate): candidate is PolynomialInstruction =>
      candidate.kind === 'polynomial' && candidate.layer.split('+').some((part) => comesFrom(part, node)),
  );
  const coefficients = instruction?.coefficients[0];
  if (instruction === undefined || coefficients === undefined) return [];
  const curves = new Map<string, Curve>();
  for (const slot of candidateSlots(coefficients)) {
    const values = coefficients.map((coefficient) => coefficientAt(coefficient, slot));
    if (values.every((value) => value === 0) && !instruction.unitLeading) continue;
    curves.set(values.join(), sample(values, instruction.degree, instruction.unitLeading));
    if (curves.size === CURVES) break;
  }
  return [...curves.values()];
}

/** Passes name what they make after the node it came from: "relu1", "relu1/polynomial-0". */
function comesFrom(part: string, node: string): boolean {
  return part === node || part.startsWith(`${node}/`);
}

/** Slots that hold a coefficient, spread evenly. */
function candidateSlots(coefficients: readonly Coefficient[]): number[] {
  const widest = coefficients
    .filter((coefficient) => typeof coefficient !== 'number')
    .toSorted((a, b) => b.values.length - a.values.length)[0];
  if (widest === undefined) return [0];
  const count = widest.values.length;
  const tries = Math.min(count, 4 * CURVES);
  return Array.from({ length: tries }, (_, k) => {
    const position = Math.floor((k * count) / tries);
    return widest.indices?.[position] ?? position;
  });
}

function coefficientAt(coefficient: Coefficient, slot: number): number {
  if (typeof coefficient === 'number') return coefficient;
  if (coefficient.indices === null) return coefficient.values[slot] ?? 0;
  const position = coefficient.indices.indexOf(slot);
  return position < 0 ? 0 : coefficient.values[position]!;
}

function sample(coefficients: readonly number[], degree: number, unitLeading: boolean): Curve {
  return Array.from({ length: POINTS }, (_, i) => {
    const x = (2 * i) / (POINTS - 1) - 1;
    const angle = Math.acos(x); // T_k(x) = cos(k·acos x) on [−1, 1]
    const series = coefficients.reduce((sum, c, k) => sum + c * Math.cos(k * angle), 0);
    return unitLeading ? series + Math.cos((degree / 2) * angle) ** 2 : series;
  });
}

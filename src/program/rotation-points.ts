/** Which values a linear instruction's baby steps branch off from: what an engine that hoists keeps decomposed. */
import type { BabyRotation } from './program.ts';

export interface RotationPoints {
  /** Sources that are rotated. */
  readonly sources: number;
  /** Rotated values that are rotated further: babies, and those on the way to them. */
  readonly between: number;
}

/** Ways that begin alike share their values. */
export function rotationPoints(babies: readonly BabyRotation[]): RotationPoints {
  const rotated = new Map<string, number>();
  const sources = new Set<number>();
  const between = new Set<number>();
  const valueOf: number[] = [];
  for (const { source, from, via } of babies) {
    // Sources have the numbers below zero.
    let value = from < 0 ? -1 - source : valueOf[from]!;
    for (const step of via) {
      if (value < 0) sources.add(value);
      else between.add(value);
      const way = `${value}:${step}`;
      value = rotated.get(way) ?? rotated.size;
      rotated.set(way, value);
    }
    valueOf.push(value);
  }
  return { sources: sources.size, between: between.size };
}

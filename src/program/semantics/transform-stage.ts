/** A factor of the transforms between slots and coefficients, baby-step giant-step: what it rotates by, and so which keys it needs. */
export interface TransformShape {
  readonly slotCount: number;
  /** Its butterfly stages, of the smallest blocks first: how many there are before them, and how many they are. */
  readonly first: number;
  readonly stages: number;
  /** Rotations that share one decomposition; giants take one key for all. */
  readonly babies: number;
  /** Of the input; the result is one below. */
  readonly level: number;
  /** Whether the conjugate is added: of what is half as large, that leaves the real part. */
  readonly real: boolean;
}

export interface TransformStage extends TransformShape {
  readonly inputScale: number;
  readonly outputScale: number;
}

/** Steps of the rotations, for which there must be keys at the stage's level; one that is `real` conjugates too. */
export function stageSteps(stage: TransformShape): number[] {
  const { stride, giants } = transformGrid(stage);
  const { slotCount, babies } = stage;
  const giantSteps = giants > 1 ? [(stride * babies) % slotCount] : [];
  return [...new Set([...babySteps(stage), ...giantSteps])];
}

/** Those that share the decomposition of the stage's input. */
export function babySteps(stage: TransformShape): number[] {
  const { first, stride } = transformGrid(stage);
  const { slotCount, babies } = stage;
  return Array.from({ length: babies }, (_, b) => (first + stride * b) % slotCount).filter(
    (step) => step !== 0,
  );
}

/** Offsets of the diagonals: first + stride (babies · giant + baby), modulo the slots. */
export interface TransformGrid {
  readonly first: number;
  readonly stride: number;
  readonly diagonals: number;
  readonly giants: number;
}

/** Blocks of 2b slots have diagonals at 0 and ±b; of the largest, with b half of all slots, these two are one. */
export function transformGrid({ slotCount, first, stages, babies }: TransformShape): TransformGrid {
  const stride = 2 ** first;
  const reach = 2 ** stages;
  const whole = stride * reach === slotCount;
  const diagonals = whole ? reach : 2 * reach - 1;
  const lowest = stride * (whole ? reach / 2 : reach - 1);
  return { first: slotCount - lowest, stride, diagonals, giants: Math.ceil(diagonals / babies) };
}

/** A cache line: shorter runs of equal residues are kept like any others. */
const SHORTEST_RUN = 8;

/**
 * Diagonals repeat with every block of 2^(first + stages) slots: their residues come in runs of equal ones, kept once each.
 * @returns what is kept, as a part of all N residues of a limb; 1 where there are no such runs
 */
export function residueShare({ slotCount, first, stages }: TransformShape): number {
  const run = slotCount / 2 ** (first + stages);
  return run < SHORTEST_RUN ? 1 : 1 / run;
}

/** Stages of one chain with the same key are the same: they can share their diagonals, encoded. */
export function stageKey({ level, inputScale, outputScale }: TransformStage): string {
  return `${level}/${inputScale}/${outputScale}`;
}

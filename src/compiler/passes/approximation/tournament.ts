/** Max over windows, separably: axis by axis, a tournament of max(a, b) = (a + b)/2 + |a − b|/2 over the taps of that axis. */
import type { FragmentBuilder } from './graph-fragment.ts';
import type { PoolAxis } from './pooling-taps.ts';
import { padded, tap } from './pooling-taps.ts';

/** One entry along the axis being reduced: its values, and at which outputs it stands for a tap inside of the input. */
export interface Contestant<T> {
  readonly value: T;
  readonly inside: readonly boolean[];
}

type Merge<T> = (a: T, b: T, insideA: readonly boolean[], insideB: readonly boolean[], round: number) => T;

/** A tournament; returns the winner and the number of the next round. */
export function tournament<T>(
  taps: readonly Contestant<T>[],
  first: number,
  merge: Merge<T>,
): { winner: T; next: number } {
  let [contestants, round] = [taps, first];
  while (contestants.length > 1) {
    const winners: Contestant<T>[] = [];
    for (let i = 0; i + 1 < contestants.length; i += 2) {
      const [a, b] = [contestants[i]!, contestants[i + 1]!];
      const inside = a.inside.map((each, o) => each || b.inside[o]!);
      winners.push({ value: merge(a.value, b.value, a.inside, b.inside, round), inside });
    }
    if (contestants.length % 2 === 1) winners.push(contestants.at(-1)!);
    contestants = winners;
    round++;
  }
  return { winner: contestants[0]!.value, next: round };
}

/** At which outputs tap k is inside of the input. */
export function insideOf({ input, output, stride, dilation, padBegin }: PoolAxis, k: number): boolean[] {
  return Array.from({ length: output }, (_, o) => {
    const position = o * stride + k * dilation - padBegin;
    return position >= 0 && position < input;
  });
}

/** Halves of differences, as each round has them. */
export type AppendHalf = (
  difference: string,
  round: number,
) => {
  /** Tensor of |d|/2, or of what stands for it. */
  readonly half: string;
  /** What it is where d = 0. */
  readonly atZero: number;
};

/** How many rounds decide all windows. */
export function roundsOf(axes: readonly PoolAxis[]): number {
  return axes.reduce((sum, { kernel }) => sum + Math.ceil(Math.log2(kernel)), 0);
}

/** Taps in the padding take no part, instead of being filled with a least value, which would widen the differences. */
export function appendTournament(
  builder: FragmentBuilder,
  input: string,
  output: string,
  axes: readonly PoolAxis[],
  appendHalf: AppendHalf,
): void {
  let tensor = padded(builder, input, axes, 0);
  let round = 0;
  for (const [a, axis] of axes.entries()) {
    const from = tensor;
    const shape = builder.shapeOf(from).map((size, i) => (i === a + 2 ? axis.output : size));
    const along = shape.map((size, i) => (i === a + 2 ? size : 1));
    const vector = (what: string, entries: readonly number[], type?: 'bool'): string =>
      builder.constant(what, entries, along, type);
    const taps = Array.from({ length: axis.kernel }, (_, k) => ({
      value: tap(builder, from, a + 2, axis, k, shape),
      inside: insideOf(axis, k),
    }));
    const instead = (value: string, inside: readonly boolean[], other: string): string =>
      inside.every(Boolean)
        ? value
        : builder.node('Where', [vector('inside', inside.map(Number), 'bool'), value, other], shape);
    const { winner, next } = tournament(taps, round, (a1, b1, insideA, insideB, number) => {
      const [x, y] = [instead(a1, insideA, b1), instead(b1, insideB, a1)];
      const { half, atZero } = appendHalf(builder.node('Sub', [x, y], shape), number);
      const sum = builder.node('Add', [builder.node('Mean', [x, y], shape), half], shape);
      if (atZero === 0 || [...insideA, ...insideB].every(Boolean)) return sum;
      // Where one of the two stands for both, their difference is 0 and what stands for |d|/2 is known.
      const excess = insideA.map((each, o) => (each && insideB[o]! ? 0 : atZero));
      return builder.node('Sub', [sum, vector('excess', excess)], shape);
    });
    [tensor, round] = [winner, next];
  }
  builder.node('Identity', [tensor], builder.shapeOf(tensor), {}, output);
}

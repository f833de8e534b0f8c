import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack } from '../../program/layout.ts';
import { toDense } from '../../program/slot-vector.ts';
import { sealCostModel } from '../targets/seal-cost.ts';
import { buildDiagonals } from './diagonals.ts';
import { makeFrame, placedLayout, type Frame, type Placement } from './frame.ts';
import { patternOf } from './pattern.ts';
import { apply, SparseMatrixBuilder, type SparseMatrix } from './sparse-matrix.ts';
import { makeTarget, windowsDisjoint, type Target } from './target.ts';
import { dense, weights } from './testing/maps.ts';
import { TransformPlanner, type TransformPlan } from './transform.ts';

const N = 64;
const cost = sealCostModel(2 * N, 3);

function rotate(x: Float64Array, step: number): Float64Array {
  return x.map((_, slot) => x[(slot + step) % x.length]!);
}

/** Σ rotate(diagonal ⊙ rotate(x, baby), giant), then the rotate-and-adds, straight from the definitions. */
function execute(
  plan: TransformPlan,
  sources: readonly { matrix: SparseMatrix; placement: Placement }[],
  inputs: readonly Float64Array[],
): Float64Array[] {
  const outputs = Array.from({ length: plan.giants.length }, () => new Float64Array(N));
  const diagonal = new Float64Array(N);
  for (const { input, output, baby, giant, vector } of buildDiagonals(sources, plan, N)) {
    expect(plan.babies[input]).toContain(baby);
    expect(plan.giants[output]).toContain(giant);
    toDense(vector, diagonal);
    const moved = rotate(inputs[input]!, baby);
    const term = rotate(
      diagonal.map((value, slot) => value * moved[slot]!),
      giant,
    );
    term.forEach((value, slot) => (outputs[output]![slot]! += value));
  }
  return outputs.map((sum) =>
    plan.reductions.reduce((total, step) => {
      const moved = rotate(total, step);
      return total.map((value, slot) => value + moved[slot]!);
    }, sum),
  );
}

const sparse = (rows: number, cols: number): fc.Arbitrary<SparseMatrix> =>
  fc
    .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: rows * cols, maxLength: rows * cols })
    .map((entries) => {
      const builder = new SparseMatrixBuilder(rows, cols);
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < cols; c++) {
          const value = entries[r * cols + c]!;
          if (Math.abs(value) > 0.6) builder.add(c, value);
        }
        builder.endRow();
      }
      return builder.build();
    });

/** Elements at arbitrary distinct slots below the period, or anywhere in several ciphertexts. */
const frame = (size: number, key: string): fc.Arbitrary<Frame> =>
  fc.constantFrom(N / 4, N / 2, N, 2 * N).chain((span) =>
    fc.uniqueArray(fc.integer({ min: 0, max: span - 1 }), { minLength: size, maxLength: size }).map((slots) =>
      makeFrame([size], N, Math.min(span, N), Int32Array.from(slots), {
        grid: null,
        junk: false,
        format: 'random',
        key: `${key}:${span}:${slots.join()}`,
      })!,
    ),
  );

/** The frame as it is, or folded from windows where that is possible. */
const target = (of: Frame): fc.Arbitrary<Target> => {
  const { period } = of.layout;
  const targets = [makeTarget(of, period)];
  for (const stride of [1, 2, 4, 8, 16]) {
    for (const count of [2, 4, 8, 16, 32]) {
      for (const fill of [period, N]) {
        if (stride * count > fill) continue;
        const cyclic = stride === period && stride * count === fill;
        if (fill !== period && !cyclic) continue;
        const folded = makeTarget(of, fill, stride, count);
        if (windowsDisjoint(folded)) targets.push(folded);
      }
    }
  }
  return fc.constantFrom(...targets);
};

const placement = (of: fc.Arbitrary<Frame>): fc.Arbitrary<Placement> =>
  fc.record({ frame: of, shift: fc.nat(N - 1) });

describe('TransformPlanner', () => {
  it('computes any sparse map between any layouts, folded or not, shifted or not', () => {
    const problem = fc
      .record({
        rows: fc.integer({ min: 1, max: 10 }),
        left: fc.integer({ min: 1, max: 12 }),
        right: fc.integer({ min: 1, max: 12 }),
      })
      .chain(({ rows, left, right }) =>
        fc.record({
          matrices: fc.tuple(sparse(rows, left), sparse(rows, right)),
          placements: fc.tuple(placement(frame(left, 'l')), placement(frame(right, 'r'))),
          target: frame(rows, 'o').chain(target),
          shift: fc.option(fc.nat(N - 1)),
          two: fc.boolean(),
        }),
      );
    fc.assert(
      fc.property(problem, ({ matrices, placements, target: onto, shift, two }) => {
        const sources = (two ? [0, 1] : [0]).map((i) => ({
          matrix: matrices[i]!,
          pattern: patternOf(matrices[i]!),
          placement: placements[i]!,
        }));
        const given = shift === null ? null : shift % onto.frame.layout.period;
        const plan = new TransformPlanner(cost, 1).plan(sources, onto, given, 2)!;
        if (given !== null) expect(plan.output.shift).toBe(given);
        const values = sources.map(({ matrix }, i) =>
          Float64Array.from({ length: matrix.cols }, weights(i + 1)),
        );
        const inputs = sources.flatMap(({ placement: at }, i) => {
          const layout = placedLayout(at);
          const slots = pack(layout, values[i]!);
          // Slots without an element may hold anything.
          const taken = pack(layout, new Float64Array(values[i]!.length).fill(1));
          return slots.map((own, ciphertext) =>
            own.map((value, s) => (taken[ciphertext]![s] === 0 ? 1e3 : value)),
          );
        });
        const outputs = execute(plan, sources, inputs);
        const layout = placedLayout(plan.output);
        const expected = new Float64Array(onto.frame.layout.positions.length);
        sources.forEach(({ matrix }, i) =>
          apply(matrix, values[i]!).forEach((value, e) => (expected[e]! += value)),
        );
        const wanted = pack(layout, expected);
        const taken = pack(layout, new Float64Array(expected.length).fill(1));
        wanted.forEach((slots, ciphertext) =>
          slots.forEach((value, slot) => {
            if (taken[ciphertext]![slot] === 1) expect(outputs[ciphertext]![slot]).toBeCloseTo(value, 11);
          }),
        );
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  describe('remembers maps it has planned', () => {
    const size = 24;
    const matrix = dense(size, size);
    const pattern = patternOf(matrix);
    const positions = Int32Array.from({ length: size }, (_, e) => e);
    const options = { grid: null, junk: false, format: 'dense' };
    const of = makeFrame([size], N, N / 2, positions, options)!;
    const onto = makeTarget(of, N / 2);
    const sources = [{ pattern, placement: { frame: of, shift: 0 } }];
    const steps = ({ babies, giants, split, origin }: TransformPlan): unknown => [
      babies,
      giants,
      split,
      origin,
    ];

    it('at any level, with the price of that level', () => {
      const planner = new TransformPlanner(cost, 1);
      const high = planner.plan(sources, onto, null, 3)!;
      const low = planner.plan(sources, onto, null, 1)!;
      expect(steps(low)).toEqual(steps(high));
      const babies = low.babies.flat().filter((step) => step !== 0).length;
      const giants = low.rotations - babies;
      const { baby, giant, term, output } = cost.linear(1);
      const expected = babies * baby + giants * giant + low.diagonals * term + output;
      expect(low.latencyMs).toBeCloseTo(expected, 12);
      expect(high.latencyMs).toBeGreaterThan(low.latencyMs);
    });

    it('but gives none that exceeds the limits', () => {
      const planner = new TransformPlanner(cost, 1);
      const { cost: price, diagonals } = planner.plan(sources, onto, null, 2)!;
      const none = Infinity;
      expect(planner.plan(sources, onto, null, 2, { cost: price * 0.99, diagonals: none })).toBeNull();
      expect(planner.plan(sources, onto, null, 2, { cost: none, diagonals: diagonals - 1 })).toBeNull();
      expect(planner.plan(sources, onto, null, 2, { cost: price, diagonals })).not.toBeNull();
    });
  });
});

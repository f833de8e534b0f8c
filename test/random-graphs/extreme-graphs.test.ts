/**
 * A few of the graphs of `extreme-graphs.slow.test.ts`, encrypted. To replay a failure: `HE_EXTREME_SEED` and `HE_EXTREME_RUNS`
 * with the slow test.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeNative } from '../../src/runtime/backends/testing/describe-native.ts';
import { checkExtremeGraph, extremeGraph, type ExtremeGraph } from './extreme-graphs.ts';
import { STEPS } from './steps.ts';

/** Of `magnitudes.ts`. */
const TIMES_1E12 = 12;
const FIRST_PART_TIMES_1E12 = 15;

/** x² (p = 0) or x³ of arguments around 10 to a magnitude, and what becomes of it. */
function powers(
  magnitude: number,
  p: number,
  ...behind: readonly (readonly [step: string, p: number])[]
): ExtremeGraph {
  const steps = [['Power', p] as const, ...behind].map(([name, p]) => {
    const step = STEPS.findIndex(([own]) => own === name);
    return { step, tensor: 0, p, q: 0, r: 0, seed: 0 };
  });
  return { inputs: [{ shape: [1, 2, 3, 3], magnitude, offset: 1 }], steps, distortion: [0] };
}

describeNative('random graphs of extreme magnitudes on the native engine', () => {
  it('give the right value or are refused by the compiler', async () => {
    const outcomes: string[] = [];
    await fc.assert(
      fc.asyncProperty(extremeGraph, async (recipe) => {
        outcomes.push((await checkExtremeGraph(recipe, 'native')).kind);
      }),
      { seed: 7, numRuns: 12 },
    );
    expect(outcomes.filter((kind) => kind === 'right').length).toBeGreaterThan(outcomes.length / 2);
  }, 300_000);

  it.each([-5, 3, 11])('cube values around 1e%i', async (magnitude) => {
    expect((await checkExtremeGraph(powers(magnitude, 1), 'native')).kind).toBe('right');
  });

  it('square values around 1e-12', async () => {
    expect((await checkExtremeGraph(powers(-12, 0), 'native')).kind).toBe('right');
  });

  it('keep the constant beside squares of 1e-12, times 1e24', async () => {
    const { inputs, steps, ...rest } = powers(-12, 0, ['Affine', 2], ['Affine', 2], ['Affine', 0]);
    const sum: ExtremeGraph = {
      ...rest,
      inputs: inputs.map((input) => ({ ...input, offset: 0 })),
      // One number for all elements.
      steps: steps.map((step) => ({ ...step, q: 2 })),
      distortion: [0, 0, TIMES_1E12, TIMES_1E12, 0],
    };
    expect((await checkExtremeGraph(sum, 'native')).kind).toBe('right');
  });

  it.each([
    [
      'squares that a divisor of 1e9 makes small',
      0,
      [
        ['Affine', 3],
        ['Power', 0],
      ],
      [11, 0],
    ],
    [
      'cubes of cubes of 1e-12, which are 0 in float32',
      -12,
      [
        ['Power', 1],
        ['Power', 1],
      ],
      [0],
    ],
    [
      'a value that is below 1e-38 on its way',
      -12,
      [
        ['Power', 1],
        ['Affine', 2],
        ['Affine', 2],
      ],
      [0, 0, 3, 12],
    ],
  ] as const)('give %s', async (_, magnitude, steps, distortion) => {
    const graph = { ...powers(magnitude, 0, ...steps), distortion: [...distortion] };
    const behind = { ...graph, steps: graph.steps.slice(1) };
    expect((await checkExtremeGraph(behind, 'native')).kind).toBe('right');
  });

  it('refuse squares that overflow float32 for some elements only', async () => {
    const graph = powers(12, 0, ['Affine', 2], ['Affine', 2]);
    const overflowing: ExtremeGraph = { ...graph, distortion: [0, 0, TIMES_1E12, FIRST_PART_TIMES_1E12] };
    expect(await checkExtremeGraph(overflowing, 'native')).toEqual({
      kind: 'refused',
      code: 'RANGE_OVERFLOW',
    });
  });

  it('give zero where cubes of 1e11 cancel', async () => {
    const zero = powers(11, 1, ['GlobalAveragePool', 0], ['Sum', 1]);
    expect((await checkExtremeGraph(zero, 'native')).kind).toBe('right');
  });

  it('give a constant of which rounding is all that float32 keeps, for terms of 1e6 cancel', async () => {
    const steps = [
      ['SpaceToDepth', 5, 0, 6, 18],
      ['Sum', 5, 5, 4, 28],
      ['Conv', 4, 0, 5, 17],
      ['Concat', 6, 1, 5, 22],
      ['AveragePool', 3, 4, 3, 0],
      ['Conv', 4, 6, 6, 12],
    ] as const;
    const graph: ExtremeGraph = {
      inputs: [{ shape: [1, 1, 2, 2], magnitude: 0, offset: 1 }],
      steps: steps.map(([name, p, q, r, seed], index) => ({
        step: STEPS.findIndex(([own]) => own === name),
        tensor: index === 1 ? 4 : 0,
        p,
        q,
        r,
        seed,
      })),
      distortion: [2, 9, 20],
    };
    expect((await checkExtremeGraph(graph, 'native')).kind).toBe('right');
  });
});

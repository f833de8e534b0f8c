/**
 * A few of the graphs of `extreme-graphs.slow.test.ts`, encrypted. To replay a failure: `HE_EXTREME_SEED` and `HE_EXTREME_RUNS`
 * with the slow test.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeNative } from '../../src/runtime/backends/testing/describe-native.ts';
import { checkExtremeGraph, extremeGraph } from './extreme-graphs.ts';

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
});

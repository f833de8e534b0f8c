/**
 * Thousands of graphs of extreme magnitudes, encrypted at 128 bits. `HE_EXTREME_SEED` is the first seed, `HE_EXTREME_RUNS` the number of
 * graphs on the native engine; a tenth of them runs on node-seal too. Each test is a seed of its own: a failure names it
 * and the smallest graph that fails.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeNative } from '../../src/runtime/backends/testing/describe-native.ts';
import { checkExtremeGraph, extremeGraph, type EncryptedBackend } from './extreme-graphs.ts';

const RUNS = Number(process.env['HE_EXTREME_RUNS'] ?? 2000);
const SEED = Number(process.env['HE_EXTREME_SEED'] ?? 1);
/** Graphs of one test. */
const PER_TEST = 50;
/** Below the tests' time limit: what a failure has been reduced to until then is reported. */
const MOST_MS = 1_500_000;
/** Of the graphs, at least: what is refused proves little. */
const LEAST_RIGHT = 0.5;

function seeds(runs: number): number[] {
  return Array.from({ length: Math.ceil(runs / PER_TEST) }, (_, i) => SEED * 1000 + i);
}

async function explore(backend: EncryptedBackend, seed: number): Promise<void> {
  const outcomes = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(extremeGraph, async (recipe) => {
      const outcome = await checkExtremeGraph(recipe, backend);
      const what = outcome.kind === 'right' ? 'right' : outcome.code;
      outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
    }),
    { seed, numRuns: PER_TEST, interruptAfterTimeLimit: MOST_MS, markInterruptAsFailure: true },
  );
  console.log(`${backend}, seed ${seed}: ${[...outcomes].map(([what, n]) => `${what} ${n}`).join(', ')}`);
  expect(outcomes.get('right') ?? 0).toBeGreaterThan(LEAST_RIGHT * PER_TEST);
}

describeNative('random graphs of extreme magnitudes on the native engine', () => {
  it.each(seeds(RUNS))('seed %i', (seed) => explore('native', seed));
});

describe('random graphs of extreme magnitudes on node-seal', () => {
  it.each(seeds(RUNS / 10))('seed %i', (seed) => explore('seal', seed));
});

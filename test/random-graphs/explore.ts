/**
 * Runs graphs of `extreme-graphs.slow.test.ts` one by one and goes on after a failure, which is described with its recipe:
 * `node test/random-graphs/explore.ts SEED COUNT native|seal [GRAPH]`, the last for the one graph of that index alone.
 */
import fc from 'fast-check';
import { checkExtremeGraph, extremeGraph, type EncryptedBackend } from './extreme-graphs.ts';

/** Longer ones are named. */
const SLOW_MS = 20_000;

const [seed, count, backend, only] = process.argv.slice(2);
const outcomes = new Map<string, number>();
for (const [index, recipe] of fc
  .sample(extremeGraph, { seed: Number(seed), numRuns: Number(count) })
  .entries()) {
  if (only !== undefined && index !== Number(only)) continue;
  const started = Date.now();
  let what = 'wrong';
  try {
    const outcome = await checkExtremeGraph(recipe, backend as EncryptedBackend);
    what = outcome.kind === 'right' ? 'right' : outcome.code;
  } catch (error) {
    console.log(`seed ${seed} graph ${index}: ${(error as Error).message}\n${JSON.stringify(recipe)}`);
    if (only !== undefined) console.log(error);
  }
  const took = Date.now() - started;
  if (took > SLOW_MS) console.log(`seed ${seed} graph ${index} took ${took} ms`);
  outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
}
console.log(`${backend} seed ${seed}: ${[...outcomes].map(([what, n]) => `${what} ${n}`).join(', ')}`);

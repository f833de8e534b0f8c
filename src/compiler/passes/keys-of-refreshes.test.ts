/** Refreshes rotate by keys of their own: they count wherever Galois keys do, and linear maps use them for nothing. */
import { expect, it } from 'vitest';
import { galoisKeyBytes } from '../../program/key-bytes.ts';
import { refreshBounds } from '../analysis/bounds.ts';
import { nativeCostModel } from '../targets/native-cost.ts';
import { withRefreshes } from '../ir/testing/with-refreshes.ts';
import { TransformPlanner } from '../linear/transform.ts';
import { dense, graphOf, weights } from '../linear/testing/maps.ts';
import { DEFAULT_OPTIONS, type CompileOptions } from '../options.ts';
import { buildCandidate, type Candidate } from './build-candidate.ts';
import { placeLevels } from './place-levels.ts';
import { REFRESH_LEVELS, refreshChains } from '../targets/refresh-chains.ts';
import { targetOf } from '../targets/registry.ts';

const MIB = 2 ** 20;
const samples = [[Float64Array.from({ length: 256 }, weights(1))]];
const graph = placeLevels(
  refreshBounds(
    withRefreshes(
      graphOf(
        [256],
        [{ shape: [64], matrix: dense(64, 256) }, { degree: 2 }, { shape: [10], matrix: dense(10, 64) }],
      ),
    ),
    samples,
  ),
  REFRESH_LEVELS,
);
const [parameters] = refreshChains(32768, {
  ...{ refreshed: graph.length.refreshed!, depth: graph.length.depth },
  ...{ outputBound: 1, security: 128, precision: 8 },
});
const cost = nativeCostModel(parameters!, DEFAULT_OPTIONS.profile);
const planner = new TransformPlanner(cost, 1);

function build(options: Partial<CompileOptions>): Candidate {
  const all = { ...DEFAULT_OPTIONS, backend: 'native', ...options } as const;
  return buildCandidate(graph, parameters!, planner, { samples, options: all, pass: (_, result) => result });
}

/** Of all Galois keys, in MiB. */
function galois({ program }: Pick<Candidate, 'program'>): number {
  return galoisKeyBytes(program, parameters!, cost).reduce((sum, bytes) => sum + bytes, 0) / MIB;
}

const free = build({});
/** MiB less than it takes: what a key of a linear map's own takes, nearly. */
const LESS = 4;

it('linear maps get what a budget leaves of them', () => {
  const budget = galois(free) - LESS;
  const tight = build({ maxKeyMb: budget });
  expect(tight.obstacle).toBeNull();
  expect(galois(tight)).toBeLessThanOrEqual(budget);
  expect(tight.latency).toBeGreaterThan(free.latency);
});

it('a budget that does not hold them is refused with what they take', () => {
  expect(() => build({ maxKeyMb: galois(free) / 2 })).toThrow(
    expect.objectContaining({
      code: 'KEY_BUDGET_TOO_SMALL',
      message: expect.stringMatching(
        /at least \d+ Galois keys .* MiB of them for refreshes, but only/,
      ) as string,
    }),
  );
});

it('linear maps give up keys of their own where memory is too small', () => {
  const tight = build({ maxMemoryMb: free.leastBytes / MIB - LESS });
  expect(tight.obstacle).toBeNull();
  expect(galois(tight)).toBeLessThan(galois(free));
});

it('room for keys is what memory leaves beside everything else', () => {
  const options = { ...DEFAULT_OPTIONS, backend: 'native' } as const;
  const { keyRoom, leastBytes } = targetOf(options.backend).memory(free.program, parameters!, options);
  expect(keyRoom / MIB - galois(free)).toBeCloseTo(options.maxMemoryMb - leastBytes / MIB, 6);
});

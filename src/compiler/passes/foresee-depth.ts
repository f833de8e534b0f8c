/** What the least depth and the least memory of a graph meet, before there is a program. */
import { CompileError } from '../../errors.ts';
import type { CkksParameters } from '../../program/security.ts';
import type { LongestChains } from '../analysis/explain-depth.ts';
import { memoryHint } from '../analysis/memory-hint.ts';
import { leastObstacle } from '../analysis/rough-memory.ts';
import { outputReach } from '../analysis/units.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';
import type { CompileOptions } from '../options.ts';
import { targetOf } from '../targets/registry.ts';
import { placeLeast } from './compose-linear.ts';
import { isElementwise } from './compose-rules.ts';
import { costsOf, quickestChain, ringsFor, tooDeep } from './select-program.ts';

/** Bits that whole programs typically lose against a single rescale of values within 1. */
const TYPICAL_LOSS_BITS = 6.5;

export interface DepthForecast {
  /** Least levels that any composition can need. */
  readonly depth: number;
  /** Of the smallest ring that will probably hold it, else of the largest that may; null if none does. */
  readonly chain: CkksParameters | null;
  /** Why none does, or what memory does not. */
  readonly refusal: CompileError | null;
}

/**
 * What the least possible depth of a graph meets.
 * @param largest elements of the largest tensor that must be held, which the graph need not show
 * @param length what the graph asks of a chain, if that is known
 */
export function foreseeDepth(
  graph: LinearGraph,
  largest: number,
  options: CompileOptions,
  longest: LongestChains,
  length = placeLeast(graph, targetOf(options.backend).refresh).length,
): DepthForecast {
  const { depth } = length;
  const [smallest] = ringsFor(graph, options, length);
  if (smallest === undefined) {
    return { depth, chain: null, refusal: tooDeep(graph, null, options, longest) };
  }
  const keyBytes = (chain: CkksParameters): number => costsOf(chain, options).keyBytes(depth);
  const leanest = smallest.chains.reduce((best, chain) => (keyBytes(chain) < keyBytes(best) ? chain : best));
  const least = {
    depth,
    ciphertexts: Math.ceil((2 * largest) / smallest.polyModulusDegree),
    rotates: graph.nodes.some((node) => node.kind === 'linear' && !isElementwise(node)),
    multiplies: graph.nodes.some(({ kind }) => kind === 'polynomial' || kind === 'product'),
  };
  const obstacle = leastObstacle(least, costsOf(leanest, options), leanest, options);
  // Batches keep their samples in the slots, and rotate nothing.
  if (obstacle !== null && options.optimize !== 'throughput') {
    const refusal = new CompileError('MEMORY_EXCEEDED', `with ${depth} levels, ${obstacle}`, {
      pass: 'foresee-degrees',
      hint: memoryHint(options),
    });
    return { depth, chain: null, refusal };
  }
  const loss = TYPICAL_LOSS_BITS + Math.max(0, Math.log2(outputReach(graph)));
  const [probable] = ringsFor(graph, { ...options, precision: options.precision + loss }, length);
  const ring = probable ?? [...ringsFor(graph, options, length)].at(-1) ?? smallest;
  return { depth, chain: quickestChain(ring, options), refusal: null };
}

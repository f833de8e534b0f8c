/** Holds a model whose max-pools cost more accuracy than the bound allows against the same model without them. */
import { CompileError } from '../../errors.ts';
import type { PolynomialGraph } from '../ir/polynomial-graph.ts';
import type { TensorGraph } from '../ir/tensor-graph.ts';
import type { CompileOptions } from '../options.ts';
import { targetOf } from '../targets/registry.ts';
import { splitMaxPools } from './split-max-pools.ts';

interface Fitted {
  readonly polynomial: Pick<PolynomialGraph, 'quality'>;
}

interface Trial<T> {
  readonly compile: (split: TensorGraph) => Promise<T>;
  readonly isRefreshed: (made: T) => boolean;
  readonly note?: ((line: string) => void) | undefined;
}

/**
 * Where the estimated drop in accuracy exceeds the bound, max-pools are split (`split-max-pools.ts`) if something holds that, and stay
 * split if that keeps the bound; of a model that has to be refreshed anyway, also if it only comes closer.
 * @throws BackendError CANCELLED
 */
export async function splitIfCloser<T extends Fitted>(
  first: T,
  tensors: TensorGraph,
  { activations, backend, calibration, refresh, scheme, optimize }: CompileOptions,
  { compile, isRefreshed, note = () => undefined }: Trial<T>,
): Promise<T> {
  const { bound } = first.polynomial.quality;
  if (bound === undefined || bound.estimate === null || bound.limit === null || bound.estimate <= bound.limit)
    return first;
  const refreshes = scheme === 'ckks' && refresh !== 'never' && optimize !== 'throughput';
  // Random inputs say little about accuracy.
  if (calibration === null || !refreshes || targetOf(backend).refresh === null) return first;
  const split = splitMaxPools(tensors, activations);
  if (split === null) return first;
  note(
    `max-pools: ${bound.measure} drops by ${bound.estimate.toFixed(2)} points (${bound.limit} allowed); trying comparisons of two values each, with refreshes between`,
  );
  try {
    const other = await compile(split);
    const drop = other.polynomial.quality.bound?.estimate ?? Infinity;
    return drop <= bound.limit || (drop < bound.estimate && isRefreshed(first)) ? other : first;
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    note(`nothing holds them: ${error.message}`);
    return first;
  }
}

/** Holds a program that has come out dearer than foreseen against the same model with refreshes. */
import { CompileError } from '../../errors.ts';
import type { Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import { targetOf } from '../targets/registry.ts';
import type { PolynomialGraph } from '../ir/polynomial-graph.ts';
import type { CompileOptions } from '../options.ts';
import { latencyOf } from './build-candidate.ts';
import { refreshedInstead, type Foresight } from './foresee-degrees.ts';
import type { DegreePlan } from './select-degrees.ts';
import { costsOf } from './select-program.ts';

interface Fitted {
  readonly polynomial: Pick<PolynomialGraph, 'approximations' | 'quality'>;
}

/**
 * What was foreseen to do without refreshes may take a larger ring than foreseen, as how precise a program is shows only once it
 * has been fitted and packed. Where refreshing promises to be cheaper then, it is tried, and kept if it is, at no loss of accuracy
 * that the bound does not allow.
 * @param costOf in the unit of estimates: see `programCost`
 * @throws BackendError CANCELLED
 */
export async function refreshedIfCheaper<T extends Fitted>(
  first: T,
  foresight: Pick<Foresight, 'forecasts'>,
  fit: (plan: DegreePlan) => Promise<T>,
  costOf: (fitted: T) => number,
): Promise<T> {
  const { approximations, quality } = first.polynomial;
  const degree = Math.max(0, ...approximations.map((each) => each.degree));
  const plan = refreshedInstead(foresight, { degree, cost: costOf(first) });
  if (plan === null) return first;
  try {
    const other = await fit(plan);
    const drop = dropOf(other);
    const accurate = drop <= dropOf(first) || drop <= (quality.bound?.limit ?? 0);
    return accurate && costOf(other) < costOf(first) ? other : first;
  } catch (error) {
    if (error instanceof CompileError) return first;
    throw error;
  }
}

function dropOf({ polynomial }: Fitted): number {
  return polynomial.quality.bound?.estimate ?? Infinity;
}

/** What programs are held against estimates by: milliseconds, or bytes where memory is what counts. */
export function programCost(program: Program, parameters: CkksParameters, options: CompileOptions): number {
  return options.optimize === 'memory'
    ? targetOf(options.backend).memory(program, parameters, options).leastBytes
    : latencyOf(program, parameters, costsOf(parameters, options), options);
}

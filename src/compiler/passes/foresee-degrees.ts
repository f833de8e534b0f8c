/**
 * Before anything is fitted in earnest or packed: how deep the model is with each degree that activations may get, and whether a
 * chain holds that. A few calibration inputs suffice, since depth follows from degrees, not from coefficients.
 */
import { CompileError } from '../../errors.ts';
import { refreshBounds } from '../analysis/bounds.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';
import type { TensorGraph } from '../ir/tensor-graph.ts';
import { MatrixProducts } from '../linear/matrix-products.ts';
import type { CompileOptions, Progress } from '../options.ts';
import { unbatch } from './approximation/calibration-batch.ts';
import { findSites } from './approximation/sites.ts';
import { reduceLinear } from './compose-linear.ts';
import { lowerLinear } from './lower-linear.ts';
import { normalisePolynomials } from './normalise-polynomials.ts';
import { approximate, calibrationInputs, CANDIDATE_DEGREES } from './select-degrees.ts';
import { foreseeDepth } from './select-program.ts';
import type { RingCandidate } from './select-parameters.ts';

export interface DegreeForecast {
  /** Of all activations whose degree is open; null where there is none. */
  readonly degree: number | null;
  /** Least levels that any composition can need. */
  readonly depth: number;
  /** The smallest ring that may hold it; null if none does. */
  readonly ring: RingCandidate | null;
  /** Why none does. */
  readonly refusal: CompileError | null;
  readonly graph: LinearGraph;
}

const PROBE_SAMPLES = 16;
const BOUND_SAMPLES = 4;

/** By degree, ascending. */
export async function foreseeDegrees(
  tensors: TensorGraph,
  options: CompileOptions,
  progress: Progress,
): Promise<readonly DegreeForecast[]> {
  const open = findSites(unbatch(tensors).single, options.activations).filter(({ fixed }) => fixed === null);
  const [lowest] = CANDIDATE_DEGREES;
  const probe: CompileOptions = {
    ...options,
    samples: Math.min(options.samples, PROBE_SAMPLES),
    activations:
      open.length === 0
        ? options.activations
        : new Map([...options.activations, ['*', { kind: 'degree', degree: lowest }]]),
  };
  const silent: Progress = {
    report: (_, fraction) => progress.report('foresee', fraction),
    signal: progress.signal,
  };
  const fitted = await approximate(tensors, probe, silent);
  const samples = calibrationInputs(tensors, probe, BOUND_SAMPLES);
  const lowered = normalisePolynomials(refreshBounds(lowerLinear(fitted), samples));
  const graph = reduceLinear(lowered, new MatrixProducts());
  const names = new Set(open.map(({ name }) => name));
  return (open.length === 0 ? [null] : CANDIDATE_DEGREES).map((degree) => {
    const raised = degree === null ? graph : withDegree(graph, names, degree);
    return { degree, graph: raised, ...foreseeDepth(raised, options) };
  });
}

/** @throws CompileError DEPTH_EXCEEDED if no chain holds even the lowest degrees */
export function requireHoldable(forecasts: readonly DegreeForecast[]): void {
  const refusal = forecasts[0]!.refusal;
  if (refusal === null) return;
  const depths = forecasts.flatMap(({ degree, depth }) =>
    degree === null ? [] : [`${depth} at degree ${degree}`],
  );
  throw new CompileError(
    'DEPTH_EXCEEDED',
    depths.length === 0 ? refusal.message : `${refusal.message}; it takes ${depths.join(', ')}`,
    {
      pass: 'foresee-degrees',
      diagnostics: refusal.diagnostics,
      ...(refusal.hint === undefined ? {} : { hint: refusal.hint }),
    },
  );
}

/** The polynomials of open activations with another degree; their coefficients do not count here. */
function withDegree(graph: LinearGraph, open: ReadonlySet<string>, degree: number): LinearGraph {
  const nodes = graph.nodes.map((node) =>
    node.kind === 'polynomial' && open.has(siteOf(node.layer))
      ? { ...node, degree, unitLeading: true }
      : node,
  );
  return { ...graph, nodes };
}

/** The approximation of site S is made of nodes S/polynomial-0, … */
function siteOf(layer: string): string {
  return layer.replace(/\/[a-z-]+-\d+$/, '');
}

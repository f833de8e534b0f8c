/** Largest |value| of every node of a linear graph: what overflow and noise are judged by. */
import { CompileError, InternalError } from '../../errors.ts';
import { chebyshevPowers } from '../approx/chebyshev.ts';
import type { LinearGraph, LinearNode, NodeId } from '../ir/linear-graph.ts';
import type { NodeDraft } from '../ir/linear-graph-builder.ts';
import { evaluateNodes } from './evaluate-linear-graph.ts';

type Computation<Node> = Node extends unknown ? Omit<Node, 'bound' | 'layer' | 'shape'> : never;

/** A value never seen in calibration may be this much larger than the largest one seen. */
export const BOUND_MARGIN = 1.25;

/** Bounds are divisors of errors: a value that is always zero still gets one. */
export const BOUND_OF_ZERO = 1;

/** A sum this much smaller than its terms, in float64, is a zero. */
const ROUNDING = 2 ** -44;

/** The bound of a value whose largest calibrated magnitude is `largest`. */
export function boundFor(largest: number): number {
  return divisor(BOUND_MARGIN * largest);
}

/** Subnormal numbers have no inverse. */
function divisor(bound: number): number {
  return bound > 1e-300 ? bound : BOUND_OF_ZERO;
}

/**
 * Measures every node's bound on calibration inputs: `samples[i]` holds the values of all graph inputs.
 * @throws CompileError INPUT_NOT_FINITE or VALUES_NOT_FINITE
 */
export function refreshBounds(
  graph: LinearGraph,
  samples: readonly (readonly Float64Array[])[],
): LinearGraph {
  if (samples.length === 0) throw new InternalError('bounds need at least one calibration sample');
  const largest = new Float64Array(graph.nodes.length);
  for (const inputs of samples) {
    for (const [id, value] of evaluateNodes(graph, inputs).entries()) {
      for (const element of value) {
        const magnitude = Math.abs(element);
        if (!(magnitude <= largest[id]!)) largest[id] = magnitude;
      }
    }
  }
  const nodes = graph.nodes.map((node) => {
    const seen = largest[node.id]!;
    if (!Number.isFinite(seen)) {
      if (node.kind === 'input') {
        throw new CompileError(
          'INPUT_NOT_FINITE',
          `input '${node.layer}' holds NaN or infinity in a calibration sample, which no ciphertext can hold`,
          { node: node.layer, hint: 'replace missing and infinite values before encryption' },
        );
      }
      throw new CompileError(
        'VALUES_NOT_FINITE',
        `the values of layer '${node.layer}' are not finite on a calibration input`,
        {
          node: node.layer,
          hint: 'a polynomial far outside its range, most likely: calibrate on more inputs or lower its degree',
        },
      );
    }
    return { ...node, bound: boundFor(seen) };
  });
  const { length } = nodes;
  for (let id = 0; id < length; id++) {
    const node = nodes[id]!;
    if (node.kind !== 'linear') continue;
    // What is left where terms cancel is rounding: errors are then held against the terms.
    const terms = worstLinear(node, (source) => nodes[source]!.bound);
    if (largest[id]! <= ROUNDING * terms) nodes[id] = { ...node, bound: boundFor(terms) };
  }
  return { ...graph, nodes };
}

/**
 * Largest |value| that a node can have if every source stays within its bound: what stands in for a calibrated bound
 * where none was taken. Sound, and loose for wide linear maps.
 */
export function worstCaseBound(node: Computation<NodeDraft>, boundOf: (source: NodeId) => number): number {
  switch (node.kind) {
    case 'input':
      throw new InternalError('the bound of an input comes from calibration');
    case 'linear':
      return divisor(worstLinear(node, boundOf));
    case 'polynomial': {
      const limit = boundOf(node.source);
      // |T_k| grows monotonically outside [-1, 1] and is at most 1 within.
      const powers = chebyshevPowers(Math.max(1, limit), node.degree, new Float64Array(node.degree + 1));
      const sum = node.coefficients.reduce((total, c, k) => total + largestOf(c) * powers[k]!, 0);
      return divisor(sum + (node.unitLeading ? powers[node.degree / 2]! ** 2 : 0));
    }
    case 'refresh':
      return 1;
    case 'product':
      return divisor(boundOf(node.left) * boundOf(node.right));
  }
}

function worstLinear(node: Pick<LinearNode, 'terms' | 'bias'>, boundOf: (source: NodeId) => number): number {
  const rows = node.bias?.length ?? node.terms[0]?.matrix.rows ?? 0;
  let worst = 0;
  for (let r = 0; r < rows; r++) {
    let sum = Math.abs(node.bias?.[r] ?? 0);
    for (const { source, matrix } of node.terms) {
      let norm = 0;
      for (let k = matrix.rowStart[r]!; k < matrix.rowStart[r + 1]!; k++) norm += Math.abs(matrix.values[k]!);
      sum += norm * boundOf(source);
    }
    worst = Math.max(worst, sum);
  }
  return worst;
}

function largestOf(values: Float64Array): number {
  return values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}

/** What is reported about each activation, measured on held-out samples. */
import type { ApproximationReport } from '../../ir/polynomial-graph.ts';
import type { PolynomialAttributes, TensorGraph, TensorNode } from '../../ir/tensor-graph.ts';
import { shapeOf } from '../../ir/tensor-graph.ts';
import { widened } from '../../../program/certified-range.ts';
import { BOUND_MARGIN } from '../../analysis/bounds.ts';
import { findOutliers, sampleExtents } from '../../analysis/robust-range.ts';
import { exactBounds } from '../../approx/paired-bounds.ts';
import { polynomialAttributes } from '../../onnx/ops/polynomial.ts';
import { polynomialDepth } from '../../../program/program.ts';
import { elementsOf } from '../../reference/onnx-runner.ts';
import { channelLayout } from '../../reference/polynomial-node.ts';
import type { FittedSite } from './approximate-site.ts';
import { degreeDepth } from './degrees.ts';
import type { ActivationSite } from './sites.ts';

/**
 * @param input what the approximated network feeds the site, for the held-out samples
 * @param output what the approximation made of it
 * @param exact what the original site makes of the same input: the layer's own error, without those before it
 */
export function reportSite(
  graph: TensorGraph,
  site: ActivationSite,
  fitted: FittedSite,
  input: Float32Array,
  output: Float32Array,
  exact: Float32Array,
): ApproximationReport {
  const { polynomial, method, degree } = fitted;
  const samples = input.length / elementsOf(graph, site.input);
  return {
    node: site.name,
    activation: site.nodes.map((node) => node.op).join('+'),
    method,
    degree,
    depth: method === 'least-squares' ? degreeDepth(degree) : fragmentDepth(fitted),
    channels: polynomial.center.length,
    ...differences(output, exact),
    range: [
      Math.min(...polynomial.center.map((center, c) => center - polynomial.halfWidth[c]!)),
      Math.max(...polynomial.center.map((center, c) => center + polynomial.halfWidth[c]!)),
    ],
    ...escapes(input, polynomial, shapeOf(graph, site.input), samples),
  };
}

/**
 * An activation that already was a polynomial: nothing is approximated, but what lies beyond the values calibrated on is beyond what
 * scales, modulus and noise were planned for.
 * @param calibrated input values of the samples that are fitted to
 * @param input those of the held-out samples
 */
export function reportExact(
  graph: TensorGraph,
  node: TensorNode,
  output: Float32Array,
  calibrated: Float32Array,
  input: Float32Array,
): ApproximationReport {
  const { degree } = polynomialAttributes(node);
  const [low, high] = widened(...extent(usual(calibrated, graph, node.inputs[0]!)), BOUND_MARGIN);
  const range = { center: [(low + high) / 2], halfWidth: [(high - low) / 2], axis: 0 };
  const samples = input.length / elementsOf(graph, node.inputs[0]!);
  return {
    node: node.name,
    activation: node.op,
    method: 'exact',
    degree,
    depth: degreeDepth(degree),
    channels: 1,
    ...differences(output, output),
    range: [low, high],
    ...escapes(input, range, shapeOf(graph, node.inputs[0]!), samples),
  };
}

/** The values of the samples that do not stand apart: the others count for no range. */
function usual(values: Float32Array, graph: TensorGraph, tensor: string): Float32Array {
  const size = elementsOf(graph, tensor);
  const largest = sampleExtents(values, values.length / size);
  const apart = new Set(findOutliers([{ tensor, isInput: true, largest }]).map(({ sample }) => sample));
  return apart.size === 0 ? values : values.filter((_, i) => !apart.has(Math.floor(i / size)));
}

/** Levels of the longest chain of the nodes: polynomials one after another, then a product, per maximum. */
function fragmentDepth({ fragment, method }: FittedSite): number {
  const depths = new Map<string, number>();
  let deepest = 0;
  for (const node of fragment.nodes) {
    const before = Math.max(0, ...node.inputs.map((input) => depths.get(input) ?? 0));
    const { degree } = node.attributes;
    // Scaling by constants is part of the linear maps around.
    const isProduct = node.op === 'Mul' && !node.inputs.some((input) => fragment.constants.has(input));
    const own = typeof degree === 'number' ? depthOf(method, degree) : isProduct ? 1 : 0;
    for (const output of node.outputs) depths.set(output, before + own);
    deepest = Math.max(deepest, before + own);
  }
  return deepest;
}

/** Fitted polynomials have leading coefficients that can be divided by; others only squares. */
function depthOf(method: FittedSite['method'], degree: number): number {
  return method === 'polynomial-pooling' ? degreeDepth(degree) : polynomialDepth(degree, degree === 2);
}

/** Values that overflowed are left out here; they are reported as escapes. */
function differences(
  approximate: Float32Array,
  exact: Float32Array,
): Pick<ApproximationReport, 'rmsError' | 'maxError' | 'rmsOutput'> {
  let [errors, squares, largest, count] = [0, 0, 0, 0];
  for (let i = 0; i < exact.length; i++) {
    const error = approximate[i]! - exact[i]!;
    if (!Number.isFinite(error)) continue;
    count++;
    errors += error * error;
    squares += exact[i]! * exact[i]!;
    if (Math.abs(error) > largest) largest = Math.abs(error);
  }
  return {
    rmsError: Math.sqrt(errors / Math.max(count, 1)),
    maxError: largest,
    rmsOutput: Math.sqrt(squares / Math.max(count, 1)),
  };
}

/** Of the finite values: others come of an overflow before, and are counted as escapes. [0, 0] if there is none. */
function extent(values: Float32Array): [number, number] {
  let [min, max] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? [min, max] : [0, 0];
}

/** Of the bound on escapes: 95 % are sure. */
const ESCAPE_ERROR = 0.05;

function escapes(
  values: Float32Array,
  polynomial: Pick<PolynomialAttributes, 'center' | 'halfWidth' | 'axis'>,
  shape: readonly number[],
  samples: number,
): Pick<ApproximationReport, 'seen' | 'escapeRate' | 'inputsWithEscapes' | 'escapeBound'> {
  const shared = polynomial.center.length === 1;
  const { channels, inner } = channelLayout(shape, polynomial.axis);
  const perSample = values.length / samples;
  let outside = 0;
  let samplesOutside = 0;
  for (let sample = 0; sample < samples; sample++) {
    const before = outside;
    for (let block = 0; block < perSample; block += inner) {
      const channel = shared ? 0 : (block / inner) % channels;
      const center = polynomial.center[channel]!;
      const halfWidth = polynomial.halfWidth[channel]!;
      const start = sample * perSample + block;
      // Written so that NaN counts as outside.
      for (let i = start; i < start + inner; i++)
        if (!(Math.abs(values[i]! - center) <= halfWidth)) outside++;
    }
    if (outside > before) samplesOutside++;
  }
  return {
    seen: extent(values),
    escapeRate: outside / values.length,
    inputsWithEscapes: samplesOutside / samples,
    escapeBound: exactBounds(samplesOutside, samples, ESCAPE_ERROR).upper,
  };
}

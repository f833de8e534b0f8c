/**
 * Makes a value that leaves the range of an unrefreshed polynomial show at an output, in models with refreshes. Without refreshes it
 * does so by itself: polynomials run away beyond their range, and the client refuses what they lead to. A refresh makes something
 * plausible of the giant: the sine folds it back, the class is wrong, and nothing shows.
 *
 * A range guard is a high even power of the polynomial's argument t = (x − center) / halfWidth, summed over all elements and added to
 * all elements of an output with a small weight. Within the range it vanishes beside them (and moves all classes alike); where values
 * are beyond it, it takes the output out of its certified range, and the client refuses that (OUTPUT_OUT_OF_RANGE). The power
 * is evaluated in the levels of the polynomial that it guards, and the sum in those of the last linear map.
 */
import { chebyshevOfPower } from '../approx/scale-argument.ts';
import type { ApproximationReport, CertifiedRanges } from '../ir/polynomial-graph.ts';
import type { PolynomialAttributes, TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import { polynomialAttributes } from '../onnx/ops/polynomial.ts';
import type { CompileOptions, Progress } from '../options.ts';
import { elementsOf } from '../reference/onnx-runner.ts';
import type { CalibrationBatch } from './approximation/calibration-batch.ts';
import { degreeDepth } from './approximation/degrees.ts';
import { FragmentBuilder } from './approximation/graph-fragment.ts';
import type { OutputReading } from './approximation/output-reading.ts';
import { polynomialsToGuard, TOLERATED } from './approximation/polynomials-to-guard.ts';
import { largestSums } from './approximation/sums-of-powers.ts';

/**
 * What guards may add to an output in calibration, all together, is its range over 2 to this power: less where more bits are asked
 * for, more where outputs are the scores of classes, all of which it moves alike, so that none comes before another.
 */
const VISIBLE_BITS = 8;
const VISIBLE_BITS_OF_CLASSES = 5;
/**
 * What takes an output out of its range wherever in it it was, in its widths: one and a half from one end to what clients allow
 * beyond the other, and their room for noise.
 */
const REFUSED_WIDTHS = 2.25;
/** Coefficients of higher powers lie so far apart that the argument, which the polynomial shares, would lose its precision. */
const HIGHEST_POWER = 8;
/** Output elements times guarded ones: a map of millions of entries would cost more than it tells. */
const MOST_ENTRIES = 4e6;

export interface RangeGuard {
  /** The node whose argument is guarded. */
  readonly node: string;
  readonly power: number;
  /** |t| of a single value from which on the output is refused, whatever the others are. */
  readonly refusedFrom: number;
}

export interface GuardedGraph {
  readonly graph: TensorGraph;
  readonly guards: readonly RangeGuard[];
  readonly warnings: readonly string[];
}

/**
 * @param graph of polynomials, linear nodes and products; left as it is where nothing is refreshed
 * @param outputs certified ranges
 * @param batch calibration inputs
 * @param bits what guards may add to an output, in all, is its range over 2^bits: see `visibleBits`
 * @throws CompileError REFERENCE_FAILED; BackendError CANCELLED
 */
export async function guardRanges(
  graph: TensorGraph,
  outputs: CertifiedRanges['outputs'],
  batch: Pick<CalibrationBatch, 'inputs' | 'samples'>,
  bits: number,
  progress: Progress,
): Promise<GuardedGraph> {
  const guarded = polynomialsToGuard(graph);
  if (guarded.length === 0) return { graph, guards: [], warnings: [] };
  const target = guardableOutput(graph, outputs, guarded);
  if (target === null) {
    const names = guarded.map(({ name }) => name).join(', ');
    const warning = `values that leave the range of ${names} do not show at any output: none is small enough to be guarded`;
    return { graph, guards: [], warnings: [warning] };
  }
  const { output, width } = target;
  const largest = await largestSums(graph, guarded, powerOf, batch, progress);
  const builder = new FragmentBuilder(graph, 'range-guard');
  const guards: RangeGuard[] = [];
  /** By polynomial, the nodes beside it that end in its sum. */
  const beside = new Map<TensorNode, readonly TensorNode[]>();
  const sums = guarded.map((node, index) => {
    const before = builder.nodes.length;
    const power = powerOf(node);
    // What the sum is from which on the output is refused: there, what is seen in calibration does not show.
    const refused = Math.max(
      TOLERATED ** power,
      REFUSED_WIDTHS * guarded.length * largest[index]! * 2 ** bits,
    );
    guards.push({ node: node.name, power, refusedFrom: refused ** (1 / power) });
    const sum = appendSum(builder, graph, node, output, (REFUSED_WIDTHS * width) / refused);
    beside.set(node, builder.nodes.slice(before));
    return sum;
  });
  return { graph: withGuards(graph, builder, output, sums, beside), guards, warnings: [] };
}

/** What is reported of activations, with what guards say of theirs. */
export function guardedReports(
  reports: readonly ApproximationReport[],
  guards: readonly RangeGuard[],
): readonly ApproximationReport[] {
  return reports.map((report) => {
    const guard = guards.find(({ node }) => node.startsWith(`${report.node}/polynomial-`));
    return guard === undefined ? report : { ...report, refusedFrom: guard.refusedFrom };
  });
}

/** @param elements of the output that is read so */
export function visibleBits(
  { kind }: Pick<OutputReading, 'kind'>,
  elements: number,
  { precision, holdPrecision }: Pick<CompileOptions, 'precision' | 'holdPrecision'>,
): number {
  const ranked = kind === 'classes' && elements > 1 && !holdPrecision;
  return ranked ? VISIBLE_BITS_OF_CLASSES : Math.max(VISIBLE_BITS, precision);
}

/** The largest even power that takes no more levels than the polynomial does. */
function powerOf(node: TensorNode): number {
  return Math.min(2 ** degreeDepth(polynomialAttributes(node).degree), HIGHEST_POWER);
}

/** The smallest output that sums can be added to; all outputs are refused together. */
function guardableOutput(
  graph: TensorGraph,
  outputs: CertifiedRanges['outputs'],
  guarded: readonly TensorNode[],
): { readonly output: string; readonly width: number } | null {
  const most = Math.max(...guarded.map((node) => elementsOf(graph, node.inputs[0]!)));
  const batch = shapeOf(graph, graph.inputs[0]!)[0];
  const fitting = graph.outputs
    .map((output, index) => ({ output, width: widthOf(outputs[index]!) }))
    .filter(({ output, width }) => {
      const shape = shapeOf(graph, output);
      return (
        shape.length >= 2 &&
        shape[0] === batch &&
        width > 0 &&
        elementsOf(graph, output) * most <= MOST_ENTRIES
      );
    })
    .sort((a, b) => elementsOf(graph, a.output) - elementsOf(graph, b.output));
  return fitting[0] ?? null;
}

/** The room for noise goes by the largest value, not by the range. 0 for an output that is always the same. */
function widthOf({ min, max }: CertifiedRanges['outputs'][number]): number {
  return min < max ? Math.max(max - min, Math.abs(min), Math.abs(max)) : 0;
}

/** weight · Σ t^power, of the output's rank; returns the tensor. */
function appendSum(
  builder: FragmentBuilder,
  graph: TensorGraph,
  node: TensorNode,
  output: string,
  weight: number,
): string {
  const attributes = polynomialAttributes(node);
  const power = powerOf(node);
  const raised: PolynomialAttributes = {
    axis: attributes.axis,
    degree: power,
    center: attributes.center,
    halfWidth: attributes.halfWidth,
    coefficients: [...chebyshevOfPower(power)],
  };
  const tensor = builder.polynomial(node.inputs[0]!, raised);
  const shape = shapeOf(graph, node.inputs[0]!);
  const [batch] = shape as [number, ...number[]];
  const integers = (what: string, values: readonly number[]): string =>
    builder.constant(what, values, [values.length], 'int');
  const axes = integers(
    'axes',
    shape.slice(1).map((_, axis) => axis + 1),
  );
  const ones = (rank: number): number[] => [batch, ...Array.from({ length: rank - 1 }, () => 1)];
  const summed = builder.node('ReduceSum', [tensor, axes], ones(shape.length), { keepdims: 1 });
  const flat = builder.node('Flatten', [summed], ones(2), { axis: 1 });
  const rank = shapeOf(graph, output).length;
  const inserted = Array.from({ length: rank - 2 }, (_, axis) => axis + 2);
  const spread =
    rank === 2 ? flat : builder.node('Unsqueeze', [flat, integers('axes', inserted)], ones(rank));
  return builder.node('Mul', [spread, builder.constant('weight', [weight], [1])], ones(rank));
}

/** The graph with all sums added to what made the output so far. Each is made where its polynomial is, whose argument nobody else has to keep. */
function withGuards(
  graph: TensorGraph,
  builder: FragmentBuilder,
  output: string,
  sums: readonly string[],
  beside: ReadonlyMap<TensorNode, readonly TensorNode[]>,
): TensorGraph {
  const unguarded = `${output}/unguarded`;
  const renamed = (names: readonly string[]): string[] =>
    names.map((name) => (name === output ? unguarded : name));
  const nodes = graph.nodes.flatMap((node) => [
    { ...node, inputs: renamed(node.inputs), outputs: renamed(node.outputs) },
    ...(beside.get(node) ?? []),
  ]);
  const placed = builder.nodes.length;
  const shape = shapeOf(graph, output);
  const shapes = new Map(graph.shapes);
  shapes.set(unguarded, shape);
  let total = unguarded;
  for (const [index, sum] of sums.entries())
    total = builder.node('Add', [total, sum], shape, {}, index === sums.length - 1 ? output : undefined);
  for (const [name, own] of builder.shapes) shapes.set(name, own);
  const constants = new Map([...graph.constants, ...builder.constants]);
  for (const [name, constant] of builder.constants) shapes.set(name, constant.shape);
  return { ...graph, nodes: [...nodes, ...builder.nodes.slice(placed)], constants, shapes };
}

/** One activation site: what it computes in the original network, and the nodes that approximate it. */
import { CompileError } from '../../../errors.ts';
import { compositeSign, SIGN_PRECISIONS } from '../../approx/composite-sign.ts';
import type { PolynomialAttributes, TensorGraph } from '../../ir/tensor-graph.ts';
import { shapeOf } from '../../ir/tensor-graph.ts';
import { maxPoolWindows } from '../../onnx/max-pool-windows.ts';
import { scalarFunction } from '../../onnx/scalar-function.ts';
import type { ActivationChoice } from '../../options.ts';
import { executeNode } from '../../reference/execute-node.ts';
import { channelLayout } from '../../reference/polynomial-node.ts';
import type { ChannelRanges } from './composite-nodes.ts';
import { appendCompositeActivation, appendCompositeMaxPool, isJump } from './composite-nodes.ts';
import { fittedDegree } from './degrees.ts';
import { appendPreciseMaxPool } from './precise-max-pool.ts';
import { fitPrecisely, fitWhereSeen } from './precise-nodes.ts';
import { fitPolynomials, type FitSettings } from './fit-polynomial.ts';
import { fitPooling, INNER_DEGREE, outerDegree } from './fit-pooling.ts';
import type { GraphFragment } from './graph-fragment.ts';
import { FragmentBuilder } from './graph-fragment.ts';
import { findPole } from './poles.ts';
import { maxPoolAxes } from './pool-axes.ts';
import type { ApproximationSettings } from './settings.ts';
import type { ActivationSite } from './sites.ts';

export interface FittedSite {
  readonly fragment: GraphFragment;
  readonly method: 'least-squares' | 'polynomial-pooling' | 'composite-sign' | 'minimax';
  readonly degree: number;
  /** Of the polynomial that the site's input goes into first: its channels and their ranges. */
  readonly polynomial: PolynomialAttributes;
  /** Where the fit cannot be relied on, in words for the model's author; null if everywhere in its range. */
  readonly warning: string | null;
}

/** Runs the site's original nodes. */
export async function executeSite(
  graph: TensorGraph,
  site: ActivationSite,
  input: Float32Array,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  let tensor = site.input;
  let values = input;
  for (const node of site.nodes) {
    values = (await executeNode(graph, node, new Map([[tensor, values]]), signal))[0]!;
    tensor = node.outputs[0]!;
  }
  return values;
}

/**
 * @param data what the approximated network feeds the site, and what the original site put out
 */
export async function approximateSite(
  graph: TensorGraph,
  site: ActivationSite,
  choice: ActivationChoice,
  data: { readonly values: Float32Array; readonly targets: Float32Array },
  settings: ApproximationSettings,
): Promise<FittedSite> {
  const builder = new FragmentBuilder(graph, site.name);
  const scalar =
    site.activation === null ? (x: number): number => x : scalarFunction(graph, site.activation).evaluate;
  if (choice.kind === 'relu-composite')
    return appendComposite(builder, graph, site, choice.alpha, scalar, data.values);
  if (choice.kind === 'precision')
    return appendPrecise(builder, graph, site, choice.bits, scalar, data.values);
  const degree = fittedDegree(choice);
  const ratio = choice.kind === 'degree' ? choice.ratio : undefined;
  const marginOf = (fitted: number): number =>
    fitted <= 2 ? settings.lowDegreeMargin : settings.highDegreeMargin;
  // A sine stays within ±1 whatever its argument.
  const inner = (fitted: number): Omit<FitSettings, 'degree'> => ({
    ...settings,
    margin: ratio === undefined ? marginOf(fitted) : settings.refreshedMargin,
    ...(ratio === undefined ? {} : { ratio }),
  });
  const fit = { shape: shapeOf(graph, site.input), ...data, scalar };
  if (site.maxPool === null) {
    const polynomial = fitPolynomials({ ...fit, windows: null }, { ...inner(degree), degree });
    builder.polynomial(site.input, polynomial, site.output);
    const warning = poleWarning(site, scalar, polynomial);
    return { fragment: builder, method: 'least-squares', degree, polynomial, warning };
  }
  const windows = maxPoolWindows(graph, { ...site.maxPool, inputs: [site.input] });
  const outer = outerDegree(degree);
  const { storage_order: _, ...attributes } = site.maxPool.attributes;
  // Windows at the border average what lies inside, as max-pooling looks only there.
  const average = (tensor: string, output?: string): string =>
    builder.node(
      'AveragePool',
      [tensor],
      shapeOf(graph, site.output),
      { ...attributes, count_include_pad: 0 },
      output,
    );
  if (outer === null) {
    const polynomial = fitPolynomials({ ...fit, windows }, { ...inner(degree), degree });
    average(builder.polynomial(site.input, polynomial), site.output);
    return { fragment: builder, method: 'polynomial-pooling', degree, polynomial, warning: null };
  }
  const fitted = fitPooling({ ...fit, windows }, outer, {
    ...inner(INNER_DEGREE),
    degree: INNER_DEGREE,
    outerMargin: marginOf(outer),
  });
  builder.polynomial(average(builder.polynomial(site.input, fitted.inner)), fitted.outer, site.output);
  return { fragment: builder, method: 'polynomial-pooling', degree, polynomial: fitted.inner, warning: null };
}

/** A discontinuous function has no uniform approximation: it is kept to twice the bits outside a small interval. */
const JUMP_MARGIN_BITS = 2;

function appendPrecise(
  builder: FragmentBuilder,
  graph: TensorGraph,
  site: ActivationSite,
  bits: number,
  scalar: (x: number) => number,
  values: Float32Array,
): FittedSite {
  if (site.activation !== null && isJump(site.activation)) {
    // A bare sign has nothing that vanishes with its distance to the jump: the steepest serves it best.
    const wanted = site.activation.op === 'Sign' ? Infinity : Math.ceil(bits) + JUMP_MARGIN_BITS;
    const alpha = Math.min(wanted, SIGN_PRECISIONS.at(-1)!);
    return appendComposite(builder, graph, site, alpha, scalar, values);
  }
  const { min, max } = channelRanges(graph, site.input, values);
  const seen = { min: Math.min(...min), max: Math.max(...max) };
  if (site.maxPool !== null) {
    const axes = maxPoolAxes(graph, site.maxPool);
    const polynomial = appendPreciseMaxPool(
      builder,
      site.maxPool,
      site.input,
      site.output,
      axes,
      values,
      bits,
    );
    const range = { center: [(seen.min + seen.max) / 2], halfWidth: [(seen.max - seen.min) / 2] };
    return {
      fragment: builder,
      method: 'minimax',
      degree: polynomial.degree,
      polynomial: { ...polynomial, ...range },
      warning: null,
    };
  }
  const axis = shapeOf(graph, site.input).length > 1 ? 1 : 0;
  try {
    const { polynomial } = fitPrecisely(site.activation!, scalar, seen, bits, axis);
    builder.polynomial(site.input, polynomial, site.output);
    return { fragment: builder, method: 'minimax', degree: polynomial.degree, polynomial, warning: null };
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    const polynomial = fitWhereSeen(values, scalar, seen, bits, axis);
    if (polynomial === null) throw error;
    builder.polynomial(site.input, polynomial, site.output);
    const warning =
      `${describe(site)} is fitted by least squares to the values seen only: no polynomial keeps ${bits} bits over the whole ` +
      `range [${seen.min.toPrecision(3)}, ${seen.max.toPrecision(3)}] (${error.code}); inputs whose values fall between those of the calibration ` +
      `data may be far off`;
    return { fragment: builder, method: 'least-squares', degree: polynomial.degree, polynomial, warning };
  }
}

function appendComposite(
  builder: FragmentBuilder,
  graph: TensorGraph,
  site: ActivationSite,
  alpha: number,
  scalar: (x: number) => number,
  values: Float32Array,
): FittedSite {
  const sign = compositeSign(alpha);
  const ranges = channelRanges(graph, site.input, values);
  if (site.maxPool !== null) {
    appendCompositeMaxPool(builder, site.input, site.output, maxPoolAxes(graph, site.maxPool), sign, ranges);
  } else {
    appendCompositeActivation(builder, site.activation!, scalar, site.input, site.output, sign, ranges);
  }
  const first = builder.nodes.find((node) => node.op === 'Polynomial')!;
  const degree = sign.stages.reduce((product, stage) => product * (stage.coefficients.length - 1), 1);
  return {
    fragment: builder,
    method: 'composite-sign',
    degree,
    polynomial: {
      ...(first.attributes as unknown as PolynomialAttributes),
      center: ranges.min.map((min, c) => (min + ranges.max[c]!) / 2),
      halfWidth: ranges.min.map((min, c) => (ranges.max[c]! - min) / 2),
    },
    warning: null,
  };
}

function describe({ activation, name }: ActivationSite): string {
  return `${activation?.op ?? 'MaxPool'} '${name}'`;
}

function poleWarning(
  site: ActivationSite,
  scalar: (x: number) => number,
  { center, halfWidth }: PolynomialAttributes,
): string | null {
  const range = {
    min: Math.min(...center.map((middle, c) => middle - halfWidth[c]!)),
    max: Math.max(...center.map((middle, c) => middle + halfWidth[c]!)),
  };
  const pole = findPole(scalar, range);
  if (pole === null) return null;
  return (
    `${describe(site)} has no finite value near ${pole.toPrecision(3)}, within its fitted range ` +
    `[${range.min.toPrecision(3)}, ${range.max.toPrecision(3)}]: inputs that come close to it are far off; keep its input on one side`
  );
}

function channelRanges(graph: TensorGraph, tensor: string, values: Float32Array): ChannelRanges {
  const shape = shapeOf(graph, tensor);
  const { channels, inner } = channelLayout(shape.length > 1 ? shape : [1, 1, ...shape], 1);
  const min = new Array<number>(channels).fill(Infinity);
  const max = new Array<number>(channels).fill(-Infinity);
  for (let i = 0; i < values.length; i++) {
    const channel = Math.floor(i / inner) % channels;
    if (values[i]! < min[channel]!) min[channel] = values[i]!;
    if (values[i]! > max[channel]!) max[channel] = values[i]!;
  }
  return { min, max };
}

/**
 * What a random graph may be made of. Each step adds one operator to a tensor, its attributes taken from a few small numbers;
 * where the tensor's shape does not allow it, nothing is added, so that any list of numbers is a model, and a shorter list or
 * smaller numbers a simpler one.
 */
import { integers, tensor } from '../../src/compiler/onnx/testing/model-builder.ts';
import type { Shape } from '../../src/compiler/ir/tensor-graph.ts';
import { sizeOf, type GraphSketch, type SketchTensor } from './graph-sketch.ts';

/** Three small numbers and a seed. */
export interface Choices {
  readonly p: number;
  readonly q: number;
  readonly r: number;
  readonly seed: number;
}

type Step = (graph: GraphSketch, x: SketchTensor, choices: Choices) => void;

/** Larger tensors make tests slow. */
const LARGEST = 256;
/** Deeper products grow beyond what float32 keeps. */
const MOST_PRODUCTS = 2;

const pooled = (extent: number, kernel: number, stride: number, pads: number, dilation = 1): number =>
  Math.floor((extent + pads - dilation * (kernel - 1) - 1) / stride) + 1;

const normalised = (axis: number, rank: number): number => axis % rank;

/** Of [1, C, H, W] only. */
const SPATIAL: Readonly<Record<string, Step>> = {
  Conv(graph, x, { p, q, r, seed }) {
    const [, c, h, w] = x.shape as [number, number, number, number];
    const [kernel, stride, pad, dilation] = [1 + (p % 3), 1 + (q % 2), r % 2, 1 + (q % 3 === 2 ? 1 : 0)];
    const group = r % 3 === 2 ? c : 1;
    const outputs = group === 1 ? 1 + (seed % 4) : c;
    const extents = [h, w].map((extent) => pooled(extent, kernel, stride, 2 * pad, dilation));
    if (extents.some((extent) => extent < 1)) return;
    const weights = graph.weights([outputs, c / group, kernel, kernel], seed, (c / group) * kernel * kernel);
    graph.add('Conv', [x, weights, graph.weights([outputs], seed + 1)], [1, outputs, ...extents], {
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
      dilations: [dilation, dilation],
      group,
    });
  },
  ConvTranspose(graph, x, { p, q, seed }) {
    const [, c, h, w] = x.shape as [number, number, number, number];
    const [kernel, stride] = [1 + (p % 3), 1 + (q % 2)];
    const outputs = 1 + (seed % 2);
    const extents = [h, w].map((extent) => stride * (extent - 1) + kernel);
    const weights = graph.weights([c, outputs, kernel, kernel], seed, c * kernel * kernel);
    graph.add('ConvTranspose', [x, weights], [1, outputs, ...extents], { strides: [stride, stride] });
  },
  AveragePool(graph, x, { p, q, r }) {
    const [, c, h, w] = x.shape as [number, number, number, number];
    const [kernel, stride] = [2 + (p % 2), 1 + (q % 2)];
    const pad = r % 2;
    const extents = [h, w].map((extent) => pooled(extent, kernel, stride, 2 * pad));
    if (extents.some((extent) => extent < 1)) return;
    graph.add('AveragePool', [x], [1, c, ...extents], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
      count_include_pad: q % 3 === 0 ? 1 : 0,
    });
  },
  GlobalAveragePool(graph, x) {
    graph.add('GlobalAveragePool', [x], [1, x.shape[1]!, 1, 1]);
  },
  BatchNormalization(graph, x, { seed }) {
    const c = x.shape[1]!;
    const variance = tensor(
      [c],
      Array.from({ length: c }, (_, i) => 0.5 + ((seed + i) % 5) / 4),
    );
    const [scale, shift, mean] = [1, 2, 3].map((offset) => graph.weights([c], seed + offset));
    graph.add('BatchNormalization', [x, scale!, shift!, mean!, graph.constant(variance)], x.shape);
  },
  Resize(graph, x, { p, q }) {
    const [, c, h, w] = x.shape as [number, number, number, number];
    const scale = 2 + (p % 2);
    const scales = graph.parameter(tensor([4], [1, 1, scale, scale]));
    const modes = [
      { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
      { mode: 'linear', coordinate_transformation_mode: 'half_pixel' },
      { mode: 'linear', coordinate_transformation_mode: 'align_corners' },
    ];
    graph.add('Resize', [x, '', scales], [1, c, h * scale, w * scale], modes[q % 3]);
  },
  DepthToSpace(graph, x, { p }) {
    const [, c, h, w] = x.shape as [number, number, number, number];
    if (c % 4 !== 0) return;
    const attributes = { blocksize: 2, mode: p % 2 === 0 ? 'DCR' : 'CRD' };
    graph.add('DepthToSpace', [x], [1, c / 4, 2 * h, 2 * w], attributes);
  },
  SpaceToDepth(graph, x) {
    const [, c, h, w] = x.shape as [number, number, number, number];
    if (h % 2 !== 0 || w % 2 !== 0) return;
    graph.add('SpaceToDepth', [x], [1, 4 * c, h / 2, w / 2], { blocksize: 2 });
  },
};

const GENERAL: Readonly<Record<string, Step>> = {
  Affine(graph, x, { p, q, seed }) {
    const op = ['Add', 'Sub', 'Mul', 'Div'][p % 4]!;
    // A whole tensor, one value for each channel, or one for all.
    const shape = [x.shape, x.shape.map((extent, axis) => (axis === 1 ? extent : 1)), []][q % 3]!;
    // Divisors stay away from zero.
    const values = Array.from(
      { length: sizeOf(shape) },
      (_, i) => (0.75 + ((seed + i) % 7) / 8) * (i % 2 === 0 ? 1 : -1),
    );
    const constant = graph.constant(tensor(shape, values));
    const swapped = op !== 'Div' && seed % 2 === 1;
    graph.add(op, swapped ? [constant, x] : [x, constant], x.shape);
  },
  Sum(graph, x, { p, q }) {
    const op = ['Add', 'Sub', 'Sum', 'Mean'][p % 4]!;
    graph.add(op, [x, graph.sibling(x, q)], x.shape);
  },
  Product(graph, x, { q }) {
    const other = graph.sibling(x, q);
    if (Math.max(x.products, other.products) >= MOST_PRODUCTS) return;
    graph.add('Mul', [x, other], x.shape);
  },
  Power(graph, x, { p, q }) {
    const exponent = 2 + (p % 2);
    if (x.products >= MOST_PRODUCTS) return;
    const constant = graph.constant(integers(exponent));
    const real =
      q % 2 === 0 ? graph.cast('Cast', [constant], { to: 1 }) : graph.cast('CastLike', [constant, x.name]);
    graph.add('Pow', [x, real], x.shape);
  },
  Where(graph, x, { p, q, seed }) {
    const mask = tensor(
      x.shape,
      Array.from({ length: sizeOf(x.shape) }, (_, i) => ((i + seed) % (2 + (p % 3)) === 0 ? 1 : 0)),
      'bool',
    );
    const other = q % 2 === 0 ? graph.sibling(x, q) : graph.weights(x.shape, seed);
    graph.add('Where', [graph.constant(mask), x, other], x.shape);
  },
  Unary(graph, x, { p }) {
    graph.add(['Neg', 'Identity'][p % 2]!, [x], x.shape);
  },
  Gemm(graph, x, { p, seed }) {
    if (x.shape.length !== 2) return;
    const [inputs, outputs] = [x.shape[1]!, 1 + (seed % 8)];
    const transposed = p % 2;
    const weights = graph.weights(transposed === 1 ? [outputs, inputs] : [inputs, outputs], seed, inputs);
    graph.add('Gemm', [x, weights, graph.weights([outputs], seed + 1)], [x.shape[0]!, outputs], {
      transB: transposed,
    });
  },
  MatMul(graph, x, { seed }) {
    const inputs = x.shape.at(-1)!;
    const outputs = 1 + (seed % 6);
    graph.add(
      'MatMul',
      [x, graph.weights([inputs, outputs], seed, inputs)],
      [...x.shape.slice(0, -1), outputs],
    );
  },
  Flatten(graph, x) {
    graph.add('Flatten', [x], [x.shape[0]!, sizeOf(x.shape) / x.shape[0]!]);
  },
  Reshape(graph, x) {
    // To a plane or back to a square picture.
    const size = sizeOf(x.shape);
    const side = Math.floor(Math.sqrt(size));
    const shape = side * side === size ? [1, 1, side, side] : [1, size];
    graph.add('Reshape', [x, graph.constant(integers(...shape.slice(0, -1), -1))], shape);
  },
  Transpose(graph, x, { p }) {
    const rank = x.shape.length;
    if (rank < 3) return;
    const [a, b] = [1 + (p % (rank - 1)), 1 + ((p + 1) % (rank - 1))];
    const perm = x.shape.map((_, axis) => (axis === a ? b : axis === b ? a : axis));
    graph.add(
      'Transpose',
      [x],
      perm.map((axis) => x.shape[axis]!),
      { perm },
    );
  },
  Slice(graph, x, { p, q, r }) {
    const axis = normalised(p, x.shape.length);
    const extent = x.shape[axis]!;
    if (extent < 2) return;
    const backwards = r % 2 === 1;
    const first = backwards ? extent - 1 - (q % (extent - 1)) : q % (extent - 1);
    const step = (1 + (r % 3)) * (backwards ? -1 : 1);
    const left = Math.ceil((backwards ? first + 1 : extent - first) / Math.abs(step));
    const end = backwards ? -(2 ** 31) : 2 ** 31 - 1;
    const parts = [[first], [end], [axis], [step]].map((list) => graph.constant(integers(...list)));
    graph.add('Slice', [x, ...parts], replaceAt(x.shape, axis, left));
  },
  Pad(graph, x, { p, q, r }) {
    const axis = normalised(p, x.shape.length);
    const extent = x.shape[axis]!;
    const mode = ['constant', 'edge', 'reflect', 'wrap'][r % 4]!;
    const [before, after] = [q % 3, (q + r) % 2];
    if (Math.max(before, after) >= extent) return;
    const pads = x.shape.map((_, a) => (a === axis ? before : 0));
    pads.push(...x.shape.map((_, a) => (a === axis ? after : 0)));
    const value = mode === 'constant' ? [graph.constant(tensor([], [0.5]))] : [];
    graph.add(
      'Pad',
      [x, graph.constant(integers(...pads)), ...value],
      replaceAt(x.shape, axis, extent + before + after),
      {
        mode,
      },
    );
  },
  Concat(graph, x, { p, q }) {
    const axis = normalised(p, x.shape.length);
    graph.add('Concat', [x, graph.sibling(x, q)], replaceAt(x.shape, axis, 2 * x.shape[axis]!), { axis });
  },
  Split(graph, x, { p, q }) {
    const axis = normalised(p, x.shape.length);
    const extent = x.shape[axis]!;
    if (extent < 2) return;
    const first = 1 + (q % (extent - 1));
    const parts = [first, extent - first];
    const shapes = parts.map((part) => replaceAt(x.shape, axis, part));
    graph.add('Split', [x, graph.constant(integers(...parts))], shapes, { axis });
  },
  Gather(graph, x, { p, q, r }) {
    const axis = normalised(p, x.shape.length);
    const extent = x.shape[axis]!;
    const indices = [q % extent, -1 - (r % extent)];
    graph.add('Gather', [x, graph.constant(integers(...indices))], replaceAt(x.shape, axis, 2), { axis });
  },
  Tile(graph, x, { p }) {
    const axis = normalised(p, x.shape.length);
    const repeats = x.shape.map((_, a) => (a === axis ? 2 : 1));
    graph.add(
      'Tile',
      [x, graph.constant(integers(...repeats))],
      replaceAt(x.shape, axis, 2 * x.shape[axis]!),
    );
  },
  Reduce(graph, x, { p, q }) {
    const axis = normalised(p, x.shape.length);
    const op = q % 2 === 0 ? 'ReduceMean' : 'ReduceSum';
    graph.add(op, [x, graph.constant(integers(axis))], replaceAt(x.shape, axis, 1), { keepdims: 1 });
  },
  Unsqueeze(graph, x) {
    if (x.shape.length >= 4) return;
    graph.add('Unsqueeze', [x, graph.constant(integers(1))], [x.shape[0]!, 1, ...x.shape.slice(1)]);
  },
};

function replaceAt(shape: Shape, axis: number, extent: number): Shape {
  return shape.map((own, a) => (a === axis ? extent : own));
}

export const STEPS: readonly (readonly [name: string, step: Step])[] = [
  ...Object.entries(GENERAL),
  ...Object.entries(SPATIAL).map(([name, step]): [string, Step] => [
    name,
    (graph, x, choices) => {
      if (x.shape.length === 4 && x.shape[0] === 1) step(graph, x, choices);
    },
  ]),
];

/** Adds a step unless the tensor is too large for it already. */
export function applyStep(graph: GraphSketch, index: number, x: SketchTensor, choices: Choices): void {
  if (sizeOf(x.shape) <= LARGEST) STEPS[index % STEPS.length]![1](graph, x, choices);
}

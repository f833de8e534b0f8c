import { SparseMatrixBuilder } from '../../linear/sparse-matrix.ts';
import type { AxisWeights, Interpolation, ResizeAxis } from '../interpolation.ts';
import { axisWeights } from '../interpolation.ts';
import type { NodeView } from '../node-view.ts';
import type { LinearDefinition, Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sizeOf, stridesOf } from '../shapes.ts';

/** Geometry of every axis; axes that are not resized have scale 1. */
function resizeAxes(view: NodeView): ResizeAxis[] {
  const shape = view.shape(0);
  const given = view.numbers('axes') ?? shape.map((_, axis) => axis);
  const axes = view.axes(given, shape.length);
  const roi = view.hasInput(1) ? view.parameter(1).data : new Float64Array();
  const sizes = view.hasInput(3) ? view.integers(3)! : null;
  const scales =
    sizes === null ? Array.from(view.parameter(2).data) : sizes.map((size, k) => size / shape[axes[k]!]!);
  if (scales.length !== axes.length || scales.some((scale) => !(scale > 0) || !Number.isFinite(scale))) {
    view.fail('INVALID_PARAMETER', `${axes.length} positive scales or sizes are needed`);
  }
  const policy = view.string('keep_aspect_ratio_policy');
  const common = policy === 'not_larger' ? Math.min(...scales) : Math.max(...scales);
  const result: ResizeAxis[] = shape.map((input) => ({ input, output: input, scale: 1, roi: [0, 1] }));
  for (const [k, axis] of axes.entries()) {
    const input = shape[axis]!;
    const keepRatio = sizes !== null && policy !== 'stretch';
    const scale = keepRatio ? common : scales[k]!;
    const output = keepRatio
      ? Math.floor(scale * input + 0.5)
      : sizes === null
        ? Math.floor(input * scale)
        : sizes[k]!;
    if (output < 1) view.fail('INVALID_SHAPE', `axis ${axis} would have no elements left`);
    result[axis] = { input, output, scale, roi: [roi[k] ?? 0, roi[k + axes.length] ?? 1] };
  }
  return result;
}

function interpolation(view: NodeView): Interpolation {
  return {
    mode: view.string('mode'),
    coordinates: view.string('coordinate_transformation_mode'),
    nearest: view.string('nearest_mode'),
    cubicCoefficient: view.number('cubic_coeff_a'),
    excludeOutside: view.number('exclude_outside') === 1,
    antialias: view.number('antialias') === 1,
  };
}

function linear(view: NodeView): LinearDefinition {
  const axes = resizeAxes(view);
  const how = interpolation(view);
  const along: AxisWeights[][] = axes.map((axis) =>
    Array.from({ length: axis.output }, (_, x) => axisWeights(axis, how, x)),
  );
  const strides = stridesOf(view.shape(0));
  const output = view.outputShape(0);
  const outStrides = stridesOf(output);
  const builder = new SparseMatrixBuilder(sizeOf(output), sizeOf(view.shape(0)));
  const bias = new Float64Array(sizeOf(output));
  for (let element = 0; element < bias.length; element++) {
    let partial: [number, number][] = [[0, 1]];
    for (const [axis, positions] of along.entries()) {
      const weights = positions[Math.floor(element / outStrides[axis]!) % output[axis]!];
      if (weights === null || weights === undefined) {
        bias[element] = view.number('extrapolation_value');
        partial = [];
        break;
      }
      partial = partial.flatMap(([offset, factor]) =>
        weights.map(([tap, weight]): [number, number] => [offset + tap * strides[axis]!, factor * weight]),
      );
    }
    for (const [column, weight] of partial) builder.add(column, weight);
    builder.endRow();
  }
  return {
    terms: [{ input: 0, matrix: builder.build() }],
    bias: bias.some((value) => value !== 0) ? bias : null,
  };
}

export const resize: Operator = {
  name: 'Resize',
  specUrl: specUrl('Resize'),
  since: [10, 11, 13, 18, 19],
  summary: 'nearest, linear and cubic interpolation in every coordinate mode, antialias included',
  limits:
    'scales or sizes must be constant; align_corners with scales as in the specification (onnxruntime rounds the size first)',
  category: 'linear',
  inputs: [1, 4],
  attributes: {
    antialias: { kind: 'int', default: 0, values: [0, 1] },
    axes: { kind: 'ints' },
    coordinate_transformation_mode: {
      kind: 'string',
      default: 'half_pixel',
      values: [
        'half_pixel',
        'half_pixel_symmetric',
        'pytorch_half_pixel',
        'align_corners',
        'asymmetric',
        'tf_crop_and_resize',
      ],
    },
    cubic_coeff_a: { kind: 'float', default: -0.75 },
    exclude_outside: { kind: 'int', default: 0, values: [0, 1] },
    extrapolation_value: { kind: 'float', default: 0 },
    keep_aspect_ratio_policy: {
      kind: 'string',
      default: 'stretch',
      values: ['stretch', 'not_larger', 'not_smaller'],
    },
    mode: { kind: 'string', default: 'nearest', values: ['nearest', 'linear', 'cubic'] },
    nearest_mode: {
      kind: 'string',
      default: 'round_prefer_floor',
      values: ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'],
    },
  },
  parameters: [1, 2, 3],
  upgrade: (node) => {
    // Exporters write empty tensors for absent inputs.
    node.inputs = node.inputs.map((name, index) =>
      index > 0 && node.scope.constant(name)?.data.length === 0 ? '' : name,
    );
    if (node.opset >= 11) return;
    node.inputs = [node.inputs[0] ?? '', '', node.inputs[1] ?? ''];
    node.attributes.set('coordinate_transformation_mode', 'asymmetric');
    node.attributes.set('nearest_mode', 'floor');
  },
  inferShapes: (view) => [resizeAxes(view).map((axis) => axis.output)],
  behaviour: (view) => ({ kind: 'linear', linear: () => linear(view) }),
  keepsBatch: (view) => resizeAxes(view)[0]!.scale === 1,
};

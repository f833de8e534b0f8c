/** Operators that move, repeat or interpolate elements. */
import { float, integers, tensor } from './model-builder.ts';
import type { OperatorCase } from './operator-case.ts';
import { IMAGE, scalar, w } from './operator-case.ts';

export const MOVEMENT: readonly OperatorCase[] = [
  { op: 'Identity', what: '', inputs: [IMAGE] },
  { op: 'Dropout', what: 'ratio attribute', opset: 10, inputs: [IMAGE], attributes: { ratio: float(0.4) } },
  { op: 'Dropout', what: 'ratio input', inputs: [IMAGE, scalar(0.4)] },
  { op: 'Cast', what: 'to float', inputs: [IMAGE], attributes: { to: 1 } },
  { op: 'Flatten', what: 'axis 2', inputs: [IMAGE], attributes: { axis: 2 } },
  { op: 'Flatten', what: 'axis −1', inputs: [IMAGE], attributes: { axis: -1 } },
  { op: 'Reshape', what: '0 and −1', inputs: [IMAGE, integers(0, -1, 2)] },
  { op: 'Squeeze', what: 'axes as input', inputs: [[1, 3, 1, 2], integers(-2)] },
  {
    op: 'Squeeze',
    what: 'axes as attribute',
    opset: 11,
    inputs: [[1, 3, 1, 2]],
    attributes: { axes: [0, 2] },
  },
  { op: 'Squeeze', what: 'all', inputs: [[1, 3, 1, 2]] },
  { op: 'Unsqueeze', what: 'axes as input', inputs: [[3, 2], integers(-1, 0)] },
  { op: 'Unsqueeze', what: 'axes as attribute', opset: 11, inputs: [[3, 2]], attributes: { axes: [1, 3] } },
  { op: 'Transpose', what: 'perm', inputs: [[2, 3, 4]], attributes: { perm: [2, 0, 1] } },
  { op: 'Transpose', what: 'default', inputs: [[2, 3, 4]] },
  {
    op: 'Pad',
    what: 'constant, with axes and value',
    inputs: [IMAGE, integers(1, -2, 0, 3), scalar(0.5), integers(3, 2)],
  },
  {
    op: 'Pad',
    what: 'attributes (opset 2)',
    opset: 10,
    inputs: [IMAGE],
    attributes: { pads: [0, 0, 1, 2, 0, 1, 3, 0], value: float(1.5) },
  },
  {
    op: 'Pad',
    what: 'reflect',
    inputs: [IMAGE, integers(0, 0, 3, 2, 0, 0, 1, 4)],
    attributes: { mode: 'reflect' },
  },
  {
    op: 'Pad',
    what: 'edge',
    inputs: [IMAGE, integers(0, 0, 3, 2, 0, 0, 1, 4)],
    attributes: { mode: 'edge' },
  },
  {
    op: 'Pad',
    what: 'wrap',
    inputs: [IMAGE, integers(0, 0, 3, 2, 0, 0, 1, 4)],
    attributes: { mode: 'wrap' },
  },
  ...['reflect', 'edge', 'wrap'].map((mode): OperatorCase => ({
    op: 'Pad',
    what: `${mode}, cropping the other side`,
    inputs: [IMAGE, integers(0, 0, -2, 3, 0, 0, 3, -1)],
    attributes: { mode },
  })),
  {
    op: 'Concat',
    what: 'with a constant',
    inputs: [IMAGE, w([1, 4, 7, 2]), [1, 4, 7, 1]],
    attributes: { axis: -1 },
  },
  {
    op: 'Slice',
    what: 'negative steps',
    inputs: [IMAGE, integers(-1, 5), integers(-100, 0), integers(3, -2), integers(-1, -2)],
  },
  {
    op: 'Slice',
    what: 'attributes (opset 1)',
    opset: 9,
    inputs: [IMAGE],
    attributes: { starts: [1, -3], ends: [100, -1], axes: [1, 2] },
  },
  {
    op: 'Split',
    what: 'given parts',
    inputs: [IMAGE, integers(2, 1, 4)],
    attributes: { axis: 2 },
    outputs: 3,
  },
  {
    op: 'Split',
    what: 'num_outputs, uneven',
    inputs: [IMAGE],
    attributes: { axis: 2, num_outputs: 3 },
    outputs: 3,
  },
  {
    op: 'Split',
    what: 'attribute (opset 2)',
    opset: 11,
    inputs: [IMAGE],
    attributes: { axis: -1, split: [1, 5] },
    outputs: 2,
  },
  {
    op: 'Gather',
    what: 'negative indices',
    inputs: [IMAGE, tensor([2, 2], [-1, 0, 2, 1], 'int')],
    attributes: { axis: 2 },
  },
  { op: 'Expand', what: 'both ways', inputs: [[3, 1, 2], integers(2, 1, 4, 1)] },
  { op: 'Tile', what: '', inputs: [[2, 3], integers(2, 3)] },
  { op: 'Trilu', what: 'lower', inputs: [[2, 4, 3], tensor([], [1], 'int')], attributes: { upper: 0 } },
  { op: 'DepthToSpace', what: 'DCR', inputs: [[1, 8, 2, 3]], attributes: { blocksize: 2 } },
  { op: 'DepthToSpace', what: 'CRD', inputs: [[1, 8, 2, 3]], attributes: { blocksize: 2, mode: 'CRD' } },
  { op: 'SpaceToDepth', what: '', inputs: [[1, 2, 4, 6]], attributes: { blocksize: 2 } },
  {
    op: 'Upsample',
    what: 'scales as input',
    opset: 9,
    inputs: [IMAGE, tensor([4], [1, 1, 2, 3])],
    attributes: { mode: 'nearest' },
  },
  {
    op: 'Upsample',
    what: 'scales as attribute',
    opset: 8,
    inputs: [IMAGE],
    attributes: { mode: 'linear', scales: [1, 1, 2.5, 1.5] },
  },
];

export const RESIZE: readonly OperatorCase[] = [
  ...['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric', 'half_pixel_symmetric'].flatMap(
    (mode): OperatorCase[] => [
      {
        op: 'Resize',
        what: `linear, ${mode}, scales`,
        // With align_corners, onnxruntime differs from the specification where a scaled size is a fraction.
        inputs: [IMAGE, '', tensor([4], mode === 'align_corners' ? [1, 1, 2, 0.5] : [1, 1, 1.7, 0.6])],
        attributes: { mode: 'linear', coordinate_transformation_mode: mode },
      },
      {
        op: 'Resize',
        what: `nearest ceil, ${mode}, sizes`,
        inputs: [IMAGE, '', '', integers(1, 4, 12, 4)],
        attributes: { mode: 'nearest', nearest_mode: 'ceil', coordinate_transformation_mode: mode },
      },
    ],
  ),
  {
    op: 'Resize',
    what: 'cubic, a, exclude_outside',
    inputs: [IMAGE, '', tensor([4], [1, 1, 2, 1.5])],
    attributes: { mode: 'cubic', cubic_coeff_a: float(-0.5), exclude_outside: 1 },
  },
  {
    op: 'Resize',
    what: 'antialias',
    inputs: [IMAGE, '', tensor([4], [1, 1, 0.5, 0.5])],
    attributes: { mode: 'linear', antialias: 1 },
  },
  {
    op: 'Resize',
    what: 'tf_crop_and_resize',
    inputs: [IMAGE, tensor([8], [0, 0, 0.4, -0.2, 1, 1, 0.9, 1.2]), '', integers(1, 4, 3, 5)],
    attributes: {
      mode: 'linear',
      coordinate_transformation_mode: 'tf_crop_and_resize',
      extrapolation_value: float(3),
    },
  },
  {
    op: 'Resize',
    what: 'opset 10',
    opset: 10,
    inputs: [IMAGE, tensor([4], [1, 1, 2, 1.5])],
    attributes: { mode: 'nearest' },
  },
  {
    op: 'Resize',
    what: 'axes, not_larger',
    inputs: [IMAGE, '', '', integers(14, 9)],
    attributes: { axes: [2, 3], keep_aspect_ratio_policy: 'not_larger' },
  },
];

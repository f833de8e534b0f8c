/** Dense layers and pooling. */
import { float, integers, tensor } from './model-builder.ts';
import type { OperatorCase } from './operator-case.ts';
import { IMAGE, positive, w } from './operator-case.ts';

export const DENSE: readonly OperatorCase[] = [
  {
    op: 'Conv',
    what: 'strides, asymmetric pads, dilations, groups',
    inputs: [[2, 4, 9, 8], w([6, 2, 3, 2]), w([6])],
    attributes: { strides: [2, 1], pads: [0, 1, 2, 3], dilations: [2, 3], group: 2 },
  },
  {
    op: 'Conv',
    what: 'SAME_UPPER, no bias',
    inputs: [IMAGE, w([3, 4, 4, 2])],
    attributes: { auto_pad: 'SAME_UPPER', strides: [2, 3] },
  },
  {
    op: 'Conv',
    what: 'SAME_LOWER (opset 7)',
    opset: 7,
    inputs: [IMAGE, w([3, 4, 2, 4])],
    attributes: { auto_pad: 'SAME_LOWER' },
  },
  {
    op: 'Conv',
    what: '1-D',
    inputs: [[1, 3, 11], w([2, 3, 4]), w([2])],
    attributes: { strides: [2], pads: [1, 2] },
  },
  {
    op: 'Conv',
    what: '3-D, depthwise',
    inputs: [[1, 2, 5, 4, 6], w([4, 1, 2, 3, 2])],
    attributes: { group: 2, strides: [1, 2, 1], pads: [0, 1, 0, 1, 0, 1] },
  },
  {
    op: 'ConvTranspose',
    what: 'strides, pads, output_padding, groups',
    inputs: [[2, 4, 4, 3], w([4, 2, 3, 2]), w([4])],
    attributes: { strides: [2, 3], pads: [1, 0, 0, 1], output_padding: [1, 2], group: 2, dilations: [1, 2] },
  },
  {
    op: 'ConvTranspose',
    what: 'output_shape',
    inputs: [[1, 2, 3, 3], w([2, 2, 3, 3])],
    attributes: { strides: [3, 2], output_shape: [10, 8] },
  },
  {
    op: 'ConvTranspose',
    what: 'SAME_UPPER',
    inputs: [[1, 2, 3, 3], w([2, 2, 3, 3])],
    attributes: { strides: [2, 2], auto_pad: 'SAME_UPPER' },
  },
  { op: 'ConvTranspose', what: '1-D', inputs: [[1, 2, 5], w([2, 3, 4])], attributes: { strides: [2] } },
  {
    op: 'Gemm',
    what: 'all attributes',
    inputs: [[3, 2], w([5, 3]), w([2, 1])],
    attributes: { alpha: float(0.5), beta: float(2), transA: 1, transB: 1 },
  },
  { op: 'Gemm', what: 'constant left, encrypted C', inputs: [w([2, 3]), [3, 4], [4]] },
  { op: 'Gemm', what: 'no C', inputs: [[2, 3], w([3, 4])] },
  { op: 'MatMul', what: 'constant right, batches', inputs: [[2, 1, 3, 4], w([5, 4, 2])] },
  { op: 'MatMul', what: 'constant left, batches', inputs: [w([2, 5, 3]), [3, 4]] },
  { op: 'MatMul', what: 'vectors', inputs: [[4], w([4, 3])] },
  { op: 'MatMul', what: 'constant vector', inputs: [[2, 3, 4], w([4])] },
  {
    op: 'BatchNormalization',
    what: 'epsilon',
    inputs: [IMAGE, w([4]), w([4]), w([4]), positive([4])],
    attributes: { epsilon: float(0.01) },
  },
  {
    op: 'CumSum',
    what: 'exclusive, reverse',
    inputs: [[2, 3, 4], tensor([], [-2], 'int')],
    attributes: { exclusive: 1, reverse: 1 },
  },
];

export const POOLING: readonly OperatorCase[] = [
  ...(['AveragePool', 'MaxPool'] as const).flatMap((op): OperatorCase[] => [
    {
      op,
      what: 'pads, strides',
      inputs: [IMAGE],
      attributes: { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 2, 1] },
    },
    {
      op,
      what: 'ceil_mode',
      inputs: [IMAGE],
      attributes: { kernel_shape: [2, 3], strides: [2, 2], ceil_mode: 1, pads: [0, 1, 0, 1] },
    },
    { op, what: 'dilations', inputs: [IMAGE], attributes: { kernel_shape: [2, 2], dilations: [3, 2] } },
    {
      op,
      what: 'SAME_UPPER',
      inputs: [IMAGE],
      attributes: { kernel_shape: [2, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' },
    },
    {
      op,
      what: 'SAME_LOWER',
      inputs: [IMAGE],
      attributes: { kernel_shape: [4, 3], strides: [2, 2], auto_pad: 'SAME_LOWER' },
    },
    {
      op,
      what: 'VALID, 1-D (opset 7)',
      opset: 7,
      inputs: [[2, 3, 9]],
      attributes: { kernel_shape: [4], strides: [3], auto_pad: 'VALID' },
    },
    {
      op,
      what: '3-D',
      inputs: [[1, 2, 4, 5, 6]],
      attributes: { kernel_shape: [2, 2, 3], strides: [1, 2, 2] },
    },
  ]),
  {
    op: 'AveragePool',
    what: 'count_include_pad',
    inputs: [IMAGE],
    attributes: { kernel_shape: [3, 3], pads: [1, 2, 2, 1], count_include_pad: 1, strides: [2, 2] },
  },
  {
    op: 'AveragePool',
    what: 'count_include_pad, ceil_mode',
    inputs: [IMAGE],
    attributes: {
      kernel_shape: [3, 3],
      pads: [1, 1, 1, 1],
      count_include_pad: 1,
      ceil_mode: 1,
      strides: [2, 3],
    },
  },
  { op: 'GlobalAveragePool', what: '', inputs: [[2, 3, 4, 5]] },
  { op: 'GlobalMaxPool', what: '', inputs: [[2, 3, 4, 5]] },
  { op: 'ReduceMean', what: 'axes as input', inputs: [IMAGE, integers(-1, 1)], attributes: { keepdims: 0 } },
  { op: 'ReduceMean', what: 'axes as attribute', opset: 13, inputs: [IMAGE], attributes: { axes: [2, 3] } },
  { op: 'ReduceMean', what: 'all axes', inputs: [IMAGE] },
  { op: 'ReduceSum', what: 'axes as input', inputs: [IMAGE, integers(2)], attributes: { keepdims: 0 } },
  { op: 'ReduceSum', what: 'axes as attribute', opset: 11, inputs: [IMAGE], attributes: { axes: [1] } },
];

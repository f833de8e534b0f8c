/** One-node models with non-default attributes, at the operator-set versions whose forms differ. */
import type { ConstantTensor } from '../../ir/tensor-graph.ts';
import { DENSE, POOLING } from './layer-cases.ts';
import type { TestAttribute } from './model-builder.ts';
import { float, integers, randomTensor, tensor } from './model-builder.ts';
import { MOVEMENT, RESIZE } from './movement-cases.ts';
import type { OperatorCase } from './operator-case.ts';
import { IMAGE, positive, scalar, w } from './operator-case.ts';

const ACTIVATIONS: readonly OperatorCase[] = [
  ['Abs', {}],
  ['Relu', {}],
  ['LeakyRelu', { alpha: float(0.3) }],
  ['Sigmoid', {}],
  ['Tanh', {}],
  ['HardSigmoid', { alpha: float(0.4), beta: float(0.3) }],
  ['HardSwish', {}],
  ['Elu', { alpha: float(0.7) }],
  ['Selu', { alpha: float(1.5), gamma: float(1.2) }],
  ['Celu', { alpha: float(0.6) }],
  ['Softplus', {}],
  ['Softsign', {}],
  ['Gelu', { approximate: 'tanh' }],
  ['Gelu', {}],
  ['Mish', {}],
  ['ThresholdedRelu', { alpha: float(0.8) }],
  ['Exp', {}],
  ['Erf', {}],
  ['Sin', {}],
  ['Cos', {}],
].map(([op, attributes]) => ({
  op: op as string,
  what: JSON.stringify(attributes),
  inputs: [IMAGE],
  attributes: attributes as Record<string, TestAttribute>,
  scale: 4,
}));

const ARITHMETIC: readonly OperatorCase[] = [
  { op: 'Sqrt', what: 'positive', inputs: [IMAGE], positive: true },
  { op: 'Log', what: 'positive', inputs: [IMAGE], positive: true, scale: 3 },
  { op: 'Reciprocal', what: 'positive', inputs: [IMAGE], positive: true, scale: 3 },
  { op: 'PRelu', what: 'one slope', inputs: [IMAGE, tensor([1, 1, 1], [0.2])] },
  { op: 'PRelu', what: 'slope per channel', inputs: [IMAGE, w([4, 1, 1])] },
  { op: 'Clip', what: 'inputs', inputs: [IMAGE, scalar(-0.2), scalar(0.6)] },
  { op: 'Clip', what: 'max only', inputs: [IMAGE, '', scalar(0.6)] },
  {
    op: 'Clip',
    what: 'attributes (opset 6)',
    opset: 10,
    inputs: [IMAGE],
    attributes: { min: float(-0.1), max: float(0.5) },
  },
  { op: 'Max', what: 'constant first', inputs: [scalar(0.1), IMAGE] },
  { op: 'Min', what: 'two bounds', inputs: [IMAGE, scalar(0.1), scalar(0.2)] },
  { op: 'Pow', what: 'cube', inputs: [IMAGE, scalar(3)] },
  { op: 'Pow', what: 'fraction', inputs: [IMAGE, scalar(1.5)], positive: true },
  { op: 'Add', what: 'two encrypted, broadcast', inputs: [IMAGE, [4, 1, 6]] },
  { op: 'Add', what: 'constant left', inputs: [w([7, 1]), IMAGE] },
  { op: 'Sub', what: 'constant left, enlarging', inputs: [w([3, 1, 1, 1]), IMAGE] },
  { op: 'Mul', what: 'constant per channel', inputs: [IMAGE, w([4, 1, 1])] },
  { op: 'Mul', what: 'product', inputs: [IMAGE, IMAGE] },
  { op: 'Div', what: 'by a constant per column', inputs: [IMAGE, positive([6])] },
  { op: 'Div', what: 'of a constant', inputs: [w([6]), IMAGE], positive: true, scale: 3 },
  { op: 'Neg', what: '', inputs: [IMAGE] },
  { op: 'Sum', what: 'three inputs', inputs: [IMAGE, [6], w([4, 1, 1])] },
  { op: 'Mean', what: 'two inputs', inputs: [IMAGE, IMAGE] },
  {
    op: 'Where',
    what: 'constant mask',
    inputs: [tensor([6], [1, 0, 1, 1, 0, 0], 'bool'), IMAGE, [1, 4, 7, 1]],
  },
];

const SMALL = [2, 3, 4];
const mask = (...values: number[]): ConstantTensor => tensor([values.length], values, 'bool');
/** Points inside and outside of the input. */
const GRID = randomTensor([2, 3, 3, 2], 5, 1.4);

/** Read as other operators: what is compared is the composition of these. */
const REWRITTEN: readonly OperatorCase[] = [
  ...['ReduceL1', 'ReduceL2', 'ReduceSumSquare', 'ReduceMax', 'ReduceMin', 'ReduceProd'].flatMap(
    (op): OperatorCase[] => [
      { op, what: 'axes as input', inputs: [SMALL, integers(-1, 0)], attributes: { keepdims: 0 } },
      { op, what: 'axes as attribute', opset: 12, inputs: [SMALL], attributes: { axes: [1] } },
      { op, what: 'all axes', inputs: [SMALL] },
    ],
  ),
  { op: 'ReduceLogSum', what: '', inputs: [SMALL, integers(1)], positive: true },
  { op: 'ReduceLogSumExp', what: '', inputs: [SMALL, integers(2)], attributes: { keepdims: 0 } },
  { op: 'LRN', what: '', inputs: [IMAGE], attributes: { size: 3, alpha: float(0.3), beta: float(0.6) } },
  { op: 'LRN', what: 'wide window', inputs: [[2, 6, 3, 2]], attributes: { size: 5, bias: float(1.5) } },
  {
    op: 'InstanceNormalization',
    what: '',
    inputs: [IMAGE, w([4]), w([4])],
    attributes: { epsilon: float(0.01) },
  },
  { op: 'LayerNormalization', what: '', inputs: [SMALL, w([3, 4]), w([3, 4])], attributes: { axis: 1 } },
  { op: 'LayerNormalization', what: 'no bias', inputs: [SMALL, w([4])] },
  {
    op: 'GroupNormalization',
    what: 'per channel',
    inputs: [IMAGE, w([4]), w([4])],
    attributes: { num_groups: 2 },
  },
  { op: 'MeanVarianceNormalization', what: '', inputs: [[2, 3, 3, 3]], attributes: { axes: [0, 2, 3] } },
  { op: 'LpNormalization', what: 'L2', inputs: [SMALL], attributes: { axis: 1, p: 2 } },
  { op: 'LpNormalization', what: 'L1', inputs: [SMALL], attributes: { axis: -1, p: 1 } },
  { op: 'Max', what: 'two encrypted, broadcast', inputs: [SMALL, [3, 1]] },
  { op: 'Min', what: 'two encrypted and a tensor', inputs: [SMALL, SMALL, w([4])] },
  { op: 'Max', what: 'against a tensor', inputs: [SMALL, w([3, 4])] },
  { op: 'Div', what: 'two encrypted', inputs: [SMALL, [4]], positive: true, scale: 2 },
  { op: 'Pow', what: 'encrypted exponent', inputs: [SMALL, [4]], positive: true, scale: 2 },
  { op: 'Pow', what: 'constant base', inputs: [positive([4]), SMALL] },
  { op: 'MatMul', what: 'two encrypted', inputs: [SMALL, [4, 5]] },
  { op: 'MatMul', what: 'two encrypted, batched', inputs: [SMALL, [2, 4, 2]] },
  { op: 'MatMul', what: 'encrypted vector right', inputs: [SMALL, [4]] },
  { op: 'MatMul', what: 'encrypted vector left', inputs: [[3], [2, 3, 4]] },
  { op: 'MatMul', what: 'encrypted vectors', inputs: [[3], [3]] },
  {
    op: 'Gemm',
    what: 'two encrypted',
    inputs: [[4, 3], [5, 4], [5]],
    attributes: { transA: 1, transB: 1, alpha: float(0.5), beta: float(2) },
  },
  {
    op: 'Einsum',
    what: 'constant matrix',
    inputs: [SMALL, w([4, 5])],
    attributes: { equation: 'bij,jk->bki' },
  },
  { op: 'Einsum', what: 'diagonal', inputs: [[3, 3, 2]], attributes: { equation: 'iij->ij' } },
  {
    op: 'Einsum',
    what: 'ellipsis',
    inputs: [w([5, 4]), [2, 3, 4]],
    attributes: { equation: 'kj,...j->...k' },
  },
  { op: 'Einsum', what: 'implicit result', inputs: [[3, 4], w([4, 2])], attributes: { equation: 'ij,jk' } },
  {
    op: 'Einsum',
    what: 'two encrypted',
    inputs: [SMALL, [2, 4, 3]],
    attributes: { equation: 'bij,bjk->bik' },
  },
  {
    op: 'GatherElements',
    what: '',
    inputs: [SMALL, tensor([2, 3, 2], [0, 1, 3, -1, 2, 2, 1, 0, 0, 3, 3, 1], 'int')],
    attributes: { axis: 2 },
  },
  { op: 'GatherND', what: 'tuples', inputs: [SMALL, tensor([2, 2], [0, 1, 1, -1], 'int')] },
  {
    op: 'GatherND',
    what: 'batch',
    inputs: [SMALL, tensor([2, 1], [2, 0], 'int')],
    attributes: { batch_dims: 1 },
  },
  { op: 'Compress', what: 'axis', inputs: [SMALL, mask(0, 1, 1)], attributes: { axis: 1 } },
  { op: 'Compress', what: 'flattened', inputs: [SMALL, mask(1, 0, 0, 1, 1, 0)] },
  {
    op: 'ReverseSequence',
    what: 'batch first',
    inputs: [SMALL, integers(1, 3)],
    attributes: { batch_axis: 0, time_axis: 1 },
  },
  { op: 'ReverseSequence', what: 'time first', inputs: [SMALL, integers(2, 0, 1)] },
  {
    op: 'MaxUnpool',
    what: '',
    inputs: [[1, 1, 2, 2], tensor([1, 1, 2, 2], [5, 6, 8, 15], 'int')],
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
  },
  ...['zeros', 'border', 'reflection'].flatMap((padding_mode) =>
    [0, 1].flatMap((align_corners) =>
      ['linear', 'nearest', 'cubic'].map((mode): OperatorCase => ({
        op: 'GridSample',
        what: `${mode}, ${padding_mode}, align_corners ${align_corners}`,
        inputs: [[2, 2, 4, 3], GRID],
        attributes: { mode, padding_mode, align_corners },
      })),
    ),
  ),
  {
    op: 'GridSample',
    what: 'opset 16',
    opset: 16,
    inputs: [[2, 2, 4, 3], GRID],
    attributes: { mode: 'bicubic' },
  },
];

const SMOOTH: readonly OperatorCase[] = ['Sinh', 'Cosh', 'Tan', 'Asin', 'Acos', 'Atan', 'Asinh', 'Atanh'].map(
  (op) => ({ op, what: 'small', inputs: [IMAGE], scale: 0.9 }),
);

const OTHERS: readonly OperatorCase[] = [
  { op: 'Shrink', what: 'soft', inputs: [IMAGE], attributes: { bias: float(0.3), lambd: float(0.3) } },
  { op: 'CastLike', what: '', inputs: [IMAGE, w([1])] },
  { op: 'Sign', what: '', inputs: [IMAGE] },
  ...[1, 2, 3, 4].map((n): OperatorCase => ({ op: 'Det', what: `${n} × ${n}`, inputs: [[2, 3, n, n]] })),
];

export const OPERATOR_CASES: readonly OperatorCase[] = [
  ...ACTIVATIONS,
  ...ARITHMETIC,
  ...DENSE,
  ...POOLING,
  ...MOVEMENT,
  ...RESIZE,
  ...REWRITTEN,
  ...SMOOTH,
  ...OTHERS,
];

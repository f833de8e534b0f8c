/** One-node models with non-default attributes, at the operator-set versions whose forms differ. */
import { DENSE, POOLING } from './layer-cases.ts';
import type { TestAttribute } from './model-builder.ts';
import { float, tensor } from './model-builder.ts';
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

export const OPERATOR_CASES: readonly OperatorCase[] = [
  ...ACTIVATIONS,
  ...ARITHMETIC,
  ...DENSE,
  ...POOLING,
  ...MOVEMENT,
  ...RESIZE,
];

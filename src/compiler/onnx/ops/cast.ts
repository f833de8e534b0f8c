import type { ConstantTensor } from '../../ir/tensor-graph.ts';
import { mapConstant } from '../kernels.ts';
import { reshaping } from '../reshaping.ts';

/** ONNX element types that a real number survives. */
const FLOATING: ReadonlySet<number> = new Set([1, 10, 11, 16]);
const INTEGERS: ReadonlySet<number> = new Set([2, 3, 4, 5, 6, 7, 12, 13]);
const BOOL = 9;

export const cast = reshaping({
  name: 'Cast',
  since: [6, 9, 13, 19, 21, 23, 24, 25],
  summary: 'between element types; encrypted values are real numbers, so only casts to floating point',
  limits: 'encrypted values only to floating point',
  inputs: [1, 1],
  attributes: { to: { kind: 'int', required: true }, saturate: { kind: 'int', default: 1 } },
  parameters: [],
  upgrade: (node) => {
    // Encrypted values have no element type that a cast to another floating-point one could change.
    if (node.isEncrypted(0) && FLOATING.has(node.number('to', 0))) node.become('Identity', [node.inputs[0]!]);
  },
  inferShapes: (view) => [view.shape(0)],
  check: (view) =>
    FLOATING.has(view.number('to')) || !view.isEncrypted(0)
      ? []
      : [
          {
            reason: 'encrypted values cannot be cast to integers or booleans',
            suggestion: 'keep the tensor in floating point, or cast after decryption',
          },
        ],
  evaluate: (view) => {
    const input = view.parameter(0);
    const to = view.number('to');
    const as = (type: ConstantTensor['type'], convert: (x: number) => number): ConstantTensor[] => [
      { ...mapConstant(input, convert), type },
    ];
    if (FLOATING.has(to)) return as('float', (x) => x);
    if (INTEGERS.has(to)) return as('int', Math.trunc);
    if (to === BOOL) return as('bool', (x) => (x === 0 ? 0 : 1));
    return view.fail('UNSUPPORTED_TYPE', `element type ${to} is not supported`);
  },
});

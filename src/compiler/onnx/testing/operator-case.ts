/** What a one-node test model is made of. */
import type { ConstantTensor, Shape } from '../../ir/tensor-graph.ts';
import type { TestAttribute } from './model-builder.ts';
import { randomTensor, tensor } from './model-builder.ts';

export interface OperatorCase {
  readonly op: string;
  readonly what: string;
  readonly opset?: number;
  /** Encrypted inputs are shapes, constants are tensors, '' is an absent input. */
  readonly inputs: readonly (Shape | ConstantTensor | '')[];
  readonly attributes?: Readonly<Record<string, TestAttribute>>;
  readonly outputs?: number;
  /** Inputs are drawn from (−scale, scale), or (0, scale) if `positive`. */
  readonly scale?: number;
  readonly positive?: boolean;
}

export const w = (shape: Shape): ConstantTensor => randomTensor(shape, 7);
export const scalar = (value: number): ConstantTensor => tensor([], [value]);
export const positive = (shape: Shape): ConstantTensor => ({
  ...w(shape),
  data: w(shape).data.map((x) => Math.abs(x) + 0.1),
});
export const IMAGE = [1, 4, 7, 6];

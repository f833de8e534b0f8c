/** A constant tensor. Integers are exact up to 2^53. Row-major. */
export interface ConstantTensor {
  readonly shape: readonly number[];
  readonly type: 'float' | 'int' | 'bool';
  readonly data: Float64Array;
}

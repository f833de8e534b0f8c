/** Describes operators that are only possible at the output, where the client applies them after decryption. */
import type { ClientOperator } from '../../program/signature.ts';
import type { AttributeSpec } from './attribute-spec.ts';
import type { Operator } from './operator.ts';
import { specUrl } from './operator.ts';
import type { NodeView } from './node-view.ts';

export interface ClientOptions {
  readonly name: 'Softmax' | 'LogSoftmax' | 'ArgMax' | 'Hardmax';
  readonly since: readonly number[];
  readonly summary: string;
  readonly attributes: Readonly<Record<string, AttributeSpec>>;
  readonly upgrade?: NonNullable<Operator['upgrade']>;
  readonly inferShapes: Operator['inferShapes'];
}

/** Takes a comparison of every pair of entries: there is no approximation of it. */
export function isComparison(op: string): boolean {
  return op === 'ArgMax' || op === 'Hardmax';
}

export function clientOperator(options: ClientOptions): Operator {
  const behaviour = (view: NodeView): ClientOperator => ({
    op: options.name,
    node: view.node.name,
    axis: view.axis(view.number('axis'), view.shape(0).length),
    ...(view.hasAttribute('keepdims') ? { keepDims: view.number('keepdims') !== 0 } : {}),
  });
  return {
    ...options,
    specUrl: specUrl(options.name),
    limits: isComparison(options.name)
      ? 'only at an output of the model: the client applies it after decryption'
      : 'at an output of the model the client applies it after decryption; elsewhere it is approximated on calibrated ranges',
    category: 'output',
    inputs: [1, 1],
    parameters: [],
    behaviour: (view) => ({ kind: 'client', operator: behaviour(view) }),
    keepsBatch: (view) => behaviour(view).axis !== 0,
  };
}

/** Describes operators that only change the shape: Reshape, Flatten, Squeeze, Unsqueeze, Identity, Dropout. */
import type { Operator } from './operator.ts';
import { specUrl } from './operator.ts';
import { unmoved } from './kernels.ts';

export type ReshapingOptions = Pick<
  Operator,
  'name' | 'since' | 'summary' | 'inputs' | 'attributes' | 'parameters' | 'inferShapes'
> &
  Partial<Pick<Operator, 'upgrade' | 'check' | 'evaluate' | 'limits'>>;

/** Names of the operators that a Reshape can stand for. */
export const RESHAPING_OPERATORS: ReadonlySet<string> = new Set([
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
]);

export function reshaping(options: ReshapingOptions): Operator {
  return {
    ...options,
    specUrl: specUrl(options.name),
    category: 'linear',
    behaviour: (view) => ({ kind: 'movement', movement: () => unmoved(view) }),
  };
}

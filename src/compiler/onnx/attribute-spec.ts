/** What an operator's description says of one of its attributes. */
import type { AttributeValue } from '../ir/tensor-graph.ts';

export type AttributeKind = 'int' | 'float' | 'string' | 'ints' | 'floats' | 'strings' | 'tensor';

export interface AttributeSpec {
  readonly kind: AttributeKind;
  /** Left out: the attribute is optional and its absence has a meaning of its own. */
  readonly default?: AttributeValue;
  readonly required?: boolean;
  /** Accepted values, if few. */
  readonly values?: readonly AttributeValue[];
}

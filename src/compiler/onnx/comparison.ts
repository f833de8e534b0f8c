/** Describes Greater, Less, …: of constants exact, of encrypted values (1 ± sign(a − b)) / 2. */
import { broadcastKeepsBatch, broadcastShape, combineConstants } from './kernels.ts';
import type { LegacyNode } from './legacy-node.ts';
import type { Operator } from './operator.ts';
import { specUrl } from './operator.ts';

export interface ComparisonOptions {
  readonly name: string;
  readonly since: readonly number[];
  readonly summary: string;
  readonly limits: string;
  readonly compare: (a: number, b: number) => boolean;
  /** Makes `node` the result from sign(a − b). */
  readonly fromSign: (node: LegacyNode, sign: string) => void;
}

export function comparison(options: ComparisonOptions): Operator {
  const { name, since, summary, limits, compare, fromSign } = options;
  return {
    name,
    specUrl: specUrl(name),
    since,
    summary,
    limits,
    category: 'activation',
    inputs: [2, 2],
    attributes: {},
    parameters: [],
    upgrade: (node) => {
      // Up to operator set 6 shapes had to be equal, which `broadcast` only relaxed.
      node.take('broadcast');
      if (node.take('axis') !== undefined) node.fail('the axis attribute of operator set 1 is not supported');
      if (!node.isEncrypted(0) && !node.isEncrypted(1)) return;
      fromSign(node, node.precede('Sign', [node.precede('Sub', [node.inputs[0]!, node.inputs[1]!])]));
    },
    inferShapes: (view) => [broadcastShape(view)],
    behaviour: () => ({ kind: 'constant' }),
    evaluate: (view) => combineConstants(view, (a, b) => (compare(a, b) ? 1 : 0), 'bool'),
    keepsBatch: broadcastKeepsBatch,
  };
}

/** Near ties the sign rises from −1 to 1, within about a thousandth of the range; of what is equal it is 0. */
const LIMITS = 'near ties: between 0 and 1';

/** 1 where `compare` holds: (1 + `direction` · sign(a − b)) / 2. */
export function ordering(
  name: string,
  since: readonly number[],
  symbol: string,
  direction: 1 | -1,
  compare: (a: number, b: number) => boolean,
): Operator {
  return comparison({
    name,
    since,
    summary: `1 where a ${symbol} b, else 0, by the sign of the difference`,
    limits: LIMITS,
    compare,
    fromSign: (node, sign) => {
      const half = node.precede('Mul', [sign, node.scalar('half', direction / 2)]);
      node.become('Add', [half, node.scalar('middle', 0.5)]);
    },
  });
}

/** Describes operators that are read as several others: normalisations, reductions of functions, quantisation. */
import { InternalError } from '../../errors.ts';
import type { LegacyNode } from './legacy-node.ts';
import type { Category, Operator } from './operator.ts';
import { specUrl } from './operator.ts';

export interface RewriteOptions {
  readonly name: string;
  readonly since: readonly number[];
  readonly summary: string;
  readonly limits?: string;
  readonly category: Category;
  readonly inputs: readonly [number, number];
  readonly attributes?: Operator['attributes'];
  readonly parameters?: readonly number[];
  /** Puts other nodes before this one and makes this one the last of them. Shapes of all inputs are known. */
  readonly rewrite: (node: LegacyNode) => void;
}

export function rewritten(options: RewriteOptions): Operator {
  const { rewrite, ...rest } = options;
  return {
    ...rest,
    specUrl: specUrl(options.name),
    attributes: options.attributes ?? {},
    parameters: options.parameters ?? [],
    upgrade: (node) => {
      const [least, most] = options.inputs;
      if (node.inputs.length < least || node.inputs.length > most)
        node.fail(
          `it has ${node.inputs.length} inputs, where ${least} to ${most} are expected`,
          'INVALID_NODE',
        );
      for (const name of node.attributes.keys()) {
        if (!Object.hasOwn(rest.attributes ?? {}, name)) node.fail(`attribute ${name} is not known`);
      }
      rewrite(node);
    },
    inferShapes: (view) => view.fail('INVALID_NODE', 'it could not be rewritten'),
    behaviour: () => {
      throw new InternalError(`${options.name} is always rewritten`);
    },
  };
}

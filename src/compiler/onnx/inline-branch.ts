/** If nodes whose condition is known when the model is read: exporters ask for sizes that static shapes answer. */
import { ImportError } from '../../errors.ts';
import type { ConstantTensor } from '../ir/tensor-graph.ts';
import type { DocumentGraph, DocumentNode } from './decode.ts';
import { isDefaultDomain } from './decode.ts';
import { sortNodes } from './sort-nodes.ts';
import { definedIn, renamed } from './subgraphs.ts';

export interface InlinedBranch {
  readonly constants: ReadonlyMap<string, ConstantTensor>;
  /** In topological order; the last ones define the outputs of the If. */
  readonly nodes: readonly DocumentNode[];
}

/** The branch that an If takes, or null if the node is another one or its condition is not known. */
export function takenBranch(
  { op, domain, inputs, subgraphs }: DocumentNode,
  constants: ReadonlyMap<string, ConstantTensor>,
): DocumentGraph | null {
  if (op !== 'If' || !isDefaultDomain(domain)) return null;
  const condition = constants.get(inputs[0] ?? '');
  if (condition?.data.length !== 1) return null;
  return subgraphs.get(condition.data[0] === 0 ? 'else_branch' : 'then_branch') ?? null;
}

/**
 * What to read in place of an If. Tensors are named afresh, since branches may use the same names as one another.
 * @throws ImportError INVALID_NODE if the branch makes too few or too many outputs, or what sorting throws
 */
export function inlineBranch(
  node: DocumentNode,
  branch: DocumentGraph,
  scope: { freshName(hint: string): string },
): InlinedBranch {
  if (branch.outputs.length !== node.outputs.length) {
    throw new ImportError(
      'INVALID_NODE',
      `node '${node.name}' has ${node.outputs.length} outputs, and its branch ${branch.outputs.length}`,
      { node: node.name, hint: 'export the model again' },
    );
  }
  const made = [...definedIn(branch)].filter((tensor) => tensor !== '');
  const names = new Map(made.map((tensor) => [tensor, scope.freshName(tensor)]));
  // Whatever the branch does not make comes from around it: sorting the whole graph has seen to that.
  const sorted = sortNodes(
    { ...branch, inputs: [], outputs: branch.outputs.map((name) => ({ name })) },
    { has: () => true },
  );
  const results = branch.outputs.map((tensor, index) => ({
    ...node,
    op: 'Identity',
    inputs: [names.get(tensor) ?? tensor],
    outputs: [node.outputs[index]!],
    subgraphs: new Map(),
  }));
  return {
    constants: new Map([...branch.initializers].map(([tensor, value]) => [names.get(tensor)!, value])),
    nodes: [
      ...sorted.map((inner) => renamed(inner, names)),
      ...results.filter(({ outputs }) => outputs[0] !== ''),
    ],
  };
}

/** Orders the nodes of a graph so that every tensor is made before it is used, and drops what no output needs. */
import { ImportError } from '../../errors.ts';
import type { ConstantTensor } from '../ir/tensor-graph.ts';
import type { DocumentNode } from './decode.ts';
import { dependenciesOf } from './subgraphs.ts';

export interface Sortable {
  readonly nodes: readonly DocumentNode[];
  readonly initializers: ReadonlyMap<string, ConstantTensor>;
  readonly inputs: readonly { readonly name: string }[];
  readonly outputs: readonly { readonly name: string }[];
}

/** Node that makes each tensor. */
function producers(document: Sortable): Map<string, DocumentNode> {
  const inputNames = new Set<string>();
  for (const input of document.inputs) {
    if (inputNames.has(input.name))
      throw new ImportError('DUPLICATE_NAME', `graph input '${input.name}' is listed twice`);
    inputNames.add(input.name);
  }
  const result = new Map<string, DocumentNode>();
  for (const node of document.nodes) {
    for (const output of node.outputs) {
      if (output === '') continue;
      if (result.has(output) || inputNames.has(output) || document.initializers.has(output)) {
        throw new ImportError('DUPLICATE_NAME', `tensor '${output}' is defined twice`, { node: node.name });
      }
      result.set(output, node);
    }
  }
  return result;
}

/**
 * The nodes that the outputs depend on, in topological order.
 * @param outer tensors of the graphs around this one
 * @throws ImportError DUPLICATE_NAME, MISSING_TENSOR or GRAPH_CYCLE
 */
export function sortNodes(
  document: Sortable,
  outer: { has(name: string): boolean } = new Set<string>(),
): DocumentNode[] {
  const makers = producers(document);
  const known = new Set([...document.inputs.map((input) => input.name), ...document.initializers.keys()]);
  const sorted: DocumentNode[] = [];
  const state = new Map<DocumentNode, 'open' | 'done'>();
  const visit = (tensor: string, user: string): DocumentNode | null => {
    if (tensor === '' || known.has(tensor)) return null;
    const node = makers.get(tensor);
    if (node === undefined) {
      if (outer.has(tensor)) return null;
      throw new ImportError('MISSING_TENSOR', `${user} needs tensor '${tensor}', which nothing makes`, {
        hint: 'the file is damaged or was cut out of a larger model',
      });
    }
    return state.get(node) === 'done' ? null : node;
  };
  for (const output of document.outputs) {
    // An explicit stack: files may be deeper than the call stack.
    const root = visit(output.name, 'a graph output');
    const stack = root === null ? [] : [{ node: root, needs: dependenciesOf(root), next: 0 }];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      state.set(top.node, 'open');
      if (top.next === top.needs.length) {
        stack.pop();
        state.set(top.node, 'done');
        sorted.push(top.node);
        continue;
      }
      const child = visit(top.needs[top.next++]!, `node '${top.node.name}'`);
      if (child === null) continue;
      if (state.get(child) === 'open') {
        throw new ImportError('GRAPH_CYCLE', `node '${child.name}' depends on its own result`, {
          node: child.name,
        });
      }
      stack.push({ node: child, needs: dependenciesOf(child), next: 0 });
    }
  }
  return sorted;
}

/** When no secure chain is long enough: how deep the model is, which layers cost what, and what would help. */
import { CompileError } from '../../errors.ts';
import { rescalesOf } from '../ir/linear-graph.ts';
import type { LeveledGraph } from '../ir/leveled-graph.ts';
import type { Backend } from '../options.ts';
import type { ParameterDemand } from '../passes/chain-demand.ts';
import { deepestChain, ringCandidates } from '../passes/select-parameters.ts';
import { encryptingTargets, targetOf } from '../targets/registry.ts';

/** The longest chains found so far: each takes a search for the primes of many. */
export class LongestChains {
  readonly #known = new Map<string, ReturnType<typeof deepestChain>>();

  of(
    { depth: _, refreshed: __, ...demand }: ParameterDemand,
    backend: Backend,
  ): ReturnType<typeof deepestChain> {
    const key = JSON.stringify([demand, backend]);
    let known = this.#known.get(key);
    if (known === undefined) this.#known.set(key, (known = deepestChain(demand, targetOf(backend))));
    return known;
  }
}

export function explainDepth(
  graph: LeveledGraph,
  demand: ParameterDemand,
  backend: Backend,
  longest = new LongestChains(),
): CompileError {
  const most = longest.of(demand, backend);
  const layers = graph.nodes
    .filter((node) => node.kind !== 'input')
    .map((node) => ({ node, cost: rescalesOf(node), level: graph.levels[node.id]! }));
  const activations = layers.filter(({ node }) => node.kind === 'polynomial');
  const spent = activations.reduce((sum, { cost }) => sum + cost, 0);
  const square = activations.length;
  const listed = layers.slice(0, 40).map(({ node, cost, level }) => ({
    code: 'LAYER_DEPTH',
    node: node.layer,
    message: `${node.kind === 'polynomial' ? `degree ${node.degree}` : node.kind}: ${cost} level${cost === 1 ? '' : 's'}, result at level ${level}`,
  }));
  const others = encryptingTargets().filter(
    (other) => other.name !== backend && ringCandidates(demand, other).next().done === false,
  );
  const hints = [
    spent > square
      ? `activations take up to ${spent} levels; degree 2 everywhere (--activation '*=degree:2') would take ${square}`
      : null,
    ...others.map(({ name, title }) => `${title} has longer chains: --backend ${name}`),
    demand.security > 128 ? 'a lower --security allows longer chains' : null,
    `--precision below ${demand.precision} allows smaller scales`,
    '--emit-polynomial and --backend cleartext verify the model without encryption; deeper circuits need refresh',
  ];
  return new CompileError(
    'DEPTH_EXCEEDED',
    `the model needs ${demand.depth} levels; at ${demand.security} bits of security and ${demand.precision} bits of precision ` +
      `the longest chain (N = ${most.polyModulusDegree}) has ${most.depth}`,
    {
      pass: 'select-parameters',
      hint: hints.filter((hint) => hint !== null).join('; '),
      diagnostics: listed,
    },
  );
}

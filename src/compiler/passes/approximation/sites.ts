/** Finds what has to be approximated: activations, max-pools, and pairs of them that are best fitted as one. */
import { CompileError } from '../../../errors.ts';
import { SIGN_PRECISIONS } from '../../approx/composite-sign.ts';
import type { TensorGraph, TensorNode } from '../../ir/tensor-graph.ts';
import { classify } from '../../onnx/classify.ts';
import type { ActivationChoice } from '../../options.ts';
import { encryptedInputs } from '../../reference/onnx-runner.ts';
import { MAX_DEGREE } from './degrees.ts';

/** Consecutive nodes replaced by one approximation. */
export interface ActivationSite {
  /** Names of the nodes joined by "+": the key of every choice. */
  readonly name: string;
  readonly nodes: readonly TensorNode[];
  readonly activation: TensorNode | null;
  readonly maxPool: TensorNode | null;
  readonly input: string;
  readonly output: string;
  /** Fixed by the user, or null if the search decides. */
  readonly fixed: ActivationChoice | null;
}

/**
 * An activation and a max-pool that follow one another with nothing in between form one site, in either order, unless
 * one of them is to be faithful (relu-composite, precision).
 * @throws CompileError UNKNOWN_ACTIVATION or INVALID_DEGREE for choices that fit no node
 */
export function findSites(
  graph: TensorGraph,
  choices: ReadonlyMap<string, ActivationChoice>,
): readonly ActivationSite[] {
  const consumers = new Map<string, TensorNode[]>();
  for (const node of graph.nodes) {
    for (const input of encryptedInputs(graph, node)) {
      const list = consumers.get(input);
      if (list === undefined) consumers.set(input, [node]);
      else list.push(node);
    }
  }
  const choiceOf = (node: TensorNode): ActivationChoice | null =>
    choices.get(node.name) ?? choices.get('*') ?? null;
  const kindOf = (node: TensorNode): 'activation' | 'max-pool' | null => {
    const kind = classify(graph, node);
    return kind === 'activation' || kind === 'max-pool' ? kind : null;
  };
  const sites: ActivationSite[] = [];
  const taken = new Set<TensorNode>();
  for (const node of graph.nodes) {
    const kind = kindOf(node);
    if (kind === null || taken.has(node)) continue;
    const nodes = [node];
    const output = node.outputs[0]!;
    const next = consumers.get(output)?.length === 1 ? consumers.get(output)![0]! : null;
    if (next !== null && !graph.outputs.includes(output)) {
      const nextKind = kindOf(next);
      const faithful = [node, next].some((each) => isFaithful(choiceOf(each)));
      if (nextKind !== null && nextKind !== kind && !faithful) nodes.push(next);
    }
    for (const each of nodes) taken.add(each);
    const ofKind = (wanted: string): TensorNode | null =>
      nodes.find((each) => kindOf(each) === wanted) ?? null;
    sites.push({
      name: nodes.map((each) => each.name).join('+'),
      nodes,
      activation: ofKind('activation'),
      maxPool: ofKind('max-pool'),
      input: encryptedInputs(graph, node)[0]!,
      output: nodes[nodes.length - 1]!.outputs[0]!,
      fixed:
        nodes.map((each) => choices.get(each.name)).find((choice) => choice !== undefined) ?? choiceOf(node),
    });
  }
  checkChoices(choices, sites);
  return sites;
}

/** Whether the choice approximates the activation as it is, not what follows from it. */
function isFaithful(choice: ActivationChoice | null): boolean {
  return choice?.kind === 'relu-composite' || choice?.kind === 'precision';
}

function checkChoices(
  choices: ReadonlyMap<string, ActivationChoice>,
  sites: readonly ActivationSite[],
): void {
  const names = new Set(sites.flatMap((site) => site.nodes.map((node) => node.name)));
  for (const [name, choice] of choices) {
    if (name !== '*' && !names.has(name)) {
      throw new CompileError(
        'UNKNOWN_ACTIVATION',
        `there is no activation to approximate at node '${name}'`,
        {
          node: name,
          hint: `the activations are: ${[...names].join(', ')}`,
        },
      );
    }
    const invalid =
      choice.kind === 'degree'
        ? !Number.isInteger(choice.degree) || choice.degree < 1 || choice.degree > MAX_DEGREE
        : choice.kind === 'relu-composite' && !SIGN_PRECISIONS.includes(choice.alpha);
    if (invalid) {
      throw new CompileError(
        'INVALID_DEGREE',
        choice.kind === 'degree'
          ? `degree must be an integer from 1 to ${MAX_DEGREE}, not ${choice.degree}`
          : `alpha must be an integer from 4 to 14`,
        { node: name },
      );
    }
  }
}

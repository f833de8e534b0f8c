/**
 * Concat(f(a), f(b), …) = f(Concat(a, b, …)): branches that end in the same activation (fire modules, inception blocks) get one behind
 * the concatenation. One polynomial and one refresh then serve values that may share a ciphertext, what makes the branches becomes
 * one linear map, and a max-pool that follows is fitted together with the activation. Polynomials have coefficients of their own for
 * each channel, so that nothing is lost along that axis; along others, the activations stay where they are.
 */
import type { ConstantTensor, TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import { behaviourOf } from '../onnx/classify.ts';
import { indexGraph, type GraphIndex } from '../onnx/graph-index.ts';
import { encryptedInputs } from '../reference/onnx-runner.ts';

const CHANNEL_AXIS = 1;

/** @param chosen names of nodes that somebody has made a choice for: these stay, and keep their names */
export function joinActivations(
  graph: TensorGraph,
  chosen: Pick<ReadonlySet<string>, 'has'> = new Set(),
): TensorGraph {
  let current = graph;
  for (let changed = true; changed;) {
    changed = false;
    const index = indexGraph(current);
    for (const node of current.nodes) {
      const activations = joinable(current, index, node);
      if (activations === null || activations.some(({ name }) => chosen.has(name))) continue;
      current = joined(current, node, activations);
      changed = true;
      break;
    }
  }
  return current;
}

/** The activations that all inputs of a concatenation come from, if they compute the same and nothing else reads them. */
function joinable(graph: TensorGraph, index: GraphIndex, node: TensorNode): TensorNode[] | null {
  const { op, inputs, attributes, outputs } = node;
  if (op !== 'Concat' || inputs.length < 2) return null;
  const axis = Number(attributes['axis']);
  if ((axis < 0 ? axis + shapeOf(graph, outputs[0]!).length : axis) !== CHANNEL_AXIS) return null;
  const makers: TensorNode[] = [];
  for (const input of inputs) {
    const maker = graph.nodes[index.makers.get(input) ?? -1];
    if (maker === undefined || behaviourOf(graph, maker).kind !== 'activation') return null;
    if (index.users.get(input)!.length !== 1 || index.outputs.has(input)) return null;
    if (makers.length > 0 && !computeTheSame(graph, makers[0]!, maker)) return null;
    makers.push(maker);
  }
  return makers;
}

function computeTheSame(graph: TensorGraph, a: TensorNode, b: TensorNode): boolean {
  if (a.op !== b.op || JSON.stringify(a.attributes) !== JSON.stringify(b.attributes)) return false;
  if (a.inputs.length !== b.inputs.length) return false;
  const [argument] = encryptedInputs(graph, a);
  return a.inputs.every((input, i) =>
    input === argument
      ? encryptedInputs(graph, b)[0] === b.inputs[i]
      : input === b.inputs[i] || isSameNumber(graph.constants.get(input), graph.constants.get(b.inputs[i]!)),
  );
}

function isSameNumber(a: ConstantTensor | undefined, b: ConstantTensor | undefined): boolean {
  return a?.data.length === 1 && b?.data.length === 1 && a.data[0] === b.data[0];
}

function joined(graph: TensorGraph, concat: TensorNode, activations: readonly TensorNode[]): TensorGraph {
  const [output] = concat.outputs;
  const arguments_ = `${output}_arguments`;
  const [first] = activations;
  const [argument] = encryptedInputs(graph, first!);
  const nodes = graph.nodes.flatMap((node): TensorNode[] => {
    if (activations.includes(node)) return [];
    if (node !== concat) return [node];
    const inputs = activations.map((each) => encryptedInputs(graph, each)[0]!);
    return [
      { ...concat, inputs, outputs: [arguments_] },
      {
        ...first!,
        name: activations.map(({ name }) => name).join('+'),
        inputs: first!.inputs.map((input) => (input === argument ? arguments_ : input)),
        outputs: [output!],
      },
    ];
  });
  const gone = new Set(concat.inputs);
  const shapes = new Map([...graph.shapes].filter(([name]) => !gone.has(name)));
  shapes.set(arguments_, shapeOf(graph, output!));
  return { ...graph, nodes, shapes };
}

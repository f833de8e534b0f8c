/** Collects the nodes, constants and shapes that replace part of a graph. */
import type {
  ConstantTensor,
  PolynomialAttributes,
  Shape,
  TensorGraph,
  TensorNode,
} from '../../ir/tensor-graph.ts';

export interface GraphFragment {
  readonly nodes: readonly TensorNode[];
  readonly constants: ReadonlyMap<string, ConstantTensor>;
  readonly shapes: ReadonlyMap<string, Shape>;
}

/** Builds a fragment; intermediate tensors and nodes are named `<prefix>/<what>`. */
export class FragmentBuilder implements GraphFragment {
  readonly nodes: TensorNode[] = [];
  readonly constants = new Map<string, ConstantTensor>();
  readonly shapes = new Map<string, Shape>();
  readonly #prefix: string;
  readonly #graph: TensorGraph;
  #count = 0;

  constructor(graph: TensorGraph, prefix: string) {
    this.#graph = graph;
    this.#prefix = prefix;
  }

  shapeOf(tensor: string): Shape {
    return this.shapes.get(tensor) ?? this.#graph.shapes.get(tensor)!;
  }

  constant(
    what: string,
    data: readonly number[],
    shape: Shape,
    type: ConstantTensor['type'] = 'float',
  ): string {
    const name = `${this.#prefix}/${what}-${this.#count++}`;
    this.constants.set(name, { shape, type, data: Float64Array.from(data) });
    return name;
  }

  /** Appends a node with one output, `output` or a new tensor; returns that tensor. */
  node(
    op: string,
    inputs: readonly string[],
    shape: Shape,
    attributes: TensorNode['attributes'] = {},
    output?: string,
  ): string {
    const name = `${this.#prefix}/${op.toLowerCase()}-${this.#count++}`;
    const result = output ?? name;
    this.nodes.push({ name, op, inputs, outputs: [result], attributes });
    this.shapes.set(result, shape);
    return result;
  }

  polynomial(input: string, attributes: PolynomialAttributes, output?: string): string {
    return this.node('Polynomial', [input], this.shapeOf(input), { ...attributes }, output);
  }
}

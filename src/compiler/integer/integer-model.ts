/**
 * An integer graph as an ONNX model over the reals: inputs rounded to their grid, matrices of rounded weights times their scales.
 * onnxruntime measures it over whole data sets, in float32; what it differs by from exact results is float32's rounding.
 */
import { InternalError } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import type { LinearNode, PolynomialNode } from '../ir/linear-graph.ts';
import type { ConstantTensor, Shape, TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import { GRAPH_OPSET } from '../onnx/operator.ts';
import type { IntegerGraph } from './quantise-graph.ts';

/** Matrices are written densely: 64 MiB of float32 in all, which deflates well. */
const MAX_ENTRIES = 2 ** 24;

/**
 * @param tensors the graph as it was imported, for names and shapes; one input at a time
 * @returns null where the matrices would be too large, or inputs come several at a time
 */
export function integerModel(integer: IntegerGraph, tensors: TensorGraph): TensorGraph | null {
  const entries = integer.graph.nodes.reduce(
    (sum, node) =>
      node.kind === 'linear'
        ? sum + node.terms.reduce((own, { matrix }) => own + matrix.rows * matrix.cols, 0)
        : sum,
    0,
  );
  const single = [...tensors.inputs, ...tensors.outputs].every((name) => {
    const shape = shapeOf(tensors, name);
    return shape.length >= 2 && shape[0] === 1;
  });
  return entries > MAX_ENTRIES || !single ? null : new IntegerModelBuilder(integer, tensors).build();
}

class IntegerModelBuilder {
  readonly #integer: IntegerGraph;
  readonly #tensors: TensorGraph;
  readonly #nodes: TensorNode[] = [];
  readonly #constants = new Map<string, ConstantTensor>();
  readonly #shapes = new Map<string, Shape>();

  constructor(integer: IntegerGraph, tensors: TensorGraph) {
    this.#integer = integer;
    this.#tensors = tensors;
  }

  build(): TensorGraph {
    const { graph } = this.#integer;
    /** Name of each node's value, as [1, elements]. */
    const names: string[] = [];
    let nextInput = 0;
    for (const node of graph.nodes) {
      const size = elementCount(node.shape);
      switch (node.kind) {
        case 'input':
          names.push(this.#input(node.name, size, nextInput++));
          break;
        case 'linear':
          names.push(this.#linear(node, names, size));
          break;
        case 'polynomial':
          names.push(this.#square(node, names[node.source]!, size));
          break;
        case 'refresh':
          throw new InternalError('integers are exact: nothing is refreshed');
        case 'product':
          names.push(this.#emit('Mul', [names[node.left]!, names[node.right]!], [1, size]));
          break;
      }
    }
    graph.outputs.forEach(({ node }, index) => this.#output(names[node]!, this.#tensors.outputs[index]!));
    const { name, inputs, outputs, clientOperators } = this.#tensors;
    return {
      name,
      opset: GRAPH_OPSET,
      inputs,
      outputs,
      clientOperators,
      constantOutputs: this.#tensors.constantOutputs,
      warnings: this.#tensors.warnings,
      nodes: this.#nodes,
      constants: this.#constants,
      shapes: this.#shapes,
    };
  }

  /** clip(⌊x / s + 1/2⌋) · s */
  #input(name: string, size: number, index: number): string {
    const { scale, min, max } = this.#integer.inputs[index]!;
    this.#shapes.set(name, shapeOf(this.#tensors, name));
    const flat = this.#emit('Flatten', [name], [1, size], { axis: 1 });
    const divided = this.#emit('Mul', [flat, this.#number(1 / scale)], [1, size]);
    const raised = this.#emit('Add', [divided, this.#number(0.5)], [1, size]);
    const whole = this.#emit('Floor', [raised], [1, size]);
    const clipped = this.#emit('Clip', [whole, this.#number(min), this.#number(max)], [1, size]);
    return this.#emit('Mul', [clipped, this.#number(scale)], [1, size]);
  }

  #linear(node: LinearNode, names: readonly string[], size: number): string {
    const scale = this.#integer.scales[node.id]!;
    let sum: string | null = null;
    for (const { source, matrix } of node.terms) {
      const own = this.#integer.scales[source]!;
      const dense = new Float64Array(matrix.rows * matrix.cols);
      for (let r = 0; r < matrix.rows; r++) {
        for (let k = matrix.rowStart[r]!; k < matrix.rowStart[r + 1]!; k++) {
          const column = matrix.columns[k]!;
          dense[column * matrix.rows + r] = (matrix.values[k]! * scale[r]!) / own[column]!;
        }
      }
      const weights = this.#constant([matrix.cols, matrix.rows], dense);
      const product = this.#emit('MatMul', [names[source]!, weights], [1, size]);
      sum = sum === null ? product : this.#emit('Add', [sum, product], [1, size]);
    }
    if (node.bias === null) return sum!;
    const bias = this.#constant(
      [1, size],
      node.bias.map((value, r) => value * scale[r]!),
    );
    return this.#emit('Add', [sum!, bias], [1, size]);
  }

  /** s² (X² + b X + c) = x² + (s b) x + s² c */
  #square({ id, source, coefficients }: PolynomialNode, x: string, size: number): string {
    const scale = this.#integer.scales[source]!;
    const square = this.#integer.scales[id]!;
    const spread = (k: number, factors: Float64Array): Float64Array => {
      const own = coefficients[k]!;
      return factors.map((factor, e) => factor * own[own.length === 1 ? 0 : e]!);
    };
    const [constant, linear] = [spread(0, square), spread(1, scale)];
    let sum = this.#emit('Mul', [x, x], [1, size]);
    if (linear.some((value) => value !== 0)) {
      const term = this.#emit('Mul', [x, this.#constant([1, size], linear)], [1, size]);
      sum = this.#emit('Add', [sum, term], [1, size]);
    }
    if (constant.some((value) => value !== 0)) {
      sum = this.#emit('Add', [sum, this.#constant([1, size], constant)], [1, size]);
    }
    return sum;
  }

  #output(flat: string, name: string): void {
    const shape = shapeOf(this.#tensors, name);
    const target = `shape_${this.#constants.size}`;
    this.#constants.set(target, { shape: [shape.length], type: 'int', data: Float64Array.from(shape) });
    this.#shapes.set(target, [shape.length]);
    this.#emit('Reshape', [flat, target], shape, {}, name);
  }

  #number(value: number): string {
    return this.#constant([], Float64Array.of(value));
  }

  #constant(shape: Shape, data: Float64Array): string {
    const name = `quantised_constant_${this.#constants.size}`;
    this.#constants.set(name, { shape, type: 'float', data });
    this.#shapes.set(name, shape);
    return name;
  }

  #emit(
    op: string,
    inputs: readonly string[],
    shape: Shape,
    attributes: TensorNode['attributes'] = {},
    output = `quantised_${this.#nodes.length}`,
  ): string {
    this.#nodes.push({ name: `node_${this.#nodes.length}`, op, inputs, outputs: [output], attributes });
    this.#shapes.set(output, shape);
    return output;
  }
}

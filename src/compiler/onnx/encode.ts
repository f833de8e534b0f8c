/** TensorGraph → ONNX file (opset 21) for onnxruntime and for people: internal operators become ordinary ones. */
import { CompileError, unreachable } from '../../errors.ts';
import type { AttributeValue, ConstantTensor, Shape, TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import { isBatchable } from './batchable.ts';
import { parseChain } from './elementwise-chain.ts';
import { encodePolynomial } from './encode-polynomial.ts';
import { encodeTensor } from '../../onnx/encode-tensor.ts';
import { integerTensor } from './kernels.ts';
import { NameScope } from './name-scope.ts';
import type { AttributeKind } from './attribute-spec.ts';
import type { Operator } from './operator.ts';
import { GRAPH_OPSET } from './operator.ts';
import { operatorOf } from './operators.ts';
import { polynomialAttributes } from './ops/polynomial.ts';
import type { IAttributeProto, INodeProto, ITensorProto, IValueInfoProto } from '../../onnx/proto.ts';
import { AttributeType, ElementType, ModelProto } from '../../onnx/proto.ts';
import { RESHAPING_OPERATORS } from './reshaping.ts';

/** Newest file format version that goes with opset 21. */
const IR_VERSION = 10;

export interface EncodeOptions {
  /** 'symbolic': the first axis of inputs and outputs is a dimension "N", any number of inputs at once. */
  readonly batch?: 'static' | 'symbolic';
}

/**
 * Writes a graph as an ONNX model. Client operators are not written: the outputs are those of the graph.
 * @throws CompileError NOT_BATCHABLE if a symbolic batch is asked for and the first axis is no batch axis everywhere
 */
export function encodeOnnx(graph: TensorGraph, options: EncodeOptions = {}): Uint8Array {
  const symbolic = options.batch === 'symbolic';
  if (symbolic && !isBatchable(graph)) {
    throw new CompileError('NOT_BATCHABLE', 'the first axis of the model is not a pure batch axis', {
      hint: 'run it on one input at a time',
    });
  }
  const writer = new NodeWriter(graph, symbolic);
  for (const node of graph.nodes) writer.write(node);
  const valueInfo = (name: string): IValueInfoProto => ({
    name,
    type: {
      tensorType: {
        elemType: ElementType.FLOAT,
        shape: {
          dim: shapeOf(graph, name).map((dim, axis) =>
            symbolic && axis === 0 ? { dimParam: 'N' } : { dimValue: dim },
          ),
        },
      },
    },
  });
  return ModelProto.encode({
    irVersion: IR_VERSION,
    producerName: 'he-compile',
    opsetImport: [{ domain: '', version: GRAPH_OPSET }],
    graph: {
      name: graph.name === '' ? 'model' : graph.name,
      node: writer.nodes,
      initializer: writer.initializers,
      input: graph.inputs.map(valueInfo),
      output: graph.outputs.map(valueInfo),
    },
  }).finish();
}

/** Collects nodes and the constants that they use. */
export class NodeWriter {
  readonly nodes: INodeProto[] = [];
  readonly initializers: ITensorProto[] = [];
  readonly #graph: TensorGraph;
  readonly #symbolic: boolean;
  /** Name of a constant as written, by its name and type. */
  readonly #written = new Map<string, string>();
  readonly #names: NameScope;

  constructor(graph: TensorGraph, symbolic: boolean) {
    this.#graph = graph;
    this.#symbolic = symbolic;
    this.#names = new NameScope([
      ...graph.inputs,
      ...graph.constants.keys(),
      ...graph.nodes.flatMap((node) => node.outputs),
    ]);
  }

  shape(tensor: string): Shape {
    return shapeOf(this.#graph, tensor);
  }

  freshName(hint: string): string {
    return this.#names.unique(hint);
  }

  addConstant(hint: string, value: ConstantTensor): string {
    const name = this.freshName(hint);
    this.initializers.push(encodeTensor(name, value, value.type));
    return name;
  }

  /** Adds an ordinary ONNX node with one output; the output's name is made up unless given. */
  emit(
    op: string,
    inputs: readonly string[],
    hint: string,
    output?: string,
    attributes: IAttributeProto[] = [],
  ): string {
    const result = output ?? this.freshName(hint);
    this.nodes.push({
      opType: op,
      name: `node_${this.nodes.length}_${hint}`,
      input: [...inputs],
      output: [result],
      attribute: attributes,
    });
    return result;
  }

  write(node: TensorNode): void {
    switch (node.op) {
      case 'Polynomial':
        encodePolynomial(this, node, polynomialAttributes(node));
        return;
      case 'Elementwise':
        this.#writeChain(node);
        return;
      default:
        if (this.#symbolic && RESHAPING_OPERATORS.has(node.op)) this.#writeReshape(node);
        else this.#writePlain(node);
    }
  }

  #writePlain(node: TensorNode): void {
    const operator = operatorOf(node.op);
    const attributes = { ...node.attributes };
    const inputs = node.inputs.map((input, index) => this.#operand(operator, input, index));
    if (this.#symbolic && node.op === 'Resize') this.#leaveBatchOut(node, inputs, attributes);
    this.nodes.push({
      opType: node.op,
      name: node.name,
      input: inputs,
      output: [...node.outputs],
      attribute: encodeAttributes(operator, attributes),
    });
  }

  #operand(operator: Operator, input: string, index: number): string {
    const constant = this.#graph.constants.get(input);
    if (constant === undefined) return input;
    // Encrypted tensors are written as float, and so is what they are added to or multiplied with.
    const type = operator.parameters.includes(index) ? constant.type : 'float';
    const key = `${type}:${input}`;
    const known = this.#written.get(key);
    if (known !== undefined) return known;
    const other = ['float', 'int', 'bool'].some((kind) => this.#written.get(`${kind}:${input}`) === input);
    const name = other ? this.freshName(`${input}_${type}`) : input;
    this.#written.set(key, name);
    this.initializers.push(encodeTensor(name, constant, type));
    return name;
  }

  /** Reshape, Flatten, Squeeze and Unsqueeze with a batch of any size. */
  #writeReshape(node: TensorNode): void {
    const [output] = node.outputs;
    const target = this.addConstant(`${output}_shape`, integerTensor([-1, ...this.shape(output!).slice(1)]));
    this.nodes.push({
      opType: 'Reshape',
      name: node.name,
      input: [node.inputs[0]!, target],
      output: [output!],
    });
  }

  /** Sizes and scales of a Resize must not speak of the batch axis. */
  #leaveBatchOut(node: TensorNode, inputs: string[], attributes: Record<string, AttributeValue>): void {
    if (attributes['axes'] !== undefined) return;
    const rank = this.shape(node.inputs[0]!).length;
    attributes['axes'] = Array.from({ length: rank - 1 }, (_, k) => k + 1);
    for (const index of [1, 2, 3]) {
      const constant = this.#graph.constants.get(node.inputs[index] ?? '');
      if (constant === undefined) continue;
      const data = constant.data.filter((_, k) => k % rank !== 0);
      inputs[index] = this.addConstant(`${node.name}_input${index}`, {
        ...constant,
        shape: [data.length],
        data,
      });
    }
  }

  #writeChain(node: TensorNode): void {
    const steps = parseChain(node.attributes['chain'] as string);
    const results: string[] = [];
    for (const [position, step] of steps.entries()) {
      const inputs = step.inputs.map((text) => {
        if (text === '') return '';
        if (text === 'x') return node.inputs[0]!;
        if (text.startsWith('#')) return results[Number(text.slice(1))]!;
        const data = Float64Array.of(Number(text.slice(1)));
        return this.addConstant(`${node.name}_constant`, { shape: [], type: 'float', data });
      });
      const last = position === steps.length - 1;
      const attributes = encodeAttributes(operatorOf(step.op), step.attributes);
      results.push(
        this.emit(
          step.op,
          inputs,
          `${node.name}_${position}`,
          last ? node.outputs[0] : undefined,
          attributes,
        ),
      );
    }
  }
}

function encodeAttributes(
  operator: Operator,
  attributes: Readonly<Record<string, AttributeValue>>,
): IAttributeProto[] {
  return Object.entries(attributes).map(([name, value]) =>
    encodeAttribute(name, value, operator.attributes[name]!.kind),
  );
}

function encodeAttribute(name: string, value: AttributeValue, kind: AttributeKind): IAttributeProto {
  const bytes = (text: unknown): Uint8Array => new TextEncoder().encode(String(text));
  switch (kind) {
    case 'int':
      return { name, type: AttributeType.INT, i: value as number };
    case 'float':
      return { name, type: AttributeType.FLOAT, f: value as number };
    case 'string':
      return { name, type: AttributeType.STRING, s: bytes(value) };
    case 'ints':
      return { name, type: AttributeType.INTS, ints: [...(value as readonly number[])] };
    case 'floats':
      return { name, type: AttributeType.FLOATS, floats: [...(value as readonly number[])] };
    case 'strings':
      return { name, type: AttributeType.STRINGS, strings: (value as readonly string[]).map(bytes) };
    case 'tensor': {
      const tensor = value as ConstantTensor;
      return { name, type: AttributeType.TENSOR, t: encodeTensor(name, tensor, tensor.type) };
    }
    default:
      return unreachable(kind, 'attribute kind');
  }
}

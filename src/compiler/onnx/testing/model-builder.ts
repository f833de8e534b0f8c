/** Makes ONNX files for tests: every field can be set, valid or not. */
import type { ConstantTensor, Shape, TensorGraph } from '../../ir/tensor-graph.ts';
import type { AttributeValue } from '../../ir/tensor-graph.ts';
import { importModel } from '../import.ts';
import type { ImportOptions } from '../import.ts';
import { encodeTensor } from '../../../onnx/encode-tensor.ts';
import type {
  IAttributeProto,
  IGraphProto,
  INodeProto,
  ITensorProto,
  IValueInfoProto,
} from '../../../onnx/proto.ts';
import { AttributeType, ElementType, ModelProto } from '../../../onnx/proto.ts';

export const DEFAULT_IMPORT: ImportOptions = {
  modelDirectory: null,
  bind: new Map(),
  dimensions: new Map(),
  batch: 1,
};

/** Attribute of a test node: `float(1)` where an integral value is meant as a float, a builder for a branch. */
export type TestAttribute = AttributeValue | { readonly float: number } | ModelBuilder;

export function float(value: number): { readonly float: number } {
  return { float: value };
}

export function tensor(
  shape: Shape,
  data: readonly number[],
  type: ConstantTensor['type'] = 'float',
): ConstantTensor {
  return { shape, type, data: Float64Array.from(data) };
}

export function integers(...values: number[]): ConstantTensor {
  return tensor([values.length], values, 'int');
}

/** Deterministic numbers in [−scale, scale): a linear congruential generator (Numerical Recipes). */
export function randomValues(count: number, seed: number, scale = 1): Float64Array {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return scale * (state / 2 ** 31 - 1);
  });
}

export function randomTensor(shape: Shape, seed: number, scale = 1): ConstantTensor {
  return {
    shape,
    type: 'float',
    data: randomValues(
      shape.reduce((a, b) => a * b, 1),
      seed,
      scale,
    ),
  };
}

function encodeAttribute(name: string, value: TestAttribute): IAttributeProto {
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: value };
  if (value instanceof ModelBuilder) return { name, type: AttributeType.GRAPH, g: value.proto() };
  if (typeof value === 'string')
    return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float };
  if ('data' in value) return { name, type: AttributeType.TENSOR, t: encodeTensor('', value, value.type) };
  const numbers = value.map(Number);
  const whole = numbers.every(Number.isInteger);
  return whole
    ? { name, type: AttributeType.INTS, ints: numbers }
    : { name, type: AttributeType.FLOATS, floats: numbers };
}

function valueInfo(
  name: string,
  shape: readonly (number | string)[] | null,
  elemType: number,
): IValueInfoProto {
  const dim = shape?.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size }));
  return { name, type: { tensorType: dim === undefined ? { elemType } : { elemType, shape: { dim } } } };
}

export class ModelBuilder {
  readonly #opset: number;
  readonly #domain: string;
  readonly #nodes: INodeProto[] = [];
  readonly #initializers: ITensorProto[] = [];
  readonly #inputs: IValueInfoProto[] = [];
  readonly #outputs: IValueInfoProto[] = [];

  constructor(opset = 21, domain = '') {
    this.#opset = opset;
    this.#domain = domain;
  }

  input(
    name: string,
    shape: readonly (number | string)[] | null,
    elementType: number = ElementType.FLOAT,
  ): this {
    this.#inputs.push(valueInfo(name, shape, elementType));
    return this;
  }

  output(
    name: string,
    shape: readonly (number | string)[] | null = null,
    elementType: number = ElementType.FLOAT,
  ): this {
    this.#outputs.push(valueInfo(name, shape, elementType));
    return this;
  }

  constant(name: string, value: ConstantTensor): this {
    return this.initializer(encodeTensor(name, value, value.type));
  }

  initializer(proto: ITensorProto): this {
    this.#initializers.push(proto);
    return this;
  }

  node(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, TestAttribute>> = {},
    domain = '',
  ): this {
    this.#nodes.push({
      opType: op,
      name: `${op}_${this.#nodes.length}`,
      input: [...inputs],
      output: [...outputs],
      domain,
      attribute: Object.entries(attributes).map(([name, value]) => encodeAttribute(name, value)),
    });
    return this;
  }

  proto(): IGraphProto {
    return {
      name: 'test',
      node: this.#nodes,
      initializer: this.#initializers,
      input: this.#inputs,
      output: this.#outputs,
    };
  }

  bytes(): Uint8Array {
    return ModelProto.encode({
      irVersion: 8,
      opsetImport: [{ domain: this.#domain, version: this.#opset }],
      graph: this.proto(),
    }).finish();
  }

  graph(options: Partial<ImportOptions> = {}): TensorGraph {
    return importModel(this.bytes(), { ...DEFAULT_IMPORT, ...options });
  }
}

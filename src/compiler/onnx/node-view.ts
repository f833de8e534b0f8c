/** One node with everything that can be known about its surroundings: shapes and constant inputs. */
import { ImportError } from '../../errors.ts';
import type { AttributeValue, ConstantTensor, Shape, TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { unreachable } from '../../errors.ts';
import type { AttributeKind, AttributeSpec } from './attribute-spec.ts';

/** As much of an operator's description as a view reads itself; `Operator` is the whole. */
interface Described {
  readonly attributes: Readonly<Record<string, AttributeSpec>>;
}

export class NodeView<Description extends Described = Described> {
  readonly node: TensorNode;
  readonly operator: Description;
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #constants: ReadonlyMap<string, ConstantTensor>;

  constructor(
    node: TensorNode,
    operator: Description,
    shapes: ReadonlyMap<string, Shape>,
    constants: ReadonlyMap<string, ConstantTensor>,
  ) {
    this.node = node;
    this.operator = operator;
    this.#shapes = shapes;
    this.#constants = constants;
  }

  /** Number of inputs listed, absent ones included. */
  get inputCount(): number {
    return this.node.inputs.length;
  }

  hasInput(index: number): boolean {
    return (this.node.inputs[index] ?? '') !== '';
  }

  inputName(index: number): string {
    return this.node.inputs[index] ?? '';
  }

  /** Shape of input `index`. */
  shape(index: number): Shape {
    const name = this.inputName(index);
    const shape = this.#shapes.get(name) ?? this.#constants.get(name)?.shape;
    if (shape === undefined) this.fail('MISSING_INPUT', `input ${index} ('${name}') is missing`);
    return shape;
  }

  outputShape(index: number): Shape {
    const name = this.node.outputs[index] ?? '';
    const shape = this.#shapes.get(name);
    if (shape === undefined) this.fail('MISSING_OUTPUT', `output ${index} ('${name}') has no shape`);
    return shape;
  }

  /** The constant at input `index`, or null if it is absent or not known at compile time. */
  constant(index: number): ConstantTensor | null {
    return this.#constants.get(this.inputName(index)) ?? null;
  }

  /** The constant at input `index`, which the operator cannot do without. */
  parameter(index: number): ConstantTensor {
    const constant = this.constant(index);
    if (constant === null) {
      this.fail('PARAMETER_NOT_CONSTANT', `input ${index} ('${this.inputName(index)}') must be a constant`);
    }
    return constant;
  }

  /** Integers at input `index`, or null if the input is absent. */
  integers(index: number): number[] | null {
    if (!this.hasInput(index)) return null;
    return Array.from(this.parameter(index).data, (value) => {
      if (!Number.isInteger(value)) this.fail('INVALID_PARAMETER', `input ${index} must hold integers`);
      return value;
    });
  }

  isEncrypted(index: number): boolean {
    return this.hasInput(index) && this.constant(index) === null;
  }

  encryptedInputs(): number[] {
    return this.node.inputs.flatMap((_, index) => (this.isEncrypted(index) ? [index] : []));
  }

  /** Whether output `index` is asked for. */
  hasOutput(index: number): boolean {
    return (this.node.outputs[index] ?? '') !== '';
  }

  attribute(name: string): AttributeValue | undefined {
    return this.node.attributes[name] ?? this.operator.attributes[name]?.default;
  }

  hasAttribute(name: string): boolean {
    return this.attribute(name) !== undefined;
  }

  number(name: string): number {
    const value = this.attribute(name);
    if (typeof value !== 'number') this.fail('INVALID_ATTRIBUTE', `attribute ${name} must be a number`);
    return value;
  }

  string(name: string): string {
    const value = this.attribute(name);
    if (typeof value !== 'string') this.fail('INVALID_ATTRIBUTE', `attribute ${name} must be a string`);
    return value;
  }

  /** A list of numbers, or null if the attribute is absent. */
  numbers(name: string): readonly number[] | null {
    const value = this.attribute(name);
    if (value === undefined) return null;
    if (!isNumbers(value)) this.fail('INVALID_ATTRIBUTE', `attribute ${name} must be a list of numbers`);
    return value;
  }

  /** Brings an axis given as −rank … rank − 1 to 0 … rank − 1. */
  axis(value: number, rank: number): number {
    const axis = value < 0 ? value + rank : value;
    if (!Number.isInteger(axis) || axis < 0 || axis >= rank) {
      this.fail('INVALID_AXIS', `axis ${value} is outside a tensor of rank ${rank}`);
    }
    return axis;
  }

  /** Distinct axes, normalised, in the order given. */
  axes(values: readonly number[], rank: number): number[] {
    const axes = values.map((value) => this.axis(value, rank));
    if (new Set(axes).size !== axes.length) this.fail('INVALID_AXIS', `axes [${values.join(', ')}] repeat`);
    return axes;
  }

  /** Refuses the node. */
  fail(code: string, message: string, hint?: string): never {
    throw new ImportError(code, `${this.node.op} '${this.node.name}': ${message}`, {
      node: this.node.name,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  /** Checks the attributes against the operator's description. */
  validateAttributes(): void {
    for (const [name, spec] of Object.entries(this.operator.attributes)) {
      const value = this.attribute(name);
      if (value === undefined) {
        if (spec.required === true) this.fail('MISSING_ATTRIBUTE', `attribute ${name} is required`);
        continue;
      }
      if (!hasKind(value, spec.kind))
        this.fail('INVALID_ATTRIBUTE', `attribute ${name} must be of type ${spec.kind}`);
      if (spec.values !== undefined && !spec.values.includes(value)) {
        this.fail(
          'INVALID_ATTRIBUTE',
          `attribute ${name} must be one of ${spec.values.map(String).join(', ')}`,
        );
      }
    }
  }
}

function isNumbers(value: AttributeValue): value is readonly number[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'number');
}

function hasKind(value: AttributeValue, kind: AttributeKind): boolean {
  switch (kind) {
    case 'int':
      return typeof value === 'number' && Number.isInteger(value);
    case 'float':
      return typeof value === 'number';
    case 'string':
      return typeof value === 'string';
    case 'ints':
      return isNumbers(value) && value.every(Number.isInteger);
    case 'floats':
      return isNumbers(value);
    case 'strings':
      return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
    case 'tensor':
      return typeof value === 'object' && !Array.isArray(value);
    default:
      return unreachable(kind, 'attribute kind');
  }
}

/** The view of a node that is already part of a graph. */
export function viewOf<Description extends Described>(
  graph: TensorGraph,
  node: TensorNode,
  operator: Description,
): NodeView<Description> {
  return new NodeView(node, operator, graph.shapes, graph.constants);
}

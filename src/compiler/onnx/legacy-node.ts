/** A node being read, which `Operator.upgrade` rewrites from the form of its operator set to the newest form. */
import { ImportError } from '../../errors.ts';
import type { AttributeValue, ConstantTensor, Shape } from '../ir/tensor-graph.ts';

/** What an upgrade may ask of the graph read so far, and add to it. */
export interface LegacyScope {
  /** Shape of a tensor, or null if it is not known (yet). */
  shape(tensor: string): Shape | null;
  constant(tensor: string): ConstantTensor | null;
  /** Adds a constant under a fresh name and returns the name. */
  addConstant(hint: string, value: ConstantTensor): string;
  /** A tensor name that is not taken. */
  freshName(hint: string): string;
  /** Makes a tensor a constant. */
  define(tensor: string, value: ConstantTensor): void;
  /** Whether a tensor is an output of the model. */
  isOutput(tensor: string): boolean;
  /** Tells the model's author how something was read. */
  warn(message: string): void;
}

export interface LegacyNodeFields {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeValue>;
}

export class LegacyNode {
  readonly name: string;
  /** Operator-set version of the model. */
  readonly opset: number;
  outputs: readonly string[];
  readonly scope: LegacyScope;
  op: string;
  inputs: string[];
  readonly attributes: Map<string, AttributeValue>;
  /** Nodes (in newest form) that must come before this one. */
  readonly preceding: LegacyNodeFields[] = [];

  constructor(node: LegacyNodeFields, opset: number, scope: LegacyScope) {
    this.name = node.name;
    this.op = node.op;
    this.opset = opset;
    this.inputs = [...node.inputs];
    this.outputs = node.outputs;
    this.attributes = new Map(node.attributes);
    this.scope = scope;
  }

  /** Removes an attribute and returns its value. */
  take(name: string): AttributeValue | undefined {
    const value = this.attributes.get(name);
    this.attributes.delete(name);
    return value;
  }

  /** Makes `value` input `index`, padding the list with absent inputs. */
  setInput(index: number, hint: string, value: ConstantTensor): void {
    while (this.inputs.length <= index) this.inputs.push('');
    this.inputs[index] = this.scope.addConstant(`${this.name}_${hint}`, value);
  }

  /** Puts a node (in newest form) before this one and returns the name of its output, `made` or a new one. */
  precede(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    made?: string,
  ): string {
    const name = `${this.name}_${op}${this.preceding.length}`;
    const output =
      made ?? this.scope.freshName(`${this.outputs[0] ?? this.name}_${op}${this.preceding.length}`);
    this.preceding.push({
      name,
      op,
      inputs,
      outputs: [output],
      attributes: new Map(Object.entries(attributes)),
    });
    return output;
  }

  /** Becomes another node with the same outputs. */
  become(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): void {
    this.op = op;
    this.inputs = [...inputs];
    this.attributes.clear();
    for (const [name, value] of Object.entries(attributes)) this.attributes.set(name, value);
  }

  /** Shape of input `index`, or null if the input is absent or its shape not known. */
  shape(index: number): Shape | null {
    const name = this.inputs[index] ?? '';
    return name === '' ? null : this.scope.shape(name);
  }

  /** Value of input `index` if it is known. */
  constant(index: number): ConstantTensor | null {
    const name = this.inputs[index] ?? '';
    return name === '' ? null : this.scope.constant(name);
  }

  isEncrypted(index: number): boolean {
    return (this.inputs[index] ?? '') !== '' && this.constant(index) === null;
  }

  /** A single number as a constant tensor; returns its name. */
  scalar(hint: string, value: number): string {
    return this.scope.addConstant(`${this.name}_${hint}`, {
      shape: [],
      type: 'float',
      data: Float64Array.of(value),
    });
  }

  integers(hint: string, values: readonly number[]): string {
    return this.scope.addConstant(`${this.name}_${hint}`, {
      shape: [values.length],
      type: 'int',
      data: Float64Array.from(values),
    });
  }

  /** An attribute that must be a number. */
  number(name: string, fallback: number): number {
    const value = this.attributes.get(name) ?? fallback;
    if (typeof value !== 'number') this.fail(`attribute ${name} must be a number`);
    return value;
  }

  /** Moves an attribute of integers to input `index`; an absent attribute leaves the input absent. */
  integersToInput(name: string, index: number): void {
    const value = this.take(name);
    if (value === undefined) return;
    if (!Array.isArray(value)) this.fail(`attribute ${name} must be a list of integers`);
    const data = Float64Array.from(value as readonly (number | string)[], Number);
    this.setInput(index, name, { shape: [data.length], type: 'int', data });
  }

  /** Moves a scalar attribute to input `index`. */
  floatToInput(name: string, index: number): void {
    const value = this.take(name);
    if (value === undefined) return;
    if (typeof value !== 'number') this.fail(`attribute ${name} must be a number`);
    this.setInput(index, name, { shape: [], type: 'float', data: Float64Array.of(value) });
  }

  /** Shape of input `index`, which must be there. */
  requireShape(index: number): Shape {
    return this.shape(index) ?? this.fail(`the shape of input ${index} is not known`);
  }

  /** The node is valid, but not to be had on encrypted data. */
  refuse(reason: string, suggestion: string): never {
    throw new ImportError('UNSUPPORTED_FORM', `${this.op} '${this.name}': ${reason}`, {
      node: this.name,
      hint: suggestion,
    });
  }

  fail(message: string, code = 'INVALID_ATTRIBUTE'): never {
    throw new ImportError(code, `${this.op} '${this.name}': ${message}`, { node: this.name });
  }
}

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
  readonly outputs: readonly string[];
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

  /** Puts a node without attributes before this one and returns the name of its output. */
  precede(op: string, inputs: readonly string[]): string {
    const name = `${this.name}_${op}${this.preceding.length}`;
    const output = this.scope.freshName(`${this.outputs[0] ?? this.name}_${op}${this.preceding.length}`);
    this.preceding.push({ name, op, inputs, outputs: [output], attributes: new Map() });
    return output;
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

  fail(message: string): never {
    throw new ImportError('INVALID_ATTRIBUTE', `${this.op} '${this.name}': ${message}`, { node: this.name });
  }
}

/** A model in the making: which tensors there are, and of which shapes; operators are added through it. */
import {
  ModelBuilder,
  randomTensor,
  type TestAttribute,
} from '../../src/compiler/onnx/testing/model-builder.ts';
import type { ConstantTensor, Shape } from '../../src/compiler/ir/tensor-graph.ts';

export interface SketchTensor {
  readonly name: string;
  readonly shape: Shape;
  /** Products of encrypted tensors on the way to it. */
  readonly products: number;
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** What becomes of a constant; `index` counts them. */
export type Distort = (value: ConstantTensor, index: number) => ConstantTensor;

export class GraphSketch {
  readonly #builder = new ModelBuilder();
  readonly #tensors: SketchTensor[] = [];
  readonly #used = new Set<string>();
  /** Every node in one line, for messages. */
  readonly lines: string[] = [];
  /** Every float constant in one line. */
  readonly constants: string[] = [];
  readonly #distort: Distort;
  #constants = 0;

  constructor(inputs: readonly Shape[], distort: Distort = (value) => value) {
    this.#distort = distort;
    inputs.forEach((shape, i) => {
      const name = `x${i}`;
      this.#builder.input(name, shape);
      this.#tensors.push({ name, shape, products: 0 });
      this.lines.push(`${name}: input [${shape.join(', ')}]`);
    });
  }

  /** The tensor that a number stands for: 0 is the latest one. */
  tensor(choice: number): SketchTensor {
    return this.#tensors[this.#tensors.length - 1 - (choice % this.#tensors.length)]!;
  }

  /** Another tensor of the same shape than the one given, or that one itself. */
  sibling(of: SketchTensor, choice: number): SketchTensor {
    const same = this.#tensors.filter(({ shape }) => shape.join() === of.shape.join());
    return same[choice % same.length]!;
  }

  /** A constant that no other numbers could stand in for. */
  parameter(value: ConstantTensor): string {
    const name = `c${this.#constants++}`;
    if (value.type === 'float')
      this.constants.push(`${name} [${value.shape.join()}] = ${value.data.join(' ')}`);
    this.#builder.constant(name, value);
    return name;
  }

  constant(value: ConstantTensor): string {
    return this.parameter(this.#distort(value, this.#constants));
  }

  /** Weights that keep sums over `fanIn` terms of about the size of a term. */
  weights(shape: Shape, seed: number, fanIn = 1): string {
    return this.constant(randomTensor(shape, seed, 1.5 / Math.sqrt(fanIn)));
  }

  /** A constant of another type. */
  cast(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, TestAttribute>> = {},
  ): string {
    const name = `c${this.#constants++}`;
    this.lines.push(`${name} = ${op}(${inputs.join(', ')})`);
    this.#builder.node(op, inputs, [name], attributes);
    for (const input of inputs) this.#used.add(input);
    return name;
  }

  add(
    op: string,
    inputs: readonly (SketchTensor | string)[],
    shapes: Shape | readonly Shape[],
    attributes: Readonly<Record<string, TestAttribute>> = {},
  ): void {
    const names = inputs.map((input) => (typeof input === 'string' ? input : input.name));
    const outputs = (Array.isArray(shapes[0]) ? shapes : [shapes]) as readonly Shape[];
    const encrypted = inputs.filter((input): input is SketchTensor => typeof input !== 'string');
    const deepest = Math.max(...encrypted.map(({ products }) => products));
    const multiplied = op === 'Pow' || (op === 'Mul' && encrypted.length > 1);
    const products = deepest + (multiplied ? 1 : 0);
    const made = outputs.map((shape, i) => ({ name: `t${this.lines.length}_${i}`, shape, products }));
    const attributeText = Object.entries(attributes).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    this.lines.push(
      `${made.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join(', ')} = ${op}(${[...names, ...attributeText].join(', ')})`,
    );
    this.#builder.node(
      op,
      names,
      made.map(({ name }) => name),
      attributes,
    );
    for (const name of names) this.#used.add(name);
    this.#tensors.push(...made);
  }

  /** The model with everything as an output that nothing reads. */
  finish(): { readonly bytes: Uint8Array; readonly outputs: readonly SketchTensor[] } {
    if (this.#tensors.every(({ name }) => name.startsWith('x'))) {
      const input = this.tensor(0);
      this.add('Neg', [input], input.shape);
    }
    const outputs = this.#tensors.filter(({ name }) => !this.#used.has(name) && !name.startsWith('x'));
    for (const { name, shape } of outputs) this.#builder.output(name, shape);
    return { bytes: this.#builder.bytes(), outputs };
  }
}

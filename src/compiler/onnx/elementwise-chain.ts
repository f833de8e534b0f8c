/**
 * The `chain` attribute of the internal operator "Elementwise": the steps of one function of one variable, as JSON.
 * Step operands are strings: "x" (the variable), "#k" (the result of step k), "=1.5" (a constant), "" (absent).
 */
import { InternalError } from '../../errors.ts';
import type { AttributeValue, ConstantTensor, Shape, TensorNode } from '../ir/tensor-graph.ts';
import { NodeView } from './node-view.ts';
import type { Operator } from './operator.ts';

export interface ElementwiseStep {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

const ARITHMETIC: Readonly<Record<string, (values: readonly number[]) => number>> = {
  Add: ([a, b]) => a! + b!,
  Sub: ([a, b]) => a! - b!,
  Mul: ([a, b]) => a! * b!,
  Div: ([a, b]) => a! / b!,
  Pow: ([a, b]) => a! ** b!,
  Neg: ([a]) => -a!,
  Sum: (values) => values.reduce((sum, value) => sum + value, 0),
  Mean: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  Max: (values) => Math.max(...values),
  Min: (values) => Math.min(...values),
};

export function formatChain(steps: readonly ElementwiseStep[]): string {
  return JSON.stringify(steps);
}

export function parseChain(chain: string): ElementwiseStep[] {
  return JSON.parse(chain) as ElementwiseStep[];
}

/** The function that a chain computes. `find` gives the description of an operator. */
export function elementwiseFunction(chain: string, find: (op: string) => Operator): (x: number) => number {
  const steps = parseChain(chain).map((step, position) => compileStep(step, position, find));
  return (x) => {
    const values: number[] = [];
    for (const step of steps) values.push(step(x, values));
    return values.at(-1)!;
  };
}

type CompiledStep = (x: number, earlier: readonly number[]) => number;

function compileStep(step: ElementwiseStep, position: number, find: (op: string) => Operator): CompiledStep {
  const operand = (text: string): CompiledStep => {
    if (text === 'x') return (x) => x;
    if (text.startsWith('=')) {
      const value = Number(text.slice(1));
      return () => value;
    }
    const index = Number(text.slice(1));
    if (!text.startsWith('#') || !(index < position))
      throw new InternalError(`operand '${text}' of an Elementwise chain`);
    return (_, earlier) => earlier[index]!;
  };
  const combine = ARITHMETIC[step.op];
  if (combine !== undefined) {
    const operands = step.inputs.map(operand);
    return (x, earlier) => combine(operands.map((read) => read(x, earlier)));
  }
  const evaluate = scalarOf(step, find(step.op));
  const variable = operand(step.inputs[0]!);
  return (x, earlier) => evaluate(variable(x, earlier));
}

/** The scalar function of an activation step with constant parameters. */
function scalarOf(step: ElementwiseStep, operator: Operator): (x: number) => number {
  const constants = new Map<string, ConstantTensor>();
  for (const text of step.inputs.slice(1)) {
    if (text !== '')
      constants.set(text, { shape: [], type: 'float', data: Float64Array.of(Number(text.slice(1))) });
  }
  const inputs = ['variable', ...step.inputs.slice(1)];
  const node: TensorNode = {
    name: step.op,
    op: step.op,
    inputs,
    outputs: ['result'],
    attributes: step.attributes,
  };
  const behaviour = operator.behaviour(
    new NodeView(node, operator, new Map<string, Shape>([['variable', []]]), constants),
  );
  if (behaviour.kind !== 'activation') throw new InternalError(`${step.op} in an Elementwise chain`);
  return behaviour.scalar.evaluate;
}

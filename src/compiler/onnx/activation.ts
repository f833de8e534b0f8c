/** Describes operators that apply one scalar function to every element. */
import type { AttributeSpec } from './attribute-spec.ts';
import type { Operator, ScalarFunction } from './operator.ts';
import { specUrl } from './operator.ts';
import { mapConstant } from './kernels.ts';
import type { NodeView } from './node-view.ts';

export interface ActivationOptions {
  readonly name: string;
  readonly since: readonly number[];
  readonly summary: string;
  readonly limits?: string;
  readonly attributes?: Readonly<Record<string, AttributeSpec>>;
  readonly inputs?: readonly [number, number];
  readonly parameters?: readonly number[];
  readonly upgrade?: NonNullable<Operator['upgrade']>;
  readonly check?: NonNullable<Operator['check']>;
  readonly scalar: (view: NodeView) => ScalarFunction;
}

export function activation(options: ActivationOptions): Operator {
  const { scalar, name, since, summary } = options;
  return {
    name,
    specUrl: specUrl(name),
    since,
    summary,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    category: 'activation',
    inputs: options.inputs ?? [1, 1],
    attributes: options.attributes ?? {},
    parameters: options.parameters ?? [],
    ...(options.upgrade === undefined ? {} : { upgrade: options.upgrade }),
    ...(options.check === undefined ? {} : { check: options.check }),
    inferShapes: (view) => [view.shape(0)],
    behaviour: (view) => ({ kind: 'activation', scalar: scalar(view) }),
    evaluate: (view) => [mapConstant(view.parameter(0), scalar(view).evaluate)],
  };
}

/** The single value of optional parameter `index`, or `fallback` if it is absent. */
export function scalarParameter(view: NodeView, index: number, fallback: number): number {
  if (!view.hasInput(index)) return fallback;
  const { data } = view.parameter(index);
  if (data.length !== 1)
    view.fail('INVALID_PARAMETER', `input ${index} must be a single number, not ${data.length}`);
  return data[0]!;
}

/** Describes operators that add their inputs with fixed weights: Add, Sub, Sum, Mean, Neg. */
import type { Operator } from './operator.ts';
import { specUrl } from './operator.ts';
import { broadcastConstant, broadcastKeepsBatch, broadcastShape, broadcastTerm } from './kernels.ts';
import { sizeOf } from './shapes.ts';

export interface SumOptions {
  readonly name: string;
  readonly since: readonly number[];
  readonly summary: string;
  readonly inputs: readonly [number, number];
  /** Weight of input `index` among `count`. */
  readonly weight: (index: number, count: number) => number;
}

export function sumLike(options: SumOptions): Operator {
  const { name, since, summary, inputs, weight } = options;
  return {
    name,
    specUrl: specUrl(name),
    since,
    summary,
    category: 'linear',
    inputs,
    attributes: {},
    parameters: [],
    inferShapes: (view) => [broadcastShape(view)],
    behaviour: (view) => ({
      kind: 'linear',
      linear: () => ({
        terms: view.node.inputs.map((_, index) => broadcastTerm(view, index, weight(index, view.inputCount))),
        bias: null,
      }),
    }),
    evaluate: (view) => {
      const constants = view.node.inputs.map((_, index) => view.parameter(index));
      const shape = broadcastShape(view);
      const data = new Float64Array(sizeOf(shape));
      for (const index of constants.keys()) {
        const part = broadcastConstant(view, index);
        const factor = weight(index, constants.length);
        for (let e = 0; e < data.length; e++) data[e]! += factor * part[e]!;
      }
      return [
        { shape, type: constants.every((constant) => constant.type === 'int') ? 'int' : 'float', data },
      ];
    },
    keepsBatch: broadcastKeepsBatch,
  };
}

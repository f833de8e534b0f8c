import type { NodeView } from '../node-view.ts';
import { scalarParameter } from '../activation.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';

function lengthOf(view: NodeView): number {
  const [start, limit, delta] = [0, 1, 2].map((index) => scalarParameter(view, index, 0)) as [
    number,
    number,
    number,
  ];
  const length = Math.max(0, Math.ceil((limit - start) / delta));
  return Number.isFinite(length) ? length : view.fail('INVALID_PARAMETER', 'the range is not finite');
}

export const range: Operator = {
  name: 'Range',
  specUrl: specUrl('Range'),
  since: [11],
  summary: 'numbers from start to limit',
  limits: 'constants only',
  category: 'constant',
  inputs: [3, 3],
  attributes: {},
  parameters: [],
  inferShapes: (view) => [[lengthOf(view)]],
  check: (view) =>
    view.encryptedInputs().length === 0
      ? []
      : [
          {
            reason:
              'start, limit and step decide the length of the result, which cannot depend on encrypted values',
            suggestion: 'make them initializers of the model, or bind them with --bind NAME=FILE',
          },
        ],
  behaviour: () => ({ kind: 'constant' }),
  evaluate: (view) => {
    const [start, delta] = [scalarParameter(view, 0, 0), scalarParameter(view, 2, 1)];
    const data = Float64Array.from({ length: lengthOf(view) }, (_, i) => start + i * delta);
    return [{ shape: [data.length], type: view.parameter(0).type, data }];
  },
};

import { activation, scalarParameter } from '../activation.ts';
import { mapConstant } from '../kernels.ts';

export const prelu = activation({
  name: 'PRelu',
  since: [7, 9, 16],
  summary: 'x for x ≥ 0, else slope · x',
  limits: 'the slopes must be constant',
  inputs: [2, 2],
  parameters: [1],
  upgrade: (node) => {
    const slope = node.scope.constant(node.inputs[1] ?? '');
    if (slope === null || slope.data.length === 1) return;
    // Several slopes: x ↦ s · x + (1 − s) · max(x, 0), linear but for one Relu.
    const [x] = node.inputs as [string];
    const rest = node.scope.addConstant(
      `${node.name}_rest`,
      mapConstant(slope, (value) => 1 - value),
    );
    const positive = node.precede('Mul', [node.precede('Relu', [x]), rest]);
    node.inputs = [node.precede('Mul', [x, node.inputs[1]!]), positive];
    node.op = 'Add';
  },
  scalar: (view) => {
    const slope = scalarParameter(view, 1, 0);
    return { evaluate: (x) => (x >= 0 ? x : slope * x) };
  },
});

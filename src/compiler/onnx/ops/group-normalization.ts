import { normalise, scaleChannels } from '../normalisation.ts';
import { rewritten } from '../rewritten.ts';

export const groupNormalization = rewritten({
  name: 'GroupNormalization',
  since: [18, 21],
  summary: 'statistics of groups of channels, whose inverse root is approximated on its calibrated range',
  category: 'activation',
  inputs: [3, 3],
  attributes: {
    epsilon: { kind: 'float', default: 1e-5 },
    num_groups: { kind: 'int', required: true },
    stash_type: { kind: 'int', default: 1 },
  },
  rewrite: (node) => {
    const shape = node.requireShape(0);
    const [x, scale, bias] = node.inputs as [string, string, string];
    const groups = node.number('num_groups', 0);
    const [batch, channels] = shape as [number, number];
    if (shape.length < 3 || !(groups > 0) || channels % groups !== 0)
      node.fail(`${channels} channels do not make ${groups} groups`);
    const grouped = node.precede('Reshape', [x, node.integers('grouped', [batch, groups, -1])]);
    const { value } = normalise(node, grouped, [2], node.number('epsilon', 1e-5));
    const restored = node.precede('Reshape', [value, node.integers('shape', shape)]);
    // Version 18 had one scale and bias per group.
    const size = channels / groups;
    const perGroup = node.shape(1)?.[0] === groups && size > 1;
    const spread = (tensor: string): string => {
      if (!perGroup) return tensor;
      const column = node.precede('Reshape', [tensor, node.integers('column', [groups, 1])]);
      const repeated = node.precede('Expand', [column, node.integers('repeated', [groups, size])]);
      return node.precede('Reshape', [repeated, node.integers('flat', [channels])]);
    };
    scaleChannels(node, restored, spread(scale), spread(bias), shape.length, channels);
  },
});

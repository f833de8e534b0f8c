import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { resize } from './resize.ts';

/** Read as a Resize. */
export const upsample: Operator = {
  ...resize,
  name: 'Upsample',
  specUrl: specUrl('Upsample'),
  since: [7, 9],
  summary: 'nearest or linear (read as Resize); deprecated since version 10',
  upgrade: (node) => {
    if (node.opset < 9) {
      const scales = node.take('scales');
      if (!Array.isArray(scales)) node.fail('attribute scales is required');
      const data = Float64Array.from(scales as readonly (number | string)[], Number);
      node.setInput(1, 'scales', { shape: [data.length], type: 'float', data });
    }
    node.op = 'Resize';
    node.inputs = [node.inputs[0] ?? '', '', node.inputs[1] ?? ''];
    node.attributes.set('coordinate_transformation_mode', 'asymmetric');
    node.attributes.set('nearest_mode', 'floor');
  },
};

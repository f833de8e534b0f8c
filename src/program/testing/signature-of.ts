/** The signature of a hand-built program. */
import type { Program } from '../program.ts';
import type { CkksParameters } from '../security.ts';
import type { Signature } from '../signature.ts';

export function signatureOf(program: Program, parameters: CkksParameters): Signature {
  return {
    model: 'test',
    parameters,
    rotationKeys: program.rotationKeys,
    relinearizationLevel: program.relinearizationLevel,
    ...(program.refreshKeys === undefined ? {} : { refreshKeys: program.refreshKeys }),
    inputs: program.inputs.map(({ name, value, layout }) => {
      const { level, scale } = program.values[value]!;
      return { name, layout, level, scale, preprocessing: { pixelScale: 1, mean: [0], std: [1] } };
    }),
    outputs: program.outputs.map(({ name, value, layout }) => {
      const { level, scale, bound } = program.values[value]!;
      return {
        name,
        layout,
        level,
        scale,
        shape: layout.shape,
        clientOperators: [],
        precisionBits: 10,
        bound,
      };
    }),
    labels: [],
  };
}

/** The model that servers are measured with unless another one is given. */
import { join } from 'node:path';
import { heCompile } from './measure.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures');

/** digits-square, compiled as the command line would; the artifact's path. */
export async function compileServedFixture(folder: string): Promise<string> {
  const file = join(folder, 'digits-square.hemodel');
  const part = (suffix: string): string => join(FIXTURES, `digits-calibration${suffix}.npy`);
  const calibration = ['--calibration', `npy:${part('')},${part('-labels')}`];
  const model = join(FIXTURES, 'digits-square.onnx');
  await heCompile('compile', model, '-o', file, ...calibration);
  return file;
}

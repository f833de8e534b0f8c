/** Which models `npm run accuracy` compiles, with which data: a JSON list, or the fixtures. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../src/errors.ts';

const entry = z.strictObject({
  name: z.string().regex(/^[\w.-]+$/),
  /** What kind of network, in a few words. */
  kind: z.string().max(200),
  model: z.string(),
  calibration: z.string(),
  data: z.string(),
  mean: z.array(z.number()).optional(),
  std: z.array(z.number()).optional(),
  backend: z.enum(['auto', 'native', 'seal', 'cleartext']).optional(),
});
export type AccuracyCase = z.infer<typeof entry>;

const FIXTURES = join(import.meta.dirname, '../fixtures');

function fixture(name: string, kind: string): AccuracyCase {
  return {
    name,
    kind,
    model: join(FIXTURES, `${name}.onnx`),
    calibration: `npy:${join(FIXTURES, 'digits-calibration.npy')},${join(FIXTURES, 'digits-calibration-labels.npy')}`,
    data: `npy:${join(FIXTURES, 'digits-test.npy')},${join(FIXTURES, 'digits-test-labels.npy')}`,
  };
}

export const ACCURACY_FIXTURES: readonly AccuracyCase[] = [
  fixture('digits-cnn', 'ReLU, average pooling'),
  fixture('digits-residual', 'residual, ReLU6, SiLU, max pooling'),
  fixture('digits-square', 'squares'),
];

/** @throws UsageError BENCH_USAGE */
export async function readSuite(file: string): Promise<readonly AccuracyCase[]> {
  const suite = z
    .array(entry)
    .min(1)
    .safeParse(JSON.parse(await readFile(file, 'utf8')));
  if (suite.success) return suite.data;
  throw new UsageError('BENCH_USAGE', `${file} is no list of cases: ${z.prettifyError(suite.error)}`);
}

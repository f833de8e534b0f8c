/**
 * `npm run bench:soak`: 5,000 inferences by 8 clients, with restarts in between (`soak-run.ts`). Writes `results/soak.json`; exits with 1
 * if a result was wrong or an inference failed.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { collectVersions, describeMachine } from '../cli/versions.ts';
import { nativeUnavailable } from '../src/runtime/backends/native/load-addon.ts';
import { compileFixture } from '../src/server/testing/served-model.ts';
import { describeCommit } from './commit.ts';
import { soak } from './soak-run.ts';

const ENTRY = join(import.meta.dirname, '../bin/he-compile.js');
const RESULTS = join(import.meta.dirname, 'results');

const { values } = parseArgs({
  options: {
    limit: { type: 'string', default: '5000' },
    clients: { type: 'string', default: '8' },
    restarts: { type: 'string', default: '20' },
    threads: { type: 'string', default: '1' },
    output: { type: 'string', default: join(RESULTS, 'soak.json') },
  },
});
const options = {
  inferences: Number(values.limit),
  clients: Number(values.clients),
  restarts: Number(values.restarts),
  threads: Number(values.threads),
};
const createdAt = new Date().toISOString();
const commit = await describeCommit();
const before = loadavg()[0]!;
const backend = nativeUnavailable() === null ? 'native' : 'seal';
await using model = await compileFixture('digits-square', 100, backend);
const result = await soak(model.file, options, ENTRY);
await mkdir(RESULTS, { recursive: true });
const document = {
  schema: 1,
  createdAt,
  commit,
  machine: describeMachine(),
  load: { before, after: loadavg()[0]! },
  versions: await collectVersions(),
  options: { ...options, model: 'fixtures/digits-square.onnx, compiled', backend },
  ...result,
};
await writeFile(values.output, `${JSON.stringify(document, null, 2)}\n`);
const { inferences, wrong, failed, restarts, requests, repeated } = result;
process.stdout.write(
  `${inferences} inferences, ${wrong} wrong, ${failed.length} failed, ${restarts.length} restarts, ${requests} requests, repeated ${JSON.stringify(repeated)}\n`,
);
process.exitCode = wrong === 0 && failed.length === 0 ? 0 : 1;

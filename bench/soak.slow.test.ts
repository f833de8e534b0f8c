/** The soak in small: what clients ask of a server that is stopped and killed in between is right, and none of it fails. */
import { expect, it } from 'vitest';
import { nativeUnavailable } from '../src/runtime/backends/native/load-addon.ts';
import { compileFixture } from '../src/server/testing/served-model.ts';
import { soak } from './soak-run.ts';

it('gives 100 right results over two restarts', async () => {
  await using model = await compileFixture(
    'digits-square',
    100,
    nativeUnavailable() === null ? 'native' : 'seal',
  );
  const result = await soak(model.file, { inferences: 100, clients: 4, restarts: 2, threads: 1 });
  expect(result).toMatchObject({ inferences: 100, wrong: 0, failed: [] });
  expect(result.restarts.map(({ kind, exitCode }) => [kind, exitCode])).toEqual([
    ['SIGTERM', 0],
    ['SIGKILL', null],
  ]);
});

/** Where a server asks for tokens without being told to. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { encodeArtifact } from '../../src/program/codec.ts';
import { smallArtifact } from '../../src/program/testing/small-artifact.ts';
import { InferenceServer } from '../../src/server/inference/inference-server.ts';
import { runHere } from '../testing/run-cli.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-serve-'));
  await writeFile(join(folder, 'm.hemodel'), encodeArtifact(smallArtifact()));
});
afterAll(() => rm(folder, { recursive: true }));

/** What the listener is opened with, or the code of what is printed before. */
async function listening(...flags: string[]): Promise<unknown> {
  const listen = vi.spyOn(InferenceServer.prototype, 'listenHttp').mockRejectedValue(new Error('not now'));
  const log = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const args = ['serve', 'm.hemodel', '--state', join(folder, 'state'), ...flags, '--json'];
  const { exitCode, stdout } = await runHere(args, folder);
  const settings = listen.mock.calls[0]?.[0];
  for (const spy of [listen, log]) spy.mockRestore();
  if (settings !== undefined) return settings;
  expect(exitCode).toBe(2);
  return (JSON.parse(stdout) as { error: { code: string; message: string } }).error.message;
}

it('beyond loopback a token is asked for, unless told otherwise', async () => {
  const [here, anywhere] = ['127.0.0.1:0', '0.0.0.0:0'];
  const asks = async (...flags: string[]): Promise<unknown> => {
    const settings = await listening(...flags);
    return typeof settings === 'string' ? settings : (settings as { requireBearer: boolean }).requireBearer;
  };
  expect(await asks('--http', here)).toBe(false);
  expect(await asks('--http', anywhere)).toBe(true);
  expect(await asks('--http', here, '--require-bearer')).toBe(true);
  expect(await asks('--http', anywhere, '--no-require-bearer')).toBe(false);
  expect(await asks('--http', anywhere, '--no-require-bearer', '--open-enrolment')).toBe(false);
  expect(await asks('--http', here, '--open-enrolment')).toBe(false);
  expect(await asks('--http', anywhere, '--open-enrolment')).toMatch(/^--open-enrolment is of no use/);
  expect(await asks('--http', here, '--require-bearer', '--client-ca', 'ca.pem')).toMatch(
    /^--client-ca is of/,
  );
});

it('proxies are those that are named', async () => {
  const http = ['--http', '127.0.0.1:0'];
  expect(await listening(...http)).toMatchObject({ proxies: { addresses: [], header: 'x-forwarded-for' } });
  const named = ['--trust-proxy', '10.0.0.0/8', '--trust-proxy', '::1', '--proxy-header', 'X-Real-IP'];
  expect(await listening(...http, ...named)).toMatchObject({
    proxies: { addresses: ['10.0.0.0/8', '::1'], header: 'X-Real-IP' },
  });
});

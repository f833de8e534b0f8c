/** Steps 0 to 6 by a client of another language, which was written from docs/protocol.md and shares no line with this project. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from './inference/configuration.ts';
import { InferenceServer } from './inference/inference-server.ts';
import { SILENT_LOG } from './hosting/log.ts';
import { findPython } from './testing/python.ts';
import { HTTP_SETTINGS } from './testing/idle-servers.ts';
import type { TestModel } from './testing/served-model.ts';
import { compileFixture } from './testing/served-model.ts';

const ROOT = join(import.meta.dirname, '../..');
const PROGRAM = join(ROOT, 'docs/protocol-client.py');
const ENTRY = join(ROOT, 'cli/testing/start.ts');
const python = findPython();

describe.skipIf(python === null)('the client in Python', () => {
  let model: TestModel;
  let folder: string;

  beforeAll(async () => {
    model = await compileFixture('digits-square');
    folder = await mkdtemp(join(tmpdir(), 'he-compile-python-'));
    await mkdir(join(folder, 'work'));
    await copyFile(join(ROOT, 'fixtures/samples/3-0.png'), join(folder, 'work/3.png'));
  });

  afterAll(async () => {
    await model[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const openServer = (name: string, limits: Partial<typeof DEFAULT_LIMITS>): Promise<InferenceServer> =>
    InferenceServer.open(
      [model.file],
      {
        stateFolder: join(folder, name),
        limits: { ...DEFAULT_LIMITS, ...limits },
        enrolment: { open: true, unsigned: false, authorities: [] },
        threads: 1,
      },
      '0.0.0-test',
      SILENT_LOG,
    );

  const listen = (server: InferenceServer): Promise<{ readonly url: string }> =>
    server.listenHttp(HTTP_SETTINGS);

  async function classify(url: string): Promise<{ logits: number[]; ok: boolean }> {
    const work = join(folder, 'work');
    const local = [process.execPath, ENTRY, 'crypto', '--root', work];
    const { stdout } = await promisify(execFile)(
      python!,
      [PROGRAM, url, join(work, '3.png'), work, '--', ...local],
      { env: { PATH: process.env['PATH'], HOME: folder } },
    );
    return JSON.parse(stdout) as { logits: number[]; ok: boolean };
  }

  it('enrols, provides keys, has an image evaluated, and reads the answer', async () => {
    await using server = await openServer('state', {});
    const { url } = await listen(server);
    const { logits } = await classify(url);
    expect(logits.indexOf(Math.max(...logits))).toBe(3);
  });

  it('sends in small chunks, and fetches what is too large for an answer', async () => {
    await using server = await openServer('small', { maxChunkBytes: 2 ** 18, maxInlineResultBytes: 2 ** 15 });
    const { url } = await listen(server);
    const { logits } = await classify(url);
    expect(logits.indexOf(Math.max(...logits))).toBe(3);
  });
});

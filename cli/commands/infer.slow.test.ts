/** `infer` and `crypto` as users start them, against `serve` in a process of its own, over every transport. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesOf, npyFile } from '../../src/data/testing/sample-files.ts';
import type { TestModel } from '../../src/server/testing/served-model.ts';
import { compileFixture } from '../../src/server/testing/served-model.ts';
import type { CliResult } from '../testing/run-cli.ts';
import type { ServerProcess } from '../testing/run-servers.ts';
import { cliCommand, runCliAt, startServer } from '../testing/run-servers.ts';

const SAMPLES = join(import.meta.dirname, '../../fixtures/samples');
const image = (name: string): string => join(SAMPLES, `${name}.png`);

interface InferDocument {
  readonly output: { readonly shape: number[]; readonly data: number[] };
  readonly class: { readonly index: number };
  readonly precisionBits: number;
  readonly clientId: string;
  readonly keySet: string;
  readonly latencyMs: { readonly overhead: number; readonly total: number };
  readonly bytes: { readonly evaluationKeys: number; readonly evaluationKeysSent: number };
}

let folder: string;
let home: string;
let model: TestModel;
let server: ServerProcess;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-infer-'));
  home = join(folder, 'home');
  await mkdir(home);
  model = await compileFixture('digits-square');
  const state = join(folder, 'state');
  server = await startServer(home, ['serve', model.file, '--http', '127.0.0.1:0', '--sse', '--state', state]);
}, 120_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function infer(...args: string[]): Promise<InferDocument> {
  const { exitCode, stdout, stderr } = await runCliAt(home, ['infer', '--json', ...args]);
  expect(exitCode, stdout + stderr).toBe(0);
  return JSON.parse(stdout) as InferDocument;
}

function errorOf({ stdout }: CliResult): { code: string; message: string; hint?: string } {
  return (JSON.parse(stdout) as { error: { code: string; message: string } }).error;
}

describe('infer', () => {
  it('needs the code of the operator once', async () => {
    const { exitCode, stdout, stderr } = await runCliAt(home, [
      'infer',
      '--json',
      '--server',
      server.url,
      '--image',
      image('3-0'),
    ]);
    expect(exitCode).toBe(1);
    expect(errorOf({ exitCode, stdout, stderr }).code).toBe('ERROR_ENROLMENT_REFUSED');
    // Nothing was uploaded yet that could be gone on with.
    expect(stderr).not.toContain('--session');
  });

  it('says what `run` says', async () => {
    const code = /code[^:]*: (\S+)/.exec(server.stderr())?.[1];
    const document = await infer('--server', server.url, '--image', image('3-0'), '--enrolment-code', code!);
    expect(document.class.index).toBe(3);
    expect(document.bytes.evaluationKeysSent).toBe(document.bytes.evaluationKeys);
    expect(document.latencyMs.overhead).toBeLessThan(document.latencyMs.total);
    const { stdout } = await runCliAt(home, ['run', model.file, '--input', image('3-0'), '--json']);
    const { output } = JSON.parse(stdout) as InferDocument;
    expect(document.output.shape).toEqual(output.shape);
    // Both are encrypted with noise of their own: they may round to neighbouring multiples, but no further.
    const { bound, precisionBits } = model.artifact.signature.outputs[0]!;
    const step = 2 ** Math.floor(Math.log2(bound) + 1 - precisionBits);
    document.output.data.forEach((value, i) =>
      expect(Math.abs(value - output.data[i]!)).toBeLessThanOrEqual(8 * step),
    );
  });

  it('uses the same keys over every transport of one server', async () => {
    const origin = new URL(server.url).origin;
    const first = await infer('--server', origin, '--image', image('7-1'));
    const second = await infer('--server', `sse+${origin}`, '--image', image('7-1'));
    expect([first, second]).toMatchObject([
      { class: { index: 7 }, bytes: { evaluationKeysSent: 0 } },
      {
        class: { index: 7 },
        bytes: { evaluationKeysSent: 0 },
        keySet: first.keySet,
        clientId: first.clientId,
      },
    ]);
  });

  it.for([3, 10, 1e6])('refuses an input × %d before it is encrypted', async (factor) => {
    const file = join(folder, `x${factor}.npy`);
    const pixels = Float32Array.from({ length: 28 * 28 }, (_, i) => (i % 5 === 0 ? factor : 0));
    await writeFile(file, npyFile('<f4', [1, 1, 28, 28], bytesOf(pixels)));
    const refused = await runCliAt(home, ['infer', '--json', '--server', server.url, '--image', file]);
    expect(refused.exitCode).toBe(1);
    expect(errorOf(refused).code).toBe('INPUT_OUT_OF_RANGE');
    const allowed = await runCliAt(home, [
      ...['infer', '--json', '--allow-out-of-range', '--server', server.url, '--image', file],
    ]);
    expect(allowed.stderr).toContain('leaves the range');
    // Three times the range may still give what the model can give.
    if (factor > 3) expect(errorOf(allowed).code).toBe('OUTPUT_OUT_OF_RANGE');
  });

  it('starts a server on stdio', async () => {
    const command = [
      process.execPath,
      ...cliCommand(['serve', model.file, '--stdio', '--state', join(folder, 'stdio')]),
    ];
    const address = `stdio:${command.map((word) => `"${word}"`).join(' ')}`;
    expect(await infer('--server', address, '--image', image('3-0'))).toMatchObject({ class: { index: 3 } });
  });

  it('speaks TLS with servers that the given authority vouches for, and with no others', async () => {
    const [key, certificate] = ['tls.key', 'tls.pem'].map((name) => join(folder, name));
    execFileSync(
      'openssl',
      [
        ...[
          'req',
          '-x509',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:P-256',
          '-nodes',
          '-days',
          '2',
          '-subj',
          '/CN=localhost',
        ],
        ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key!, '-out', certificate!],
      ],
      { stdio: 'ignore' },
    );
    const state = join(folder, 'tls-state');
    const tls = ['--tls-cert', certificate!, '--tls-key', key!, '--open-enrolment'];
    await using secure = await startServer(home, [
      'serve',
      model.file,
      '--http',
      '127.0.0.1:0',
      '--state',
      state,
      ...tls,
    ]);
    expect(secure.url).toMatch(/^https:/);
    expect(await infer('--server', secure.url, '--image', image('3-0'), '--ca', certificate!)).toMatchObject({
      class: { index: 3 },
    });
    const refused = await runCliAt(home, [
      'infer',
      '--json',
      '--server',
      secure.url,
      '--image',
      image('3-0'),
    ]);
    expect(errorOf(refused)).toMatchObject({
      code: 'ERROR_REMOTE',
      message: expect.stringContaining('CERT') as string,
    });
  });

  it('enrols with a certificate where the server trusts its authority', async () => {
    const at = (name: string): string => join(folder, name);
    const openssl = (...args: string[]): unknown => execFileSync('openssl', args, { stdio: 'ignore' });
    const authority = ['-subj', '/CN=authority', '-keyout', at('ca.key'), '-out', at('ca.pem')];
    openssl('req', '-x509', '-newkey', 'ed25519', '-nodes', '-days', '2', ...authority);
    openssl(
      'req',
      '-newkey',
      'ed25519',
      '-nodes',
      '-subj',
      '/CN=clinic',
      '-keyout',
      at('clinic.key'),
      '-out',
      at('clinic.csr'),
    );
    const issue = [
      '-CA',
      at('ca.pem'),
      '-CAkey',
      at('ca.key'),
      '-CAcreateserial',
      '-days',
      '2',
      '-out',
      at('clinic.pem'),
    ];
    openssl('x509', '-req', '-in', at('clinic.csr'), ...issue);
    const state = ['--state', at('pki-state'), '--client-ca', at('ca.pem')];
    await using trusting = await startServer(home, ['serve', model.file, '--http', '127.0.0.1:0', ...state]);
    const args = ['--server', trusting.url, '--image', image('3-0'), '--store', at('pki-store')];
    const certified = ['--identity-key', at('clinic.key'), '--certificate', at('clinic.pem')];
    const other = await runCliAt(home, ['infer', '--json', ...args, ...certified, '--client-id', 'other']);
    expect(errorOf(other).code).toBe('ERROR_ENROLMENT_REFUSED');
    expect(await infer(...args, ...certified, '--client-id', 'clinic')).toMatchObject({
      class: { index: 3 },
      clientId: 'clinic',
    });
    const mixed = await runCliAt(home, [
      'infer',
      '--json',
      ...args,
      '--identity-key',
      at('ca.key'),
      '--certificate',
      at('clinic.pem'),
    ]);
    expect([mixed.exitCode, errorOf(mixed).code]).toEqual([2, 'USAGE']);
  });

  it('refuses a server whose key has changed, until it is told to forget the old one', async () => {
    const serve = (state: string, port: string): Promise<ServerProcess> =>
      startServer(home, [
        'serve',
        model.file,
        '--http',
        `127.0.0.1:${port}`,
        '--open-enrolment',
        '--state',
        join(folder, state),
      ]);
    const first = await serve('first', '0');
    const args = ['--server', first.url, '--image', image('3-0')];
    await infer(...args);
    await first[Symbol.asyncDispose]();
    await using _second = await serve('second', new URL(first.url).port);
    const refused = await runCliAt(home, ['infer', '--json', ...args]);
    expect(errorOf(refused)).toMatchObject({
      code: 'ERROR_REMOTE',
      message: expect.stringContaining('pinned') as string,
    });
    expect(await infer(...args, '--forget-server')).toMatchObject({ class: { index: 3 } });
  });

  it('says which path and picture it cannot take', async () => {
    const missing = await runCliAt(home, [
      'infer',
      '--json',
      '--server',
      server.url,
      '--image',
      join(folder, 'none.png'),
    ]);
    expect([missing.exitCode, errorOf(missing).code]).toEqual([1, 'ERROR_INVALID_INPUT']);
    await writeFile(join(folder, 'text.png'), 'no picture');
    const text = await runCliAt(home, [
      'infer',
      '--json',
      '--server',
      server.url,
      '--image',
      join(folder, 'text.png'),
    ]);
    expect([text.exitCode, errorOf(text).code]).toEqual([1, 'ERROR_INVALID_INPUT']);
  });

  it('opens a store that was made with a passphrase with that passphrase only', async () => {
    const passphrase = join(folder, 'passphrase');
    await writeFile(passphrase, 'correct horse battery staple\n');
    const args = ['--server', server.url, '--image', image('3-0'), '--store', join(folder, 'sealed')];
    const made = await runCliAt(home, ['infer', '--json', ...args, '--passphrase-file', passphrase]);
    expect(errorOf(made).code).toBe('ERROR_ENROLMENT_REFUSED');
    const locked = await runCliAt(home, ['infer', '--json', ...args]);
    expect(errorOf(locked).code).toBe('ERROR_KEYSTORE_LOCKED');
    await writeFile(passphrase, 'incorrect horse');
    const wrong = await runCliAt(home, ['infer', '--json', ...args, '--passphrase-file', passphrase]);
    expect(errorOf(wrong).code).toBe('ERROR_KEYSTORE_LOCKED');
  });
});

describe('crypto', () => {
  it('serves agents on stdio: one call, from a picture to its class', async () => {
    const args = ['crypto', '--root', SAMPLES, '--server', `digits=${server.url}`];
    const agent = new Client({ name: 'agent', version: '1' });
    const env = { PATH: process.env['PATH'] ?? '', HOME: home };
    await agent.connect(
      new StdioClientTransport({ command: process.execPath, args: cliCommand(args), env, stderr: 'ignore' }),
    );
    const { tools } = await agent.listTools();
    expect(tools.map(({ name }) => name).sort()).toEqual([
      'contribute',
      'fetch_global_model',
      'fhe_cancel_session',
      'fhe_classify_file',
      'fhe_decrypt',
      'fhe_delete_keys',
      'fhe_encrypt',
      'fhe_keygen',
      'fhe_list_keys',
      'fhe_list_servers',
      'fhe_session_status',
      'fhe_start_classification',
      'prepare_update',
      'privacy_ledger',
    ]);
    const call = { name: 'fhe_classify_file', arguments: { image_path: image('7-1'), server: 'digits' } };
    expect((await agent.callTool(call)).structuredContent).toMatchObject({ ok: true, class: { index: 7 } });
    const outside = { name: 'fhe_classify_file', arguments: { image_path: '/etc/hostname.png' } };
    expect((await agent.callTool(outside)).structuredContent).toMatchObject({
      error_code: 'ERROR_PATH_REFUSED',
    });
    await agent.close();
  });

  it('listens on loopback with a token that only its user can read', async () => {
    const args = ['crypto', '--root', SAMPLES, '--http', '127.0.0.1:0'];
    const path = join(home, '.local', 'state', 'he-compile', 'client', 'crypto-token');
    await using local = await startServer(home, args);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const statusOf = async (headers: Record<string, string>): Promise<number> =>
      (
        await fetch(local.url, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', ...headers },
          body: '{}',
        })
      ).status;
    expect(await statusOf({})).toBe(401);
    expect(await statusOf({ Authorization: `Bearer ${await readFile(path, 'utf8')}` })).not.toBe(401);
  });
});

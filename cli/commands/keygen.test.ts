/** Keys on file: which appear, for whom, and which commands take them. */
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeArtifact } from '../../src/program/codec.ts';
import { smallArtifact } from '../../src/program/testing/small-artifact.ts';
import { runCli } from '../testing/run-cli.ts';
import { define } from './keygen.ts';

const { signature } = smallArtifact();
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-keys-'));
  await writeFile(join(folder, 'm.hemodel'), encodeArtifact(smallArtifact()));
  const [input] = signature.inputs;
  const values = { shape: input!.layout.shape, data: Array<number>(4096).fill(0.5) };
  await writeFile(join(folder, 'x.json'), JSON.stringify(values));
});
afterAll(() => rm(folder, { recursive: true }));

/** The code of the error that a command prints, or null. */
async function errorOf(exitCode: number, ...args: string[]): Promise<string | null> {
  const result = await runCli([...args, '--json'], folder);
  expect(result.exitCode, result.stdout + result.stderr).toBe(exitCode);
  return (JSON.parse(result.stdout) as { error?: { code: string } }).error?.code ?? null;
}

const keygen = (secret: string, publicKey: string, evaluation: string): string[] => [
  ...['keygen', 'm.hemodel', '--secret-key', secret],
  ...['--public-key', publicKey, '--evaluation-keys', evaluation],
];
const keyFiles = async (): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name !== 'm.hemodel' && name !== 'x.json').toSorted();

it('keygen refuses to write two keys to one file', async () => {
  expect(await errorOf(2, ...keygen('s.key', './s.key', 'e.key'))).toBe('USAGE');
  expect(await keyFiles()).toEqual([]);
});

it('keygen leaves nothing behind when the secret key cannot be written', async () => {
  const gone = join(folder, 'gone');
  await mkdir(gone);
  const command = new Command().exitOverride();
  // The folder disappears while the keys are made: after the check, before the write.
  const { signal } = new AbortController();
  const progress = { report: () => rmSync(gone, { recursive: true, force: true }), signal };
  define(command, async (task) => {
    await task({ progress, signal, note: () => undefined });
  });
  const at = (name: string): string => join(folder, name);
  const [, artifact, ...flags] = keygen(join(gone, 's.key'), at('p.key'), at('e.key'));
  const running = command.parseAsync([at(artifact!), ...flags], { from: 'user' });
  await expect(running).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
  expect(await keyFiles()).toEqual([]);
});

it('encrypt takes the public key, and refuses every other', async () => {
  expect(await errorOf(0, ...keygen('s.key', 'p.key', 'e.key'))).toBeNull();
  expect(await keyFiles()).toEqual(['e.key', 'p.key', 's.key']);
  expect((await stat(join(folder, 's.key'))).mode & 0o777).toBe(0o600);
  const encrypt = (exitCode: number, key: string): Promise<string | null> =>
    errorOf(exitCode, 'encrypt', 'm.hemodel', '--public-key', key, '--input', 'x.json', '-o', 'x.ct');
  expect(await encrypt(1, 's.key')).toBe('SECRET_KEY_REFUSED');
  expect(await encrypt(1, 'e.key')).toBe('CONTAINER_KIND');
  expect(await keyFiles()).not.toContain('x.ct');
  expect(await encrypt(0, 'p.key')).toBeNull();
  expect(await keyFiles()).toContain('x.ct');
});

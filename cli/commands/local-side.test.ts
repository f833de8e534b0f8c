/** What `infer` and `crypto` refuse before they do anything. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CliResult } from '../testing/run-cli.ts';
import { runHere } from '../testing/run-cli.ts';

const SAMPLES = join(import.meta.dirname, '../../fixtures/samples');
const IMAGE = join(SAMPLES, '3-0.png');

function codeOf({ exitCode, stdout }: CliResult): [number | null, string] {
  return [exitCode, (JSON.parse(stdout) as { error: { code: string } }).error.code];
}

describe('infer', () => {
  it.each([
    ['plaintext to another machine', ['--server', 'http://192.0.2.1:80', '--image', IMAGE]],
    ['no image', ['--server', 'http://127.0.0.1:1']],
    [
      'two ways to unlock',
      ['--server', 'http://127.0.0.1:1', '--image', IMAGE, '--key-file', 'a', '--passphrase-file', 'b'],
    ],
    ['half of a certified key', ['--server', 'http://127.0.0.1:1', '--image', IMAGE, '--certificate', 'a']],
    ['a name that is none', ['--server', 'http://127.0.0.1:1', '--image', IMAGE, '--client-id', 'a/b']],
  ])('refuses %s', async (_what, args) => {
    expect(codeOf(await runHere(['infer', '--json', ...args]))).toEqual([2, 'USAGE']);
  });
});

describe('crypto', () => {
  it.each([
    ['the whole file system as root', ['--root', '/']],
    ['a root that does not exist', ['--root', '/no/such/folder']],
    ['a code for a server that it does not know', ['--root', SAMPLES, '--enrolment-code', 'a=b']],
    ['plaintext to another machine', ['--root', SAMPLES, '--server', 'a=http://192.0.2.1']],
    ['two transports', ['--root', SAMPLES, '--stdio', '--http', '127.0.0.1:0']],
  ])('refuses %s', async (_what, args) => {
    expect(codeOf(await runHere(['crypto', '--json', ...args]))).toEqual([2, 'USAGE']);
  });

  it.each(['0.0.0.0:0', '[::]:0', '192.0.2.1:0', 'example.org:80'])(
    'refuses to listen on %s',
    async (address) => {
      const result = await runHere(['crypto', '--json', '--root', SAMPLES, '--http', address]);
      expect(codeOf(result)).toEqual([2, 'LOOPBACK_ONLY']);
    },
  );
});

import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'he-compile-launcher-'));
  await mkdir(join(root, 'bin'));
  await cp(join(import.meta.dirname, '../bin/he-compile.js'), join(root, 'bin/he-compile.js'));
  await writeFile(join(root, 'package.json'), '{"type": "module"}');
});
afterAll(() => rm(root, { recursive: true }));

/** `before` runs in the same process first; it can make the running Node look old. */
function launch(
  args: readonly string[],
  before = '',
  kill?: NodeJS.Signals,
): Promise<{ code: number | null; out: string }> {
  return new Promise((resolve) => {
    const preload = before === '' ? [] : ['--import', `data:text/javascript,${encodeURIComponent(before)}`];
    const child = spawn(process.execPath, [...preload, join(root, 'bin/he-compile.js'), ...args]);
    let out = '';
    const hear = (chunk: Buffer): void => {
      out += chunk.toString();
      if (kill !== undefined && out.includes('ready')) child.kill(kill);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('close', (code) => resolve({ code, out }));
  });
}

const OLD = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } });";

describe('the launcher', () => {
  it('says what to run when the package is not built', async () => {
    const { code, out } = await launch([]);
    expect([code, out]).toEqual([1, expect.stringMatching(/NOT_BUILT.*\n.*npm ci/) as string]);
    const json = await launch(['--json']);
    expect(JSON.parse(json.out)).toMatchObject({ error: { code: 'NOT_BUILT' } });
  });

  it('says what to do when no newer Node is there', async () => {
    const { code, out } = await launch([], OLD);
    expect([code, out]).toEqual([1, expect.stringMatching(/NODE_TOO_OLD: Node 20\.1\.0.*22\.12/) as string]);
  });

  describe('with a built package', () => {
    beforeAll(async () => {
      await mkdir(join(root, 'dist/cli'), { recursive: true });
      await writeFile(
        join(root, 'dist/cli/main.js'),
        `export async function main(args) {
          console.log(process.versions.node, args.join());
          if (args[0] !== 'wait') return Number(args[0]);
          return new Promise((resolve) => {
            process.on('SIGINT', () => resolve(130));
            setTimeout(() => resolve(1), 20000);
            console.log('ready');
          });
        }`,
      );
      await mkdir(join(root, 'node_modules/node/bin'), { recursive: true });
      await writeFile(
        join(root, 'node_modules/node/bin/node'),
        `#!/bin/sh\nexec ${process.execPath} "$@"\n`,
        { mode: 0o755 },
      );
    });

    it('hands exit codes through', async () => {
      expect(await launch(['2', 'a b'])).toEqual({ code: 2, out: `${process.versions.node} 2,a b\n` });
    });

    it.skipIf(process.platform === 'win32')(
      'hands over to the project’s own Node, exit code and all',
      async () => {
        expect(await launch(['70', 'x'], OLD)).toEqual({ code: 70, out: `${process.versions.node} 70,x\n` });
      },
    );

    it.skipIf(process.platform === 'win32')('passes signals on', async () => {
      expect((await launch(['wait'], OLD, 'SIGINT')).code).toBe(130);
    });
  });
});

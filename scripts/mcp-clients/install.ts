/** The packages of others, installed once for each manifest, in a folder of the system's own: none is a dependency of the project. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const MANIFEST = join(import.meta.dirname, 'package.json');
const DRIVERS = join(import.meta.dirname, 'drivers');
const COMPLETE = '.complete';

export interface Installation {
  readonly folder: string;
  /** Path of a file of an installed package. */
  file(name: string, path: string): string;
  version(name: string): Promise<string>;
}

/** Without install scripts: nothing of a package runs before it is asked to. */
export async function install(): Promise<Installation> {
  const manifest = await readFile(MANIFEST);
  const digest = createHash('sha256').update(manifest).digest('hex').slice(0, 16);
  const folder = join(tmpdir(), `he-compile-mcp-clients-${digest}`);
  await mkdir(folder, { recursive: true });
  await copyFile(MANIFEST, join(folder, 'package.json'));
  await cp(DRIVERS, join(folder, 'drivers'), { recursive: true });
  if (!existsSync(join(folder, COMPLETE))) {
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error'];
    await promisify(execFile)('npm', args, { cwd: folder });
    await writeFile(join(folder, COMPLETE), '');
  }
  const file = (name: string, path: string): string => join(folder, 'node_modules', name, path);
  return {
    folder,
    file,
    version: async (name) => {
      const { version } = JSON.parse(await readFile(file(name, 'package.json'), 'utf8')) as {
        version: string;
      };
      return version;
    },
  };
}

/** Versions and machine facts that go into reports. */
import { readFile } from 'node:fs/promises';
import { arch, cpus, platform, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InternalError } from '../src/errors.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly platform: string;
}

export type Versions = Readonly<Record<string, string>>;

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryBytes: totalmem(),
    platform: `${platform()} ${arch()}`,
  };
}

export async function packageVersion(): Promise<string> {
  return (await readPackage(import.meta.dirname, 'he-compile')).version;
}

export async function collectVersions(): Promise<Versions> {
  const versions: Record<string, string> = {
    'he-compile': await packageVersion(),
    node: process.versions.node,
  };
  for (const name of ['node-seal', 'onnxruntime-node']) {
    versions[name] = (await readPackage(dirname(fileURLToPath(import.meta.resolve(name))), name)).version;
  }
  return versions;
}

/** The folder of this package: the sources, or what `dist/` was built from. */
export async function packageRoot(): Promise<string> {
  return (await readPackage(import.meta.dirname, 'he-compile')).folder;
}

/** The nearest package.json with this name, in `start` or above. */
async function readPackage(start: string, name: string): Promise<{ version: string; folder: string }> {
  for (let folder = start; ; folder = dirname(folder)) {
    const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => null);
    if (text !== null) {
      const parsed = JSON.parse(text) as { name?: string; version?: string };
      if (parsed.name === name) return { version: parsed.version ?? 'unknown', folder };
    }
    if (folder === dirname(folder)) throw new InternalError(`package.json of ${name} not found`);
  }
}

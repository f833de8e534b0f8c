/** What is handed out beside the code: the registry's description, the snippets for hosts, the archive format of bundles. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { Command } from 'commander';
import { beforeAll, describe, expect, it } from 'vitest';
import { define } from '../cli/commands/crypto.ts';
import { LOCAL_TOOLS } from '../src/server/crypto/tools/registry.ts';
import { zip } from '../scripts/zip.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8');

let options: (string | undefined)[];
beforeAll(() => {
  const command = new Command();
  define(command, async () => undefined);
  options = command.options.map(({ long }) => long);
});

describe('server.json', () => {
  interface Argument {
    readonly type: string;
    readonly name?: string;
    readonly value?: string;
  }
  interface Registration {
    readonly name: string;
    readonly description: string;
    readonly version: string;
    readonly packages: readonly {
      readonly identifier: string;
      readonly version: string;
      readonly packageArguments: readonly Argument[];
      readonly environmentVariables: readonly { readonly name: string }[];
    }[];
  }

  it('describes this version, and names only options and variables that there are', () => {
    const registration = JSON.parse(read('server.json')) as Registration;
    const manifest = JSON.parse(read('package.json')) as { name: string; version: string; mcpName: string };
    const [entry] = registration.packages;
    expect([registration.version, entry!.version]).toEqual([manifest.version, manifest.version]);
    expect([registration.name, entry!.identifier]).toEqual([manifest.mcpName, manifest.name]);
    expect(registration.name).toMatch(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/);
    expect(registration.description.length).toBeLessThanOrEqual(100);
    const [verb, ...named] = entry!.packageArguments;
    expect(verb).toEqual({ type: 'positional', value: 'crypto' });
    for (const { name } of named) expect(options).toContain(name);
    const sources = read('cli/local-side.ts') + read('cli/commands/crypto.ts');
    for (const { name } of entry!.environmentVariables) expect(sources).toContain(`'${name}'`);
  });
});

describe('the snippets for hosts', () => {
  const text = read('docs/agent-hosts.md');

  it('are JSON, and use only options that there are', () => {
    const blocks = [...text.matchAll(/```json\n([\s\S]*?)```/g)].map(
      ([, block]) => JSON.parse(block!) as object,
    );
    expect(blocks.length).toBeGreaterThanOrEqual(2);
    const used = [...JSON.stringify(blocks).matchAll(/"(--[a-z-]+)"/g)].map(([, option]) => option);
    const inShell = [...text.matchAll(/he-compile crypto (.*)/g)].flatMap(
      ([, rest]) => rest!.match(/--[a-z-]+/g) ?? [],
    );
    expect(used.length + inShell.length).toBeGreaterThan(5);
    for (const option of [...used, ...inShell]) expect(options).toContain(option);
  });

  it('list every tool', () => {
    const [, table] = text.split('## Tools of the local server');
    const listed = [...table!.split('\n## ')[0]!.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
    expect(listed.sort()).toEqual(LOCAL_TOOLS.map(({ name }) => name).sort());
  });
});

describe('zip', () => {
  it('holds files as they are, the same bytes each time', () => {
    const entries = [
      { name: 'b/ü.txt', content: Buffer.from('text '.repeat(1000)) },
      { name: 'a', content: Buffer.from([0, 1, 2]) },
      { name: 'empty', content: Buffer.alloc(0) },
    ];
    const archive = zip(entries);
    expect(zip([...entries].reverse())).toEqual(archive);
    expect(contentOf(archive)).toEqual(
      new Map(entries.map(({ name, content }) => [name, content.toString('hex')])),
    );
  });

  /** Read from the central directory, as unpackers do. */
  function contentOf(archive: Buffer): Map<string, string> {
    const end = archive.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
    let at = archive.readUInt32LE(end + 16);
    const files = new Map<string, string>();
    for (let i = 0; i < archive.readUInt16LE(end + 10); i++) {
      const nameLength = archive.readUInt16LE(at + 28);
      const name = archive.subarray(at + 46, at + 46 + nameLength).toString('utf8');
      const start = archive.readUInt32LE(at + 42) + 30 + nameLength;
      const data = archive.subarray(start, start + archive.readUInt32LE(at + 20));
      const content = archive.readUInt16LE(at + 10) === 8 ? inflateRawSync(data) : data;
      expect(content.length).toBe(archive.readUInt32LE(at + 24));
      files.set(name, content.toString('hex'));
      at += 46 + nameLength;
    }
    return files;
  }
});

/** The bundle for hosts, unpacked and started as they do it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleEntries } from '../scripts/build-mcpb.ts';
import { zip } from '../scripts/zip.ts';
import type { ZipEntry } from '../scripts/zip.ts';

const ROOT = join(import.meta.dirname, '..');
/** Below node_modules, so that the packages are found from there. */
const BUILT = join(ROOT, 'node_modules', '.cache', 'bundle-test');
const MAX_BUNDLE_BYTES = 20e6;

interface Manifest {
  readonly tools: readonly { readonly name: string }[];
  readonly server: {
    readonly entry_point: string;
    readonly mcp_config: { readonly args: readonly string[] };
  };
  readonly user_config: Readonly<Record<string, unknown>>;
}

let folder: string;
let entries: ZipEntry[];
let manifest: Manifest;
beforeAll(async () => {
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [compiler, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', BUILT]);
  entries = await bundleEntries(BUILT);
  folder = mkdtempSync(join(tmpdir(), 'he-compile-bundle-'));
  for (const { name, content } of entries) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  manifest = JSON.parse(entries.find(({ name }) => name === 'manifest.json')!.content.toString()) as Manifest;
}, 300_000);
afterAll(() => {
  rmSync(BUILT, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
});

describe('the bundle', () => {
  it('holds what runs, and neither the compiler nor packages of its own', () => {
    const names = entries.map(({ name }) => name);
    expect(names).toContain(manifest.server.entry_point);
    expect(names.filter((name) => /onnxruntime|mathjs|vitest|node_modules\/typescript/.test(name))).toEqual(
      [],
    );
    expect(names.filter((name) => name.startsWith('dist/src/compiler/'))).toEqual([]);
    expect(zip(entries).length).toBeLessThan(MAX_BUNDLE_BYTES);
  });

  it('asks for everything that its command line names', () => {
    const placeholders = [...JSON.stringify(manifest.server).matchAll(/\$\{user_config\.(\w+)\}/g)].map(
      ([, name]) => name,
    );
    expect(placeholders.sort()).toEqual(Object.keys(manifest.user_config).sort());
  });

  it('starts as a host starts it, and offers the tools that it lists', async () => {
    const root = join(ROOT, 'fixtures');
    const values: Record<string, string> = {
      __dirname: folder,
      'user_config.server_url': 'http://127.0.0.1:1',
    };
    const args = manifest.server.mcp_config.args.flatMap((arg) =>
      // Fields with several values become several arguments.
      arg === '${user_config.folders}'
        ? [root, folder]
        : arg.replace(/\$\{([\w.]+)\}/g, (_, name: string) => values[name] ?? ''),
    );
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: join(folder, 'home'),
      HE_COMPILE_PASSPHRASE: '${user_config.passphrase}',
    };
    const host = new Client({ name: 'host', version: '1' });
    await host.connect(new StdioClientTransport({ command: process.execPath, args, env, stderr: 'inherit' }));
    const { tools } = await host.listTools();
    expect(tools.map(({ name }) => name)).toEqual(manifest.tools.map(({ name }) => name));
    const call = { name: 'fhe_classify_file', arguments: { image_path: join(root, 'none.png') } };
    expect((await host.callTool(call)).structuredContent).toMatchObject({ ok: false });
    await host.close();
  });
});

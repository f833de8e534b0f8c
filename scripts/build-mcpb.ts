/**
 * Bundles the local cryptographic server for hosts that install MCP servers with a click (.mcpb, manifest 0.3):
 *
 *   npm run build && node scripts/build-mcpb.ts [-o he-compile-crypto.mcpb]
 *
 * The bundle holds the built modules of `he-compile crypto` and the packages that they import, and nothing of the compiler.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { entryOf, packageFiles, reachableModules } from './bundled-files.ts';
import { zip } from './zip.ts';
import type { ZipEntry } from './zip.ts';

const ROOT = join(import.meta.dirname, '..');
const ENTRY = `import { main } from '../dist/cli/main.js';
process.exitCode = await main(['crypto', '--stdio', ...process.argv.slice(2)]);
`;

interface ToolText {
  readonly name: string;
  readonly description: string;
}

/** @param built folder of the compiler's output, `dist` */
export async function bundleEntries(built: string): Promise<ZipEntry[]> {
  const command = join(built, 'cli', 'commands', 'crypto.js');
  if (!existsSync(command)) throw new Error(`${command} is missing: run "npm run build" first`);
  const others = (file: string): boolean =>
    file.startsWith(join(built, 'cli', 'commands')) && file !== command;
  const { files, packages } = reachableModules([join(built, 'cli', 'main.js'), command], others);
  const { LOCAL_TOOLS } = (await import(
    pathToFileURL(join(built, 'src', 'server', 'crypto', 'tools', 'registry.js')).href
  )) as { LOCAL_TOOLS: readonly ToolText[] };
  const { name, version, license, engines } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  ) as Package;
  return [
    text('manifest.json', manifest({ version, license, engines }, LOCAL_TOOLS)),
    text('package.json', { name, version, license, type: 'module', private: true }),
    { name: 'server/index.js', content: Buffer.from(ENTRY) },
    entryOf(ROOT, join(ROOT, 'LICENSE')),
    ...files.map((file) => {
      const { name: path, content } = entryOf(built, file);
      return { name: `dist/${path}`, content };
    }),
    ...packageFiles(ROOT, packages),
  ];
}

interface Package {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly engines: { readonly node: string };
}

/** https://github.com/modelcontextprotocol/mcpb/blob/main/MANIFEST.md, version 0.3 */
function manifest({ version, license, engines }: Omit<Package, 'name'>, tools: readonly ToolText[]): object {
  return {
    manifest_version: '0.3',
    name: 'he-compile-crypto',
    display_name: 'he-compile: private classification',
    version,
    description: 'Classifies your files with remote models that never see them.',
    long_description:
      'Keeps your keys, encrypts files on this machine, has a remote server evaluate its model on the ciphertexts, and decrypts the answer here. The server sees neither your files nor the results.',
    author: { name: 'The he-compile authors' },
    license,
    server: {
      type: 'node',
      entry_point: 'server/index.js',
      mcp_config: {
        command: 'node',
        args: [
          '${__dirname}/server/index.js',
          '--server',
          'remote=${user_config.server_url}',
          '--root',
          '${user_config.folders}',
        ],
        env: {
          HE_COMPILE_PASSPHRASE: '${user_config.passphrase}',
          HE_COMPILE_ENROLMENT_CODE: '${user_config.enrolment_code}',
        },
      },
    },
    tools: tools.map(({ name, description }) => ({ name, description })),
    keywords: ['homomorphic encryption', 'privacy', 'classification'],
    compatibility: { platforms: ['darwin', 'linux', 'win32'], runtimes: { node: engines.node } },
    user_config: {
      server_url: {
        type: 'string',
        title: 'Inference server',
        description: 'Address of the remote server, for example https://inference.example:8443',
        required: true,
      },
      folders: {
        type: 'directory',
        title: 'Folders',
        description: 'Folders whose files may be encrypted and sent; everything else stays out of reach',
        multiple: true,
        required: true,
        default: ['${HOME}/Pictures'],
      },
      enrolment_code: {
        type: 'string',
        title: 'Enrolment code',
        description: 'One-time code of the server’s operator, needed for the first call only',
        sensitive: true,
        required: false,
      },
      passphrase: {
        type: 'string',
        title: 'Passphrase of the key store',
        description: 'Without one, a key file in your configuration folder unlocks it',
        sensitive: true,
        required: false,
      },
    },
  };
}

function text(name: string, document: object): ZipEntry {
  return { name, content: Buffer.from(`${JSON.stringify(document, null, 2)}\n`) };
}

if (process.argv[1] === import.meta.filename) {
  const at = process.argv.indexOf('-o');
  const output = resolve(at === -1 ? 'he-compile-crypto.mcpb' : (process.argv[at + 1] ?? ''));
  const entries = await bundleEntries(join(ROOT, 'dist'));
  const archive = zip(entries);
  writeFileSync(output, archive);
  console.log(`wrote ${output} (${entries.length} files, ${(archive.length / 1e6).toFixed(1)} MB)`);
}

/**
 * The walls of the architecture, checked on source text: who may import whom, and what a module may hold. Works on a map
 * from path to text, so that the test can show for each wall that a breach is seen.
 */
import ts from 'typescript';

/** POSIX paths relative to the repository root → source text. */
export type SourceTree = ReadonlyMap<string, string>;

export interface Breach {
  readonly wall: Wall;
  readonly file: string;
  readonly detail: string;
}

export type Wall =
  | 'one-way'
  | 'secret-side'
  | 'he-library'
  | 'reference-runtime'
  | 'onnx-format'
  | 'message-protocol'
  | 'declared-packages'
  | 'test-support'
  | 'unresolved'
  | 'module-state'
  | 'file-name';

type Room = 'errors' | 'program' | 'compiler' | 'runtime' | 'data' | 'server' | 'index' | 'cli';

/** errors → program → {compiler, runtime} → server → cli; data stands beside the compiler, index is the public door. */
const MAY_IMPORT: Readonly<Record<Room, readonly Room[]>> = {
  errors: [],
  program: ['errors'],
  compiler: ['errors', 'program'],
  runtime: ['errors', 'program'],
  data: ['errors', 'program'],
  server: ['errors', 'program', 'compiler', 'runtime', 'data'],
  index: ['errors', 'program', 'compiler', 'runtime', 'data', 'server'],
  cli: ['errors', 'program', 'compiler', 'runtime', 'data', 'server', 'index'],
};

/** The contract between data and compiler: the types of inputs, and nothing that runs. */
const DATA_SEES_OF_COMPILER = ['src/compiler/options.ts', 'src/compiler/ir/tensor-graph.ts'];

/** Folders and files with code for secret keys. */
const SECRET_SIDE = [
  'src/runtime/client/',
  'src/runtime/backends/native/secret-side.ts',
  'src/runtime/backends/seal/secret-side.ts',
  'src/runtime/formats/secret-key.ts',
  'src/server/crypto/',
];
/** The addon with the code for secret keys, by name, and the files that may name it. */
const SECRET_ADDON = /['"`]he_secret['"`]/;
const SECRET_ADDON_NAMED_IN = [
  'src/runtime/backends/native/load-addon.ts',
  'src/runtime/backends/native/secret-side.ts',
];
/** Folders and files that must never have the code for secret keys in their process. */
const PUBLIC_SIDE = [
  'src/runtime/evaluation/',
  'src/runtime/encryption/',
  'src/server/client/',
  'src/server/inference/',
  'src/server/protocol/',
  'src/server/storage/',
  'src/server/transport/',
  'cli/commands/encrypt.ts',
  'cli/commands/evaluate.ts',
  'cli/commands/serve.ts',
];

/** Keeps the owner's secrets: keys, tokens, passphrases. The client may use it; a server for others never. */
const VAULT = ['src/server/vault/'];
const REMOTE_SIDE = [
  'src/server/inference/',
  'src/server/protocol/',
  'src/server/storage/',
  'src/server/transport/',
  'cli/commands/serve.ts',
];

/** Packages that only some rooms may know. */
const PACKAGE_WALLS: readonly { wall: Wall; package: string; allowed: readonly string[] }[] = [
  { wall: 'he-library', package: 'node-seal', allowed: ['src/runtime/backends/'] },
  { wall: 'reference-runtime', package: 'onnxruntime-node', allowed: ['src/compiler/reference/'] },
  {
    wall: 'onnx-format',
    package: 'onnx-proto',
    allowed: ['src/compiler/onnx/', 'src/compiler/reference/', 'src/data/'],
  },
  { wall: 'message-protocol', package: '@modelcontextprotocol/server', allowed: ['src/server/transport/'] },
  { wall: 'message-protocol', package: '@modelcontextprotocol/node', allowed: ['src/server/transport/'] },
  { wall: 'message-protocol', package: '@modelcontextprotocol/client', allowed: ['src/server/client/'] },
  { wall: 'message-protocol', package: '@modelcontextprotocol/sdk', allowed: [] },
];

/** The one file that starts workers for others. */
const WORKER_STARTER = 'src/runtime/workers/channel.ts';

const SHAPELESS_NAMES = ['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'shared'];

/** Every breach in `tree`. `packages` are the runtime dependencies of package.json. */
export function findBreaches(tree: SourceTree, packages: ReadonlySet<string>): Breach[] {
  const breaches: Breach[] = [];
  const edges = new Map<string, readonly string[]>();
  for (const [file, text] of tree) {
    breaches.push(...nameBreaches(file));
    if (isTestSupport(file)) continue;
    const specifiers = importsOf(text);
    edges.set(
      file,
      specifiers.filter(isRelative).map((specifier) => resolve(file, specifier)),
    );
    breaches.push(
      ...packageBreaches(file, specifiers, packages),
      ...stateBreaches(file, text),
      ...unreadableLoads(file, text),
      ...secretAddonBreaches(file, text),
    );
  }
  for (const [file, targets] of edges) breaches.push(...edgeBreaches(file, targets, tree));
  return [...breaches, ...secretSideBreaches(edges)];
}

function roomOf(file: string): Room | null {
  if (file === 'src/errors.ts') return 'errors';
  if (file === 'src/index.ts' || file === 'src/compile.ts') return 'index';
  if (file.startsWith('cli/')) return 'cli';
  const room = /^src\/(program|compiler|runtime|data|server)\//.exec(file)?.[1];
  return room === undefined ? null : (room as Room);
}

function isTestSupport(file: string): boolean {
  return file.endsWith('.test.ts') || file.includes('/testing/');
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith('.');
}

/** Worker entries, in the two ways they may be written: `new URL('./x.ts', import.meta.url)`, `workerEntry(…, 'x')`. */
const WORKER_URL = /new URL\(\s*['"`](\.[^'"`]+\.[jt]s)['"`],\s*import\.meta\.url/g;
const WORKER_ENTRY = /\bworkerEntry\(\s*import\.meta\.url,\s*['"]([\w-]+)['"]/g;

/** Module specifiers: static and dynamic imports, re-exports, and worker entries. */
function importsOf(text: string): string[] {
  const imports = ts.preProcessFile(text, true, true).importedFiles.map((reference) => reference.fileName);
  const urls = [...text.matchAll(WORKER_URL)].map((match) => match[1]!);
  const entries = [...text.matchAll(WORKER_ENTRY)].map((match) => `./${match[1]}.ts`);
  return [...imports, ...urls, ...entries];
}

/** Code that is loaded under a computed name would leave the graph with a hole. */
function unreadableLoads(file: string, text: string): Breach[] {
  if (file === WORKER_STARTER) return [];
  const workers = text.match(/\bnew Worker\(|\bworkerEntry\(/g)?.length ?? 0;
  const readable = (text.match(WORKER_URL)?.length ?? 0) + (text.match(WORKER_ENTRY)?.length ?? 0);
  const computed = /\bimport\(\s*(?!['"])\S/.test(text);
  if (workers <= readable && !computed) return [];
  return [
    { wall: 'unresolved', file, detail: 'loads code under a name that cannot be read from the source' },
  ];
}

/** An addon is loaded by its name, which no import shows. */
function secretAddonBreaches(file: string, text: string): Breach[] {
  if (SECRET_ADDON_NAMED_IN.includes(file) || !SECRET_ADDON.test(text)) return [];
  return [{ wall: 'secret-side', file, detail: 'names the addon for secret keys' }];
}

/** The path of a relative specifier; a built `.js` name stands for its `.ts` source. */
function resolve(file: string, specifier: string): string {
  return new URL(specifier, `file:///${file}`).pathname.slice(1).replace(/\.js$/, '.ts');
}

function edgeBreaches(file: string, targets: readonly string[], tree: SourceTree): Breach[] {
  const room = roomOf(file);
  if (room === null) return [{ wall: 'one-way', file, detail: 'stands in no room of the architecture' }];
  const breaches: Breach[] = [];
  for (const target of targets) {
    if (!/\.ts$/.test(target)) continue;
    if (!tree.has(target)) {
      breaches.push({ wall: 'unresolved', file, detail: `imports ${target}, which does not exist` });
      continue;
    }
    if (isTestSupport(target)) {
      breaches.push({ wall: 'test-support', file, detail: `imports ${target}, which is for tests` });
      continue;
    }
    const targetRoom = roomOf(target);
    const allowed =
      targetRoom === room ||
      (targetRoom !== null && MAY_IMPORT[room].includes(targetRoom)) ||
      (room === 'data' && DATA_SEES_OF_COMPILER.includes(target));
    if (!allowed) breaches.push({ wall: 'one-way', file, detail: `${room} imports ${target}` });
  }
  return breaches;
}

function packageBreaches(
  file: string,
  specifiers: readonly string[],
  packages: ReadonlySet<string>,
): Breach[] {
  const breaches: Breach[] = [];
  for (const specifier of specifiers) {
    if (isRelative(specifier) || specifier.startsWith('node:')) continue;
    const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
    if (!packages.has(name))
      breaches.push({
        wall: 'declared-packages',
        file,
        detail: `imports ${name}, which package.json does not declare`,
      });
    for (const rule of PACKAGE_WALLS) {
      if (name === rule.package && !rule.allowed.some((room) => file.startsWith(room)))
        breaches.push({
          wall: rule.wall,
          file,
          detail: `imports ${name}; only ${rule.allowed.join(', ') || 'tests'} may`,
        });
    }
  }
  return breaches;
}

/** The public side must not reach the secret side over any number of imports; the detail names the path. */
function secretSideBreaches(edges: ReadonlyMap<string, readonly string[]>): Breach[] {
  const breaches: Breach[] = [];
  for (const [from, to] of [
    [PUBLIC_SIDE, SECRET_SIDE],
    [REMOTE_SIDE, VAULT],
  ] as const) {
    for (const file of edges.keys()) {
      if (!from.some((room) => file.startsWith(room))) continue;
      const path = pathTo(to, file, edges);
      if (path !== null) breaches.push({ wall: 'secret-side', file, detail: path.join(' → ') });
    }
  }
  return breaches;
}

function pathTo(
  rooms: readonly string[],
  start: string,
  edges: ReadonlyMap<string, readonly string[]>,
): string[] | null {
  const cameFrom = new Map<string, string | null>([[start, null]]);
  // A Map is iterated in insertion order, entries added on the way included: a breadth-first walk.
  for (const [file] of cameFrom) {
    if (rooms.some((room) => file.startsWith(room))) {
      const path: string[] = [];
      for (let at: string | null = file; at !== null; at = cameFrom.get(at) ?? null) path.unshift(at);
      return path;
    }
    for (const next of edges.get(file) ?? []) if (!cameFrom.has(next)) cameFrom.set(next, file);
  }
  return null;
}

/** Module-level `let` and `var`, and module-level collections that start empty (caches). */
function stateBreaches(file: string, text: string): Breach[] {
  const breaches: Breach[] = [];
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  for (const statement of source.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    const constant = (statement.declarationList.flags & ts.NodeFlags.Const) !== 0;
    for (const declaration of statement.declarationList.declarations) {
      const what = declaration.name.getText(source);
      if (!constant)
        breaches.push({ wall: 'module-state', file, detail: `"${what}" is mutable at module level` });
      else if (isEmptyCollection(declaration.initializer))
        breaches.push({
          wall: 'module-state',
          file,
          detail: `"${what}" is an empty collection at module level`,
        });
    }
  }
  return breaches;
}

function isEmptyCollection(initializer: ts.Expression | undefined): boolean {
  return (
    initializer !== undefined &&
    ts.isNewExpression(initializer) &&
    ts.isIdentifier(initializer.expression) &&
    ['Map', 'Set', 'WeakMap', 'WeakSet', 'Array'].includes(initializer.expression.text) &&
    (initializer.arguments?.length ?? 0) === 0
  );
}

function nameBreaches(file: string): Breach[] {
  const name = file.slice(file.lastIndexOf('/') + 1);
  const stem = name.slice(0, name.indexOf('.'));
  if (SHAPELESS_NAMES.includes(stem))
    return [{ wall: 'file-name', file, detail: 'says nothing about what it holds' }];
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(stem))
    return [{ wall: 'file-name', file, detail: 'is not kebab-case' }];
  return [];
}

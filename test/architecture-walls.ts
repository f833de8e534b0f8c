/**
 * The walls of the architecture, checked on source text: who may import whom, and what a module may hold. Works on a map
 * from path to text, so that the test can show for each wall that a breach is seen. One checker for all folders; what
 * concerns secret keys is in `walls/`.
 */
import ts from 'typescript';
import {
  type Breach,
  type SourceTree,
  type Wall,
  circleBreaches,
  importsOf,
  isModule,
  isRelative,
  isTest,
  isTestSupport,
  loadsUnreadably,
  moduleGraph,
  resolve,
} from './walls/module-graph.ts';
import { nativeBreaches } from './walls/native-walls.ts';
import { secrecyBreaches } from './walls/secrecy-walls.ts';
import { targetBreaches } from './walls/target-walls.ts';

type Room =
  | 'errors'
  | 'onnx'
  | 'program'
  | 'compiler'
  | 'runtime'
  | 'data'
  | 'federation'
  | 'server'
  | 'index'
  | 'cli'
  | 'tools';

/** errors → {onnx, program} → {compiler, runtime} → server → cli; data and federation stand beside the compiler, index is the public door. */
const MAY_IMPORT: Readonly<Record<Room, readonly Room[]>> = {
  errors: [],
  // Files as they are, without what they mean.
  onnx: ['errors'],
  program: ['errors'],
  compiler: ['errors', 'onnx', 'program'],
  runtime: ['errors', 'program'],
  data: ['errors', 'onnx', 'program'],
  // Knows nothing of homomorphic encryption.
  federation: ['errors'],
  // Serves what was compiled, and carries no compiler.
  server: ['errors', 'onnx', 'program', 'runtime', 'data', 'federation'],
  index: ['errors', 'onnx', 'program', 'compiler', 'runtime', 'data', 'federation', 'server'],
  cli: ['errors', 'onnx', 'program', 'compiler', 'runtime', 'data', 'federation', 'server', 'index'],
  tools: [],
};

/** The contract between data and compiler: the types of inputs, and nothing that runs. */
const DATA_SEES_OF_COMPILER = ['src/compiler/options.ts', 'src/compiler/ir/tensor-graph.ts'];

/** Packages that only some rooms may know. Tests are free to look at what others made of them; their support is not. */
const PACKAGE_WALLS: readonly { wall: Wall; package: string; allowed: readonly string[] }[] = [
  { wall: 'he-library', package: 'node-seal', allowed: ['src/runtime/backends/', 'bench/kernels/'] },
  { wall: 'reference-runtime', package: 'onnxruntime-node', allowed: ['src/compiler/reference/'] },
  {
    wall: 'onnx-format',
    package: 'onnx-proto',
    allowed: ['src/onnx/'],
  },
  {
    wall: 'message-protocol',
    package: '@modelcontextprotocol/server',
    allowed: ['src/server/transport/', 'src/server/testing/'],
  },
  { wall: 'message-protocol', package: '@modelcontextprotocol/node', allowed: ['src/server/transport/'] },
  {
    wall: 'message-protocol',
    package: '@modelcontextprotocol/client',
    allowed: ['src/server/client/', 'src/server/testing/'],
  },
  { wall: 'message-protocol', package: '@modelcontextprotocol/sdk', allowed: ['src/server/testing/'] },
  ...['pg', 'node-pg-migrate', '@aws-sdk/client-s3'].map((name) => {
    return { wall: 'storage-engine' as const, package: name, allowed: ['src/server/storage/'] };
  }),
];

/**
 * What loads code under a name that cannot be read: the starter of workers, addons, the command line, the bundler, and a thread
 * whose few lines stand beside its start.
 */
const LOADS_BY_NAME = [
  'bin/he-compile.js',
  'cli/process/watch-guard.ts',
  'scripts/build-mcpb.ts',
  'scripts/build-native.js',
  'scripts/bundled-files.ts',
  // A package, by its name, when it is needed.
  'src/compiler/approx/remez.ts',
  'src/runtime/backends/native/load-addon.ts',
  'src/runtime/backends/seal/module.ts',
  'src/runtime/workers/channel.ts',
];

const SHAPELESS_NAMES = ['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'shared'];

/** Dependencies of package.json: those that are installed with the package, and those for development. */
export interface Packages {
  readonly runtime: ReadonlySet<string>;
  readonly development: ReadonlySet<string>;
}

/** Every breach in `tree`. */
export function findBreaches(tree: SourceTree, packages: Packages): Breach[] {
  const breaches: Breach[] = [];
  const graph = moduleGraph(tree);
  for (const [file, text] of tree) {
    if (!isModule(file)) continue;
    const specifiers = importsOf(text);
    const targets = specifiers.filter(isRelative).map((specifier) => resolve(file, specifier, tree));
    breaches.push(
      ...nameBreaches(file),
      ...packageBreaches(file, specifiers, packages),
      ...edgeBreaches(file, targets, tree),
      ...(isProduction(file) ? stateBreaches(file, text) : []),
    );
    if (loadsUnreadably(text) && !LOADS_BY_NAME.includes(file) && !isTest(file))
      breaches.push({
        wall: 'unresolved',
        file,
        detail: 'loads code under a name that cannot be read from the source',
      });
  }
  return [
    ...breaches,
    ...circleBreaches(graph),
    ...secrecyBreaches(tree, graph),
    ...nativeBreaches(tree),
    ...targetBreaches(tree, graph),
    ...eagerCommands(tree),
  ];
}

/** What measures, builds and tests the whole may import everything, and nothing else may import it. */
const TOOLS = ['bench/', 'conformance/', 'scripts/', 'test/', 'fixtures/', 'bin/', 'native/'];

function roomOf(file: string): Room | null {
  if (file === 'src/errors.ts') return 'errors';
  if (file === 'src/index.ts' || file === 'src/compile.ts') return 'index';
  if (file.startsWith('cli/')) return 'cli';
  if (TOOLS.some((folder) => file.startsWith(folder))) return 'tools';
  const room = /^src\/(onnx|program|compiler|runtime|data|federation|server)\//.exec(file)?.[1];
  return room === undefined ? null : (room as Room);
}

function isProduction(file: string): boolean {
  return roomOf(file) !== 'tools' && !isTestSupport(file);
}

function edgeBreaches(file: string, targets: readonly string[], tree: SourceTree): Breach[] {
  const room = roomOf(file);
  if (room === null) return [{ wall: 'one-way', file, detail: 'stands in no room of the architecture' }];
  const breaches: Breach[] = [];
  for (const target of targets) {
    if (!tree.has(target)) {
      // Tests hold sources as text; an import of theirs that leads nowhere fails by itself.
      if (/\.json$/.test(target) || isTest(file)) continue;
      breaches.push({ wall: 'unresolved', file, detail: `imports ${target}, which does not exist` });
      continue;
    }
    if (isTest(target) || (isTestSupport(target) && isProduction(file))) {
      breaches.push({ wall: 'test-support', file, detail: `imports ${target}, which is for tests` });
      continue;
    }
    if (!isProduction(file)) continue;
    const targetRoom = roomOf(target);
    const allowed =
      targetRoom === room ||
      (targetRoom !== null && MAY_IMPORT[room].includes(targetRoom)) ||
      (room === 'data' && DATA_SEES_OF_COMPILER.includes(target));
    if (!allowed) breaches.push({ wall: 'one-way', file, detail: `${room} imports ${target}` });
  }
  return breaches;
}

/** The command line loads no command before it knows which: `evaluate` must not have loaded `decrypt`. */
function eagerCommands(tree: SourceTree): Breach[] {
  return ['cli/main.ts', 'cli/run-command.ts', 'cli/process/command-process.ts'].flatMap((entry) => {
    const eager = [...loadedAtOnce(entry, tree)].filter((file) => file.startsWith('cli/commands/'));
    return eager.map((file): Breach => {
      return { wall: 'lazy-commands', file: entry, detail: `loads ${file} before it is asked for` };
    });
  });
}

/** What is loaded with a file: static imports, those of types alone left out. */
function loadedAtOnce(entry: string, tree: SourceTree): ReadonlySet<string> {
  const seen = new Set([entry]);
  for (const at of seen) {
    for (const statement of ts.createSourceFile(at, tree.get(at) ?? '', ts.ScriptTarget.Latest).statements) {
      if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
      const specifier = statement.moduleSpecifier;
      const typeOnly = ts.isImportDeclaration(statement)
        ? statement.importClause?.isTypeOnly === true
        : statement.isTypeOnly;
      if (typeOnly || specifier === undefined || !ts.isStringLiteral(specifier)) continue;
      if (isRelative(specifier.text)) seen.add(resolve(at, specifier.text, tree));
    }
  }
  return seen;
}

function packageBreaches(
  file: string,
  specifiers: readonly string[],
  { runtime, development }: Packages,
): Breach[] {
  const breaches: Breach[] = [];
  for (const specifier of specifiers) {
    if (isRelative(specifier) || specifier.startsWith('node:')) continue;
    const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
    const declared = runtime.has(name) || (!isProduction(file) && development.has(name));
    if (!declared)
      breaches.push({
        wall: 'declared-packages',
        file,
        detail: `imports ${name}, which package.json does not declare`,
      });
    for (const rule of PACKAGE_WALLS) {
      if (name === rule.package && !isTest(file) && !rule.allowed.some((room) => file.startsWith(room)))
        breaches.push({
          wall: rule.wall,
          file,
          detail: `imports ${name}; only ${rule.allowed.join(', ') || 'tests'} may`,
        });
    }
  }
  return breaches;
}

/** Module-level `let` and `var`, and module-level collections that start empty (caches). */
function stateBreaches(file: string, text: string): Breach[] {
  const breaches: Breach[] = [];
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  for (const statement of source.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    const constant = (statement.declarationList.flags & (ts.NodeFlags.Const | ts.NodeFlags.Using)) !== 0;
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

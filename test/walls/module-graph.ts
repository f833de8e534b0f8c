/** The graph of what loads what, read from source text: static and dynamic imports, type imports, re-exports, worker entries. */
import ts from 'typescript';

/** POSIX paths relative to the repository root → source text. */
export type SourceTree = ReadonlyMap<string, string>;
/** A file → the files that it loads; those that do not exist are left out. */
export type ModuleGraph = ReadonlyMap<string, readonly string[]>;

export type Wall =
  | 'one-way'
  | 'circle'
  | 'secret-side'
  | 'lazy-commands'
  | 'he-library'
  | 'reference-runtime'
  | 'onnx-format'
  | 'message-protocol'
  | 'storage-engine'
  | 'declared-packages'
  | 'test-support'
  | 'unresolved'
  | 'module-state'
  | 'targets'
  | 'file-name';

export interface Breach {
  readonly wall: Wall;
  readonly file: string;
  readonly detail: string;
}

/** Worker entries, in the two ways they may be written: a URL beside the starter, or `workerEntry` and a name. */
const WORKER_URL = /new URL\(\s*['"`](\.[^'"`]+\.[jt]s)['"`],\s*import\.meta\.url/g;
const WORKER_ENTRY = /\bworkerEntry\(\s*import\.meta\.url,\s*['"]([\w-]+)['"]/g;

export function isModule(file: string): boolean {
  return /\.[cm]?[jt]s$/.test(file);
}

/** Tests are entries of their own: nothing may import them. */
export function isTest(file: string): boolean {
  return file.endsWith('.test.ts');
}

/** Tests, and what only tests and tools may import. */
export function isTestSupport(file: string): boolean {
  return isTest(file) || file.includes('/testing/');
}

export function isRelative(specifier: string): boolean {
  return specifier.startsWith('.');
}

/** Module specifiers, type-only ones included. */
export function importsOf(text: string): string[] {
  const imports = ts.preProcessFile(text, true, true).importedFiles.map((reference) => reference.fileName);
  const urls = [...text.matchAll(WORKER_URL)].map((match) => match[1]!);
  const entries = [...text.matchAll(WORKER_ENTRY)].map((match) => `./${match[1]}.ts`);
  return [...imports, ...urls, ...entries];
}

/** Whether some code is loaded under a name that is computed, so that the graph would have a hole. */
export function loadsUnreadably(text: string): boolean {
  const workers = text.match(/\bnew Worker\(|\bworkerEntry\(/g)?.length ?? 0;
  const readable = (text.match(WORKER_URL)?.length ?? 0) + (text.match(WORKER_ENTRY)?.length ?? 0);
  return (
    workers > readable ||
    /\bimport\(\s*(?!['"])\S/.test(text) ||
    /\bcreateRequire\b|\brequire\(|\bprocess\.dlopen\b|\bgetBuiltinModule\b/.test(text)
  );
}

/** Where a relative specifier leads; a built `.js` name stands for its `.ts` source, `dist/` for the root. */
export function resolve(file: string, specifier: string, tree: SourceTree): string {
  const path = new URL(specifier, `file:///${file}`).pathname.slice(1).replace(/^dist\//, '');
  return tree.has(path) ? path : path.replace(/\.([cm]?)js$/, '.$1ts');
}

export function moduleGraph(tree: SourceTree): ModuleGraph {
  const graph = new Map<string, readonly string[]>();
  for (const [file, text] of tree) {
    if (!isModule(file)) continue;
    const targets = importsOf(text)
      .filter(isRelative)
      .map((specifier) => resolve(file, specifier, tree));
    graph.set(
      file,
      targets.filter((target) => tree.has(target)),
    );
  }
  return graph;
}

/** The shortest path from `start` to a file that `isTarget`, `start` included; null if there is none. */
export function pathTo(
  isTarget: (file: string) => boolean,
  start: string,
  graph: ModuleGraph,
): string[] | null {
  const cameFrom = new Map<string, string | null>([[start, null]]);
  // A Map is iterated in insertion order, entries added on the way included: a breadth-first walk.
  for (const [file] of cameFrom) {
    if (isTarget(file)) {
      const path: string[] = [];
      for (let at: string | null = file; at !== null; at = cameFrom.get(at) ?? null) path.unshift(at);
      return path;
    }
    for (const next of graph.get(file) ?? []) if (!cameFrom.has(next)) cameFrom.set(next, file);
  }
  return null;
}

/** All files that reach one that `isTarget`, those included. */
export function reaching(isTarget: (file: string) => boolean, graph: ModuleGraph): ReadonlySet<string> {
  const importers = new Map<string, string[]>();
  for (const [file, targets] of graph) {
    for (const target of targets) importers.set(target, [...(importers.get(target) ?? []), file]);
  }
  const found = new Set([...graph.keys()].filter(isTarget));
  for (const file of found) for (const importer of importers.get(file) ?? []) found.add(importer);
  return found;
}

/** Files that import each other in a circle, over any number of files; type-only imports count. Each circle is named once. */
export function circleBreaches(graph: ModuleGraph): Breach[] {
  const breaches: Breach[] = [];
  const named = new Set<string>();
  for (const [file, targets] of unordered(graph)) {
    if (named.has(file)) continue;
    for (const target of targets) {
      const back = pathTo((candidate) => candidate === file, target, graph);
      if (back === null) continue;
      for (const member of back) named.add(member);
      breaches.push({ wall: 'circle', file, detail: [file, ...back].join(' → ') });
      break;
    }
  }
  return breaches;
}

/** The part of the graph that is left when files whose imports are all gone are taken away, again and again. */
function unordered(graph: ModuleGraph): ModuleGraph {
  const left = new Map(graph);
  for (let before = Infinity; left.size < before;) {
    before = left.size;
    for (const [file, targets] of left) if (!targets.some((target) => left.has(target))) left.delete(file);
  }
  return left;
}

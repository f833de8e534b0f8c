/** Which files a command needs to run on its own: its modules, their workers, and the packages that these import. */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import ts from 'typescript';
import type { ZipEntry } from './zip.ts';

/** Of packages, only what runs. */
const NOT_RUN =
  /(\.map|\.d\.[cm]?ts|\.[cm]?ts|\.md|\.markdown|\.flow|\.html|\.yml)$|(^|\/)(test|tests|docs|example|examples|\.github)\//i;
const WORKER_ENTRY = /\bworkerEntry\(\s*import\.meta\.url,\s*['"]([\w-]+)['"]/g;
const REQUIRED = /createRequire\(import\.meta\.url\)\(\s*['"]([^'"]+)['"]/g;

export interface Modules {
  /** Absolute paths of our own built modules. */
  readonly files: readonly string[];
  /** Names of packages that they import. */
  readonly packages: readonly string[];
}

/**
 * Follows imports from `entries`.
 * @param leaveOut says which modules are not followed
 */
export function reachableModules(entries: readonly string[], leaveOut: (file: string) => boolean): Modules {
  const files = new Set(entries);
  const packages = new Set<string>();
  // A Set is iterated in insertion order, entries added on the way included.
  for (const file of files) {
    const text = readFileSync(file, 'utf8');
    const specifiers = [
      ...ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName),
      ...[...text.matchAll(WORKER_ENTRY)].map(([, name]) => `./${name}.js`),
      ...[...text.matchAll(REQUIRED)].map(([, name]) => name!),
    ];
    for (const specifier of specifiers) {
      if (specifier.startsWith('node:')) continue;
      if (!specifier.startsWith('.')) {
        packages.add(specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'));
        continue;
      }
      const target = join(dirname(file), specifier);
      if (!leaveOut(target)) files.add(target);
    }
  }
  return { files: [...files], packages: [...packages] };
}

/** The packages, and everything that they depend on, as files of the archive. */
export function packageFiles(root: string, names: readonly string[]): ZipEntry[] {
  const folders = new Set<string>();
  const add = (name: string, from: string): void => {
    if (name.startsWith('@types/')) return;
    const folder = packageFolder(name, from);
    if (folder === null || folders.has(folder)) return;
    folders.add(folder);
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      dependencies?: object;
    };
    for (const dependency of Object.keys(manifest.dependencies ?? {})) add(dependency, folder);
  };
  for (const name of names) add(name, root);
  return [...folders].flatMap((folder) => filesOf(folder).map((path) => entryOf(root, path)));
}

/** Path in the archive as below `root`. */
export function entryOf(root: string, path: string): ZipEntry {
  return { name: relative(root, path).replaceAll(sep, '/'), content: readFileSync(path) };
}

/** As Node finds it: in the node_modules of the importer, or of a folder above; null for optional ones that are absent. */
function packageFolder(name: string, from: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate);
    if (folder === dirname(folder)) return null;
  }
}

function filesOf(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => {
      const below = relative(folder, path).replaceAll(sep, '/');
      return !below.startsWith('node_modules/') && !NOT_RUN.test(below);
    });
}

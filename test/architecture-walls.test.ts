import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Packages, findBreaches } from './architecture-walls.ts';
import type { SourceTree, Wall } from './walls/module-graph.ts';

const ROOT = new URL('../', import.meta.url);
const PACKAGES: Packages = {
  runtime: new Set(['node-seal', 'onnxruntime-node', 'onnx-proto', '@modelcontextprotocol/server', 'pg']),
  development: new Set(['vitest']),
};
const FOLDERS = ['src', 'cli', 'bench', 'bin', 'conformance', 'fixtures', 'native', 'scripts', 'test'];
/** Not of this package: copied beside the packages of others, which they drive. */
const FOREIGN = 'scripts/mcp-clients/drivers/';
const SOURCE = /\.([cm]?[jt]s|h|hpp|c|cc|cpp|inl|gyp)$/;

function readTree(): SourceTree {
  const tree = new Map<string, string>();
  for (const folder of FOLDERS) {
    for (const entry of readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })) {
      const file = `${folder}/${entry.replaceAll('\\', '/')}`;
      if (!SOURCE.test(file) || /^native\/(build|node-api)\//.test(file) || file.endsWith('.d.ts')) continue;
      if (file.startsWith(FOREIGN)) continue;
      tree.set(file, readFileSync(new URL(file, ROOT), 'utf8'));
    }
  }
  return tree;
}

const described = (tree: SourceTree, packages: Packages): string[] =>
  findBreaches(tree, packages).map(({ wall, file, detail }) => `${wall}: ${file}: ${detail}`);

describe('architecture walls', () => {
  it('stand in every folder', () => {
    const manifest = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as {
      dependencies: Record<string, string>;
      devDependencies: Record<string, string>;
      peerDependencies: Record<string, string>;
    };
    const tree = readTree();
    for (const folder of FOLDERS)
      expect([...tree.keys()].some((file) => file.startsWith(`${folder}/`))).toBe(true);
    const packages = {
      // Of peers, all are optional: what needs them says what to install.
      runtime: new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })),
      development: new Set(Object.keys(manifest.devDependencies)),
    };
    expect(described(tree, packages)).toEqual([]);
  });
});

/** Breaches of a tree made of the given files; imported files that are not named are added, empty. */
function breachesOf(files: Readonly<Record<string, string>>): string[] {
  const tree = new Map(Object.entries(files));
  for (const file of EMPTY_FILES) if (!tree.has(file)) tree.set(file, '');
  return described(tree, PACKAGES);
}

const EMPTY_FILES = [
  'src/errors.ts',
  'src/index.ts',
  'src/program/program.ts',
  'src/program/testing/builder.ts',
  'src/compiler/options.ts',
  'src/compiler/pipeline.ts',
  'src/compiler/targets/native-chains.ts',
  'src/compiler/targets/registry.ts',
  'src/runtime/client/keys.ts',
  'src/runtime/backends/seal.ts',
  'src/runtime/backends/bfv/secret-side.ts',
  'src/data/npy.ts',
  'src/server/main.ts',
  'cli/main.ts',
];

describe('the checker sees', () => {
  const cases: readonly [what: string, wall: Wall, file: string, text: string][] = [
    ['errors importing program', 'one-way', 'src/errors.ts', `import './program/program.ts';`],
    [
      'program importing compiler',
      'one-way',
      'src/program/a.ts',
      `import type { A } from '../compiler/options.ts';`,
    ],
    [
      'compiler importing runtime',
      'one-way',
      'src/compiler/a.ts',
      `export * from '../runtime/backends/seal.ts';`,
    ],
    ['runtime importing compiler', 'one-way', 'src/runtime/a.ts', `await import('../compiler/options.ts');`],
    ['compiler importing data', 'one-way', 'src/compiler/a.ts', `import { a } from '../data/npy.ts';`],
    ['data importing passes', 'one-way', 'src/data/a.ts', `import { a } from '../compiler/pipeline.ts';`],
    ['server importing cli', 'one-way', 'src/server/a.ts', `import { a } from '../../cli/main.ts';`],
    ['a library file importing the index', 'one-way', 'src/server/a.ts', `import { a } from '../index.ts';`],
    ['a file outside every room', 'one-way', 'src/stray.ts', ``],
    ['a second HE library user', 'he-library', 'src/runtime/client/a.ts', `import SEAL from 'node-seal';`],
    ['onnxruntime in a pass', 'reference-runtime', 'src/compiler/passes/a.ts', `import 'onnxruntime-node';`],
    [
      'ONNX protobufs in a pass',
      'onnx-format',
      'src/compiler/passes/a.ts',
      `import { onnx } from 'onnx-proto';`,
    ],
    [
      'the message protocol in a tool',
      'message-protocol',
      'src/server/inference/a.ts',
      `import { Server } from '@modelcontextprotocol/server';`,
    ],
    ['a database in a tool', 'storage-engine', 'src/server/inference/a.ts', `await import('pg');`],
    ['an undeclared package', 'declared-packages', 'src/data/a.ts', `import x from '@scope/x/deep.js';`],
    ['a Node built-in without node:', 'declared-packages', 'src/data/a.ts', `import fs from 'fs';`],
    ['test support in production', 'test-support', 'src/program/a.ts', `import './testing/builder.ts';`],
    ['an import of nothing', 'unresolved', 'src/program/a.ts', `import './gone.ts';`],
    ['a computed import', 'unresolved', 'src/program/a.ts', `await import(name);`],
    ['a computed worker', 'unresolved', 'src/runtime/a.ts', `new Worker(entry);`],
    ['a module-level let', 'module-state', 'src/program/a.ts', `export let count = 0;`],
    ['a module-level var', 'module-state', 'src/program/a.ts', `var count = 0;`],
    ['a module-level cache', 'module-state', 'src/program/a.ts', `const cache = new Map<string, number>();`],
    [
      'a pass that asks for a backend by name',
      'targets',
      'src/compiler/passes/a.ts',
      `export const f = (backend: string) => backend === 'native';`,
    ],
    [
      'an analysis that is made for one backend',
      'targets',
      'src/compiler/analysis/a.ts',
      `export const names = new Set(['seal']);`,
    ],
    [
      'verification in the clear as a case',
      'targets',
      'src/compiler/a.ts',
      `switch (options.backend) { case 'cleartext': }`,
    ],
    [
      'a pass that reaches past the list of targets',
      'targets',
      'src/compiler/passes/a.ts',
      `import '../targets/native-chains.ts';`,
    ],
    ['a file of odds and ends', 'file-name', 'src/program/utils.ts', ``],
    ['a file that is not kebab-case', 'file-name', 'src/program/fooBar.ts', ``],
  ];

  it.each(cases)('%s', (_what, wall, file, text) => {
    expect(breachesOf({ [file]: text })).toEqual([expect.stringMatching(`^${wall}: ${file}: `)]);
  });

  it('the entry of the command line loading a command before it is asked for', () => {
    const files = {
      'cli/main.ts': `import './between.ts'; await import('./commands/run.ts');`,
      'cli/between.ts': `import { run } from './commands/run.ts';`,
      'cli/commands/run.ts': ``,
    };
    expect(breachesOf(files)).toEqual([
      'lazy-commands: cli/main.ts: loads cli/commands/run.ts before it is asked for',
    ]);
    const later = { ...files, 'cli/between.ts': `import type { Run } from './commands/run.ts';` };
    expect(breachesOf(later)).toEqual([]);
  });

  it.each([
    [
      'of two files',
      { 'src/program/a.ts': `import './b.ts';`, 'src/program/b.ts': `export * from './a.ts';` },
    ],
    [
      'by types alone',
      { 'src/program/a.ts': `import type { B } from './b.ts';`, 'src/program/b.ts': `import './a.ts';` },
    ],
    [
      'by an inline type',
      { 'src/program/a.ts': `export type B = import('./b.ts').B;`, 'src/program/b.ts': `import './a.ts';` },
    ],
    [
      'of test support',
      { 'src/program/testing/a.ts': `import './b.ts';`, 'src/program/testing/b.ts': `import './a.ts';` },
    ],
    ['of a tool', { 'bench/a.ts': `import './b.ts';`, 'bench/b.ts': `import type { A } from './a.ts';` }],
  ])('a circle %s', (_what, files) => {
    expect(breachesOf(files)).toEqual([expect.stringMatching(/^circle: (\S+): \1 → \S+ → \1$/)]);
  });

  it('a circle over three files, named once, and not those that only lead there', () => {
    const breaches = breachesOf({
      'src/program/a.ts': `import './b.ts';`,
      'src/program/b.ts': `import './c.ts';`,
      'src/program/c.ts': `import './d.ts';`,
      'src/program/d.ts': `import './b.ts';`,
    });
    expect(breaches).toEqual([
      'circle: src/program/b.ts: src/program/b.ts → src/program/c.ts → src/program/d.ts → src/program/b.ts',
    ]);
  });
});

describe('nothing for tests is exempt', () => {
  it.each([
    ['a test that production imports', 'src/program/a.ts', `import './a.test.ts';`, 'test-support'],
    ['a test that another imports', 'src/program/b.test.ts', `import './a.test.ts';`, 'test-support'],
    ['an undeclared package in a test', 'src/program/a.test.ts', `import 'leftpad';`, 'declared-packages'],
    ['a package for development in production', 'src/program/b.ts', `import 'vitest';`, 'declared-packages'],
    ['an HE library in test support', 'src/server/testing/a.ts', `import 'node-seal';`, 'he-library'],
    ['an HE library in a script', 'scripts/a.ts', `import 'node-seal';`, 'he-library'],
    ['a computed import in test support', 'src/server/testing/a.ts', `await import(name);`, 'unresolved'],
    ['a computed import in a bench', 'bench/a.ts', `createRequire(import.meta.url)(name);`, 'unresolved'],
    ['production importing a tool', 'src/program/b.ts', `import '../../bench/b.ts';`, 'one-way'],
  ])('%s', (_what, file, text, wall) => {
    const files = { 'src/program/a.test.ts': '', 'bench/b.ts': '', [file]: text };
    expect(breachesOf(files)).toEqual([expect.stringMatching(`^${wall}: ${file}: `)]);
  });
});

describe('the checker accepts', () => {
  it.each([
    ['the compiler importing program', 'src/compiler/a.ts', `import '../program/program.ts';`],
    [
      'data importing the compiler options',
      'src/data/a.ts',
      `import type { A } from '../compiler/options.ts';`,
    ],
    ['the secret side importing a backend', 'src/runtime/client/a.ts', `import '../backends/seal.ts';`],
    ['node-seal in a backend', 'src/runtime/backends/seal/a.ts', `import SEAL from 'node-seal';`],
    ['a backend by its name among the targets', 'src/compiler/targets/a.ts', `export const name = 'native';`],
    [
      'the list of targets, and a scheme that is called as one of them',
      'src/compiler/passes/a.ts',
      `import '../targets/registry.ts'; export const f = (scheme: string) => scheme === 'cleartext';`,
    ],
    ['node built-ins', 'src/data/a.ts', `import { readFile } from 'node:fs/promises';`],
    [
      'tests that cross rooms',
      'src/compiler/a.test.ts',
      `import '../runtime/client/keys.ts'; import 'vitest';`,
    ],
    [
      'let inside a function, tables at module level',
      'src/program/a.ts',
      `const t = new Map([[1, 2]]); () => { let x; };`,
    ],
  ])('%s', (_what, file, text) => {
    expect(breachesOf({ [file]: text })).toEqual([]);
  });
});

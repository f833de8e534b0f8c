import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type SourceTree, type Wall, findBreaches } from './architecture-walls.ts';

const ROOT = new URL('../', import.meta.url);
const PACKAGES = new Set(['node-seal', 'onnxruntime-node', 'onnx-proto', '@modelcontextprotocol/server']);

function readTree(...folders: readonly string[]): SourceTree {
  const tree = new Map<string, string>();
  for (const folder of folders) {
    for (const entry of readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })) {
      const file = `${folder}/${entry.replaceAll('\\', '/')}`;
      if (file.endsWith('.ts')) tree.set(file, readFileSync(new URL(file, ROOT), 'utf8'));
    }
  }
  return tree;
}

describe('architecture walls', () => {
  it('stand in src/ and cli/', () => {
    const manifest = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const tree = readTree('src', 'cli');
    expect(tree.size).toBeGreaterThan(100);
    const breaches = findBreaches(tree, new Set(Object.keys(manifest.dependencies)));
    expect(breaches.map(({ wall, file, detail }) => `${wall}: ${file}: ${detail}`)).toEqual([]);
  });
});

/** Breaches of a tree made of the given files; imported files that are not named are added, empty. */
function breachesOf(files: Readonly<Record<string, string>>): string[] {
  const tree = new Map(Object.entries(files));
  for (const file of EMPTY_FILES) if (!tree.has(file)) tree.set(file, '');
  return findBreaches(tree, PACKAGES).map(({ wall, file, detail }) => `${wall}: ${file}: ${detail}`);
}

const EMPTY_FILES = [
  'src/errors.ts',
  'src/index.ts',
  'src/program/program.ts',
  'src/program/testing/builder.ts',
  'src/compiler/options.ts',
  'src/compiler/pipeline.ts',
  'src/runtime/client/keys.ts',
  'src/runtime/backends/seal.ts',
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
      `export * from '../runtime/client/keys.ts';`,
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
      'the addon for secret keys outside the secret side',
      'secret-side',
      'src/runtime/backends/native/backend.ts',
      `loadAddon('he_secret');`,
    ],
    [
      'the message protocol in a tool',
      'message-protocol',
      'src/server/inference/a.ts',
      `import { Server } from '@modelcontextprotocol/server';`,
    ],
    ['an undeclared package', 'declared-packages', 'src/data/a.ts', `import x from '@scope/x/deep.js';`],
    ['a Node built-in without node:', 'declared-packages', 'src/data/a.ts', `import fs from 'fs';`],
    ['test support in production', 'test-support', 'src/program/a.ts', `import './testing/builder.ts';`],
    ['an import of nothing', 'unresolved', 'src/program/a.ts', `import './gone.ts';`],
    ['a computed import', 'unresolved', 'src/program/a.ts', `await import(name);`],
    ['a computed worker', 'unresolved', 'src/runtime/a.ts', `new Worker(entry);`],
    ['a module-level let', 'module-state', 'src/program/a.ts', `export let count = 0;`],
    ['a module-level var', 'module-state', 'src/program/a.ts', `var count = 0;`],
    ['a module-level cache', 'module-state', 'src/program/a.ts', `const cache = new Map<string, number>();`],
    ['a file of odds and ends', 'file-name', 'src/program/utils.ts', ``],
    ['a file that is not kebab-case', 'file-name', 'src/program/fooBar.ts', ``],
  ];

  it.each(cases)('%s', (_what, wall, file, text) => {
    expect(breachesOf({ [file]: text })).toEqual([expect.stringMatching(`^${wall}: ${file}: `)]);
  });

  it('the public side reaching the secret side, over several imports', () => {
    const breaches = breachesOf({
      'src/runtime/evaluation/executor.ts': `import '../middle.ts';`,
      'src/runtime/middle.ts': `import '../runtime/client/keys.ts';`,
    });
    expect(breaches).toEqual([
      'secret-side: src/runtime/evaluation/executor.ts: ' +
        'src/runtime/evaluation/executor.ts → src/runtime/middle.ts → src/runtime/client/keys.ts',
    ]);
  });

  it('the evaluator naming a worker that reaches the secret side', () => {
    const breaches = breachesOf({
      'src/runtime/evaluation/evaluator.ts': `new WorkerChannel(workerEntry(import.meta.url, 'worker'));`,
      'src/runtime/evaluation/worker.ts': `import '../client/keys.ts';`,
    });
    expect(breaches).toHaveLength(2);
    expect(breaches[0]).toMatch(
      /^secret-side: src\/runtime\/evaluation\/evaluator.ts: .* → src\/runtime\/client\/keys.ts$/,
    );
  });

  it('the evaluate command loading the secret side', () => {
    const text = `await import('../../src/runtime/client/keys.ts');`;
    expect(breachesOf({ 'cli/commands/evaluate.ts': text })).toEqual([
      expect.stringMatching(/^secret-side: /),
    ]);
  });

  it('the encrypt command, or the worker it starts, loading the secret side', () => {
    expect(breachesOf({ 'cli/commands/encrypt.ts': `import '../../src/runtime/client/keys.ts';` })).toEqual([
      expect.stringMatching(/^secret-side: /),
    ]);
    const breaches = breachesOf({
      'cli/commands/encrypt.ts': `import '../../src/runtime/encryption/public-client.ts';`,
      'src/runtime/encryption/public-client.ts': `new WorkerChannel(workerEntry(import.meta.url, 'worker'));`,
      'src/runtime/encryption/worker.ts': `import '../backends/seal/secret-side.ts';`,
      'src/runtime/backends/seal/secret-side.ts': ``,
    });
    expect(breaches).toHaveLength(3);
    expect(breaches[0]).toMatch(/^secret-side: cli\/commands\/encrypt.ts: .* → \S+\/secret-side.ts$/);
  });

  it.each(['inference', 'protocol', 'storage', 'transport', 'client'])(
    'server/%s reaching the local cryptographic server',
    (folder) => {
      const breaches = breachesOf({
        [`src/server/${folder}/a.ts`]: `import { x } from '../crypto/key-store.ts';`,
        'src/server/crypto/key-store.ts': ``,
      });
      expect(breaches).toEqual([expect.stringMatching(`^secret-side: src/server/${folder}/a.ts: `)]);
    },
  );

  it.each(['inference', 'protocol', 'storage', 'transport'])('server/%s reaching the vault', (folder) => {
    const breaches = breachesOf({
      [`src/server/${folder}/a.ts`]: `import { x } from '../client/between.ts';`,
      'src/server/client/between.ts': `import { x } from '../vault/vault.ts';`,
      'src/server/vault/vault.ts': ``,
    });
    expect(breaches).toEqual([expect.stringMatching(`^secret-side: src/server/${folder}/a.ts: `)]);
  });

  it('the serve command reaching the local cryptographic server', () => {
    const breaches = breachesOf({
      'cli/commands/serve.ts': `await import('../../src/server/crypto/key-store.ts');`,
      'src/server/crypto/key-store.ts': ``,
    });
    expect(breaches).toEqual([expect.stringMatching(/^secret-side: cli\/commands\/serve.ts: /)]);
  });

  it('the inference server starting a worker on the secret side', () => {
    const text = `new Worker(new URL('../../runtime/client/keys.ts', import.meta.url));`;
    expect(breachesOf({ 'src/server/inference/a.ts': text })).toEqual([
      expect.stringMatching(/^secret-side: /),
    ]);
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

/** Each way to come near secret keys from where they must not be, planted in a tree, and the checker names it. */
import { describe, expect, it } from 'vitest';
import { findBreaches } from './architecture-walls.ts';

const SECRETS = [
  'src/federation/encrypted-sum/participant.ts',
  'src/federation/secure-aggregation/participant-state.ts',
  'src/federation/secure-aggregation/participant.ts',
  'src/runtime/backends/bfv/secret-side.ts',
  'src/runtime/backends/native/secret-side.ts',
  'src/runtime/backends/seal/secret-side.ts',
  'src/runtime/client/keys.ts',
  'src/runtime/formats/secret-key.ts',
  'src/server/crypto/key-store.ts',
];
const PUBLIC_FOLDERS = [
  'src/compiler/passes/',
  'src/data/',
  'src/program/',
  'src/runtime/backends/bfv/',
  'src/runtime/encryption/',
  'src/runtime/evaluation/',
  'src/runtime/workers/',
  'src/server/client/',
  'src/server/federation/',
  'src/server/hosting/',
  'src/server/inference/',
  'src/server/protocol/',
  'src/server/storage/',
  'src/server/transport/',
  'src/server/newcomer/',
  'cli/report/',
  'scripts/',
  'fixtures/',
];

/** Breaches of the wall around secrets in a tree of these files and all code for secret keys, empty. */
function secretBreaches(files: Readonly<Record<string, string>>): string[] {
  const tree = new Map([...SECRETS.map((file) => [file, ''] as const), ...Object.entries(files)]);
  const packages = { runtime: new Set(['node-seal']), development: new Set<string>() };
  return findBreaches(tree, packages)
    .filter(({ wall }) => wall === 'secret-side')
    .map(({ file, detail }) => `${file}: ${detail}`);
}

function upTo(from: string, to: string): string {
  return `${'../'.repeat(from.split('/').length - 1)}${to}`;
}

describe.each(PUBLIC_FOLDERS)('%s may not reach', (folder) => {
  it.each(SECRETS)('%s', (secret) => {
    const file = `${folder}planted.ts`;
    expect(secretBreaches({ [file]: `import { x } from '${upTo(file, secret)}';` })).toEqual([
      `${file}: ${file} → ${secret}`,
    ]);
  });
});

describe('the wall around secret keys sees', () => {
  const target = '../../runtime/backends/bfv/secret-side.ts';
  it.each([
    ['a type', `import type { X } from '${target}';`],
    ['an inline type', `let x: import('${target}').X;`],
    ['a re-export', `export * from '${target}';`],
    ['an import on demand', `await import('${target}');`],
    ['a worker', `new Worker(new URL('${target}', import.meta.url));`],
    ['the name under which it was built', `import '${target.replace('.ts', '.js')}';`],
    ['a built file', `import '../../../dist/src/runtime/backends/bfv/secret-side.js';`],
  ])('%s', (_what, text) => {
    expect(secretBreaches({ 'src/server/inference/a.ts': text })).toEqual([
      expect.stringMatching(/^src\/server\/inference\/a.ts: \S+ → \S+\/bfv\/secret-side.ts$/),
    ]);
  });

  it('every file on the way, over test support and workers too', () => {
    const breaches = secretBreaches({
      'cli/commands/evaluate.ts': `await import('../../src/runtime/evaluation/evaluator.ts');`,
      'src/runtime/evaluation/evaluator.ts': `new WorkerChannel(workerEntry(import.meta.url, 'worker'));`,
      'src/runtime/evaluation/worker.ts': `import './testing/bridge.ts';`,
      'src/runtime/evaluation/testing/bridge.ts': `import '../../backends/bfv/secret-side.ts';`,
    });
    expect(breaches).toHaveLength(4);
    expect(breaches[0]).toBe(
      'cli/commands/evaluate.ts: cli/commands/evaluate.ts → src/runtime/evaluation/evaluator.ts → ' +
        'src/runtime/evaluation/worker.ts → src/runtime/evaluation/testing/bridge.ts → ' +
        'src/runtime/backends/bfv/secret-side.ts',
    );
  });

  it.each(['encrypt', 'evaluate', 'serve', 'federate', 'check', 'compile', 'inspect', 'newcomer'])(
    'the %s command reaching the local cryptographic server',
    (command) => {
      const text = `await import('../../src/server/crypto/key-store.ts');`;
      expect(secretBreaches({ [`cli/commands/${command}.ts`]: text })).toHaveLength(1);
    },
  );

  it.each(['src/runtime/backends/tfhe/secret-side.ts'])('a new backend by its file: %s', (secret) => {
    const files = {
      [secret]: '',
      'src/server/inference/a.ts': `import '${upTo('src/server/inference/a.ts', secret)}';`,
    };
    expect(secretBreaches(files)).toEqual([
      `src/server/inference/a.ts: src/server/inference/a.ts → ${secret}`,
    ]);
  });

  it.each(['src/server/inference/secret-side.ts', 'src/program/secret-thing.ts', 'bench/secret-key.ts'])(
    'code for secret keys in a wrong place: %s',
    (file) => {
      expect(secretBreaches({ [file]: '' })).toEqual([
        `${file}: stands where no code for secret keys may stand`,
      ]);
    },
  );

  it.each([
    ['a decryptor', 'new seal.Decryptor(context, key)'],
    ['a key generator', 'handles.own(new this.#context.seal.KeyGenerator(native))'],
    ['a secret key', 'new SecretKey()'],
  ])('%s made elsewhere', (_what, text) => {
    const file = 'src/runtime/backends/bfv/backend.ts';
    expect(secretBreaches({ [file]: text })).toEqual([`${file}: makes keys or decrypts`]);
    expect(secretBreaches({ 'src/runtime/backends/bfv/secret-side.ts': text })).toEqual([]);
  });

  it.each(['src/runtime/backends/native/backend.ts', 'src/server/inference/a.ts', 'bench/a.ts'])(
    'the addon for secret keys, by name: %s',
    (file) => {
      expect(secretBreaches({ [file]: `loadAddon('he_secret');` })).toEqual([
        `${file}: names the addon for secret keys`,
      ]);
    },
  );

  it.each(['inference', 'protocol', 'storage', 'transport', 'newcomer'])(
    'server/%s reaching the vault',
    (folder) => {
      const breaches = secretBreaches({
        [`src/server/${folder}/a.ts`]: `import { x } from '../client/between.ts';`,
        'src/server/client/between.ts': `import { x } from '../vault/vault.ts';`,
        'src/server/vault/vault.ts': ``,
      });
      expect(breaches).toEqual([
        `src/server/${folder}/a.ts: src/server/${folder}/a.ts → src/server/client/between.ts → src/server/vault/vault.ts`,
      ]);
    },
  );

  it('no breach where both ends are wanted', () => {
    const text = (file: string): string =>
      `import '${upTo(file, 'src/runtime/backends/bfv/secret-side.ts')}';`;
    const both = [
      'cli/commands/decrypt.ts',
      'src/runtime/client/a.ts',
      'conformance/a.ts',
      'src/server/inference/a.test.ts',
    ];
    expect(secretBreaches(Object.fromEntries(both.map((file) => [file, text(file)])))).toEqual([]);
  });
});

describe('the wall in the engine sees', () => {
  const secrets = { 'native/secret/secret-side.h': '', 'native/addon/secret-parts.h': '' };

  it.each([
    ['the engine', 'native/engine/engine.h', '#include "../secret/secret-side.h"'],
    ['an include from the root', 'native/core/field.cpp', '#include "secret/secret-side.h"'],
    ['an addon', 'native/addon/engine-class.cpp', '  #  include "secret-parts.h"'],
    ['a test of a public part', 'native/tests/format_test.cpp', '#include "../secret/secret-side.h"'],
    ['a bench', 'native/bench/kernels.cpp', '#include "../secret/secret-side.h"'],
  ])('%s including the secret side', (_what, file, text) => {
    expect(secretBreaches({ ...secrets, [file]: text })).toEqual([
      expect.stringMatching(`^${file}: ${file} → native/`),
    ]);
  });

  it('the way over other headers', () => {
    const breaches = secretBreaches({
      ...secrets,
      'native/engine/engine.cpp': '#include "engine.h"',
      'native/engine/engine.h': '#include "../format/members.h"',
      'native/format/members.h': '#include "../secret/secret-side.h"',
    });
    expect(breaches).toContain(
      'native/engine/engine.cpp: native/engine/engine.cpp → native/engine/engine.h → native/format/members.h → native/secret/secret-side.h',
    );
    expect(breaches).toHaveLength(3);
  });

  it('the namespace, a file in a wrong place, and what is linked', () => {
    expect(secretBreaches({ 'native/engine/a.cpp': 'he::secret::Key key;' })).toEqual([
      'native/engine/a.cpp: names he::secret',
    ]);
    expect(secretBreaches({ 'native/engine/a.cpp': 'namespace he::secret {}' })).toHaveLength(1);
    expect(secretBreaches({ 'native/engine/secret-key.cpp': '' })).toEqual([
      'native/engine/secret-key.cpp: stands where no code for secret keys may stand',
    ]);
    const gyp = (name: string, sources: string): string =>
      `'target_name': '${name}', 'sources': ['${sources}'],`;
    expect(secretBreaches({ 'native/binding.gyp': gyp('he_engine', 'addon/engine secret') })).toEqual([
      'native/binding.gyp: links he_engine with code for secret keys',
    ]);
    expect(secretBreaches({ 'native/binding.gyp': gyp('he_secret', 'addon/secret secret') })).toEqual([]);
  });
});

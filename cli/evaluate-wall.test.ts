/** `evaluate` runs where nobody may decrypt: nothing it loads can reach the client's code. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

/** Every source file reachable from `entry`; dynamic imports count only if `dynamic`. */
function reachable(entry: string, dynamic: boolean): string[] {
  const seen = new Set<string>();
  const queue = [join(ROOT, entry)];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const source = readFileSync(file, 'utf8');
    const imports = [...source.matchAll(/^\s*(?:import|export)\s(?!type\b)[^;]*?from '(\.[^']+)'/gm)];
    if (dynamic) imports.push(...source.matchAll(/import\('(\.[^']+)'\)/g));
    // Workers are started by the name of the file beside their starter.
    for (const match of source.matchAll(/workerEntry\(import\.meta\.url, '([^']+)'\)/g)) {
      queue.push(join(dirname(file), `${match[1]!}.ts`));
    }
    for (const match of imports) queue.push(resolve(dirname(file), match[1]!));
  }
  return [...seen].map((file) => relative(ROOT, file)).toSorted();
}

const isSecretSide = (file: string): boolean =>
  file.startsWith('src/runtime/client/') || file.endsWith('/secret-side.ts');

it('evaluate reaches no client code', () => {
  const files = reachable('cli/commands/evaluate.ts', true);
  expect(files).toContain('src/runtime/evaluation/worker.ts');
  expect(files.filter(isSecretSide)).toEqual([]);
});

it('the entry point loads no command before it knows which', () => {
  const files = reachable('cli/main.ts', false);
  expect(files.filter((file) => isSecretSide(file) || file.startsWith('cli/commands/'))).toEqual([]);
});

it('the walk does find client code where it is', () => {
  expect(reachable('cli/commands/decrypt.ts', true).some(isSecretSide)).toBe(true);
});

it('the library never depends on the command line', () => {
  const files = existsSync(join(ROOT, 'src/index.ts')) ? reachable('src/index.ts', true) : [];
  expect(files.filter((file) => file.startsWith('cli/'))).toEqual([]);
});

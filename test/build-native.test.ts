/** Where the native engine cannot be built, installing goes on and says why. */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'he-compile-build-'));
  mkdirSync(join(root, 'scripts'));
  mkdirSync(join(root, 'native', 'build', 'Release'), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  copyFileSync(`${import.meta.dirname}/../scripts/build-native.js`, join(root, 'scripts', 'build-native.js'));
});
afterEach(() => rmSync(root, { recursive: true }));

function build(
  environment: NodeJS.ProcessEnv,
  ...options: string[]
): { status: number | null; output: string } {
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(root, 'scripts', 'build-native.js'), ...options],
    { encoding: 'utf8', env: { ...process.env, ...environment } },
  );
  return { status, output: stdout };
}

function recorded(): unknown {
  return JSON.parse(readFileSync(join(root, 'native', 'build', 'status.json'), 'utf8'));
}

it.each([
  [{ CXX: 'no-such-compiler' }, 'no C++ compiler was found (no-such-compiler)'],
  [{ CXX: process.execPath }, 'does not know C++20'],
  [{ HE_COMPILE_NATIVE: 'off' }, 'HE_COMPILE_NATIVE=off forbids it'],
])('in a line and with the reason recorded: %o', (environment, reason) => {
  const { status, output } = build(environment, '--if-possible');
  expect(status).toBe(0);
  expect(output.trim().split('\n')).toEqual([expect.stringContaining(reason)]);
  expect(output).toContain('node-seal serves instead');
  expect(recorded()).toEqual({ built: false, reason: expect.stringContaining(reason) as string });
});

it('leaves no addon of an earlier build behind, and fails where the engine was asked for', () => {
  const addon = join(root, 'native', 'build', 'Release', 'he_engine.node');
  writeFileSync(addon, '');
  expect(build({ CXX: 'no-such-compiler' }).status).toBe(1);
  expect(existsSync(addon)).toBe(false);
});

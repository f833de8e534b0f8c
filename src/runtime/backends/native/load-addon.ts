/** Finds and loads the native addons, or says why they are not there. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BackendError } from '../../../errors.ts';

/** `he_secret` holds the code for secret keys; only the secret side may load it. */
export type AddonName = 'he_engine' | 'he_secret';

/** @throws BackendError BACKEND_UNAVAILABLE */
export function loadAddon(name: AddonName): unknown {
  const loaded = tryToLoad(name);
  if ('addon' in loaded) return loaded.addon;
  throw new BackendError('BACKEND_UNAVAILABLE', `the native engine is not available: ${loaded.reason}`, {
    hint: 'run "npm run build:native" in the he-compile folder (it needs a C++20 compiler, make and Python), or use --backend seal',
  });
}

/** Why the native backend cannot be used here; null if it can. */
export function nativeUnavailable(): string | null {
  const loaded = tryToLoad('he_engine');
  return 'addon' in loaded ? null : loaded.reason;
}

/** What arithmetic the engine is forced to; by default it takes the fastest that the processor has. */
export function forcedPath(): string {
  const path = process.env['HE_COMPILE_NATIVE_PATH'];
  if (path === undefined || path === '') return 'automatic';
  if (['scalar', 'avx2', 'avx512', 'ifma', 'neon'].includes(path)) return path;
  throw new BackendError('BACKEND_UNAVAILABLE', `HE_COMPILE_NATIVE_PATH=${path} names no arithmetic`, {
    hint: 'use scalar, avx2, avx512, ifma or neon, or leave it unset',
  });
}

function tryToLoad(name: AddonName): { readonly addon: unknown } | { readonly reason: string } {
  if (process.env['HE_COMPILE_NATIVE'] === 'off') return { reason: 'HE_COMPILE_NATIVE=off hides it' };
  const folder = buildFolder();
  if (folder === null) return { reason: 'its sources are not part of this package' };
  const file = join(folder, 'Release', `${name}.node`);
  if (!existsSync(file)) return { reason: reasonOfBuild(folder) };
  try {
    return { addon: createRequire(import.meta.url)(file) as unknown };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : 'it cannot be loaded' };
  }
}

/** native/build of this package, whether this runs from the sources or from dist/. */
function buildFolder(): string | null {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'native', 'binding.gyp'))) return join(folder, 'native', 'build');
    if (folder === dirname(folder)) return null;
  }
}

/** What scripts/build-native.js has recorded. */
function reasonOfBuild(folder: string): string {
  try {
    const status = JSON.parse(readFileSync(join(folder, 'status.json'), 'utf8')) as { reason?: unknown };
    if (typeof status.reason === 'string') return `it was not built: ${status.reason}`;
  } catch {
    // Nothing was recorded: the install script has not run.
  }
  return 'it has not been built';
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_NATIVE_PROFILE } from '../src/compiler/profile/default-profile.ts';
import type { KernelTimes } from '../src/runtime/backends/native/profile.ts';
import { measureProfile } from './measure/measure-profile.ts';
import { loadProfile, profileFile, saveProfile } from './profile-store.ts';

let folder: string;
const notes: string[] = [];
const note = (line: string): void => {
  notes.push(line);
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-profile-'));
  vi.stubEnv('XDG_CACHE_HOME', folder);
  notes.length = 0;
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

describe('the profile of this machine', () => {
  const own = { ...DEFAULT_NATIVE_PROFILE, machine: 'here' };

  it('is the shipped one until something is measured', async () => {
    expect(await loadProfile(undefined, note)).toBe(DEFAULT_NATIVE_PROFILE);
    await saveProfile(own, profileFile());
    expect(await loadProfile(undefined, note)).toEqual(own);
    expect(await loadProfile('default', note)).toBe(DEFAULT_NATIVE_PROFILE);
    expect(notes).toEqual([]);
  });

  it('is ignored, with a note, if it is damaged', async () => {
    await saveProfile(own, profileFile());
    await writeFile(profileFile(), '{"version": 1}');
    expect(await loadProfile(undefined, note)).toBe(DEFAULT_NATIVE_PROFILE);
    expect(notes.join()).toContain('ignoring');
  });

  it('must be sound where it is asked for by name', async () => {
    const file = join(folder, 'profile.json');
    await expect(loadProfile(file, note)).rejects.toMatchObject({ code: 'PROFILE_NOT_FOUND' });
    await writeFile(file, 'no JSON');
    await expect(loadProfile(file, note)).rejects.toMatchObject({ code: 'PROFILE_INVALID' });
    await saveProfile(own, file);
    expect(await loadProfile(file, note)).toEqual(own);
  });

  it('does not follow a relative cache folder', () => {
    vi.stubEnv('XDG_CACHE_HOME', 'somewhere');
    expect(profileFile()).toMatch(/[/\\]\.cache[/\\]he-compile[/\\]/);
  });
});

describe('measuring', () => {
  const times = (factor: number): KernelTimes => ({
    path: 'scalar',
    forward: 14 * 16384 * factor,
    inverse: 14 * 16384 * factor,
    accumulate: 16384 * factor,
    accumulateStreamed: 32768 * factor,
    multiply: 16384 * factor,
    convert: 16384 * factor,
    permute: 16384 * factor,
    add: 16384 * factor,
    encode: 14 * 16384 * factor,
  });
  const progress = { report: () => undefined, signal: undefined };

  it('takes the quickest of several rounds, per coefficient', async () => {
    const rounds = [3, 1, 2];
    let call = 0;
    const moduli: bigint[] = [];
    const measured = await measureProfile(
      (degree, modulus) => {
        expect(modulus % BigInt(2 * degree)).toBe(1n);
        moduli.push(modulus);
        return times(rounds[call++ % 3]!);
      },
      { progress, signal: new AbortController().signal },
    );
    expect(new Set(moduli.map((modulus) => modulus.toString(2).length))).toEqual(new Set([46, 50, 60]));
    expect(measured.kernels.map(({ forward, add }) => [forward, add])).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    expect(measured).toMatchObject({ stream: 2, permute: 1, encode: 1 });
    expect(measured.machine).toContain('scalar');
  });

  it('can be cancelled', async () => {
    const context = { progress, signal: AbortSignal.abort() };
    await expect(measureProfile(() => times(1), context)).rejects.toThrow();
  });
});

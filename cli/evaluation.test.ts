import { afterEach, expect, it, vi } from 'vitest';
import { smallArtifact } from '../src/program/testing/small-artifact.ts';
import { chosenBackend } from './evaluation.ts';

afterEach(() => vi.unstubAllEnvs());

it('takes the backend asked for, else that of the artifact', () => {
  const artifact = smallArtifact();
  expect(chosenBackend(artifact, {})).toEqual({ backend: artifact.report.backend, note: null });
  expect(chosenBackend(artifact, { backend: 'cleartext' })).toEqual({ backend: 'cleartext', note: null });
});

it('refuses an engine that was not built before any key is made, and says why', () => {
  vi.stubEnv('HE_COMPILE_NATIVE', 'off');
  expect(() => chosenBackend(smallArtifact(), { backend: 'native' })).toThrow(
    expect.objectContaining({
      code: 'BACKEND_UNAVAILABLE',
      message: expect.stringContaining('HE_COMPILE_NATIVE=off') as string,
      hint: expect.stringContaining('use --backend seal') as string,
    }),
  );
});

it('lets node-seal serve for an artifact of the native engine, with a note', () => {
  vi.stubEnv('HE_COMPILE_NATIVE', 'off');
  const artifact = smallArtifact();
  const native = { ...artifact, report: { ...artifact.report, backend: 'native' as const } };
  const { backend, note } = chosenBackend(native, {});
  expect(backend).toBe('seal');
  expect(note).toContain('node-seal evaluates');
});

import { afterEach, expect, it, vi } from 'vitest';
import { SILENT } from '../src/compiler/options.ts';
import { smallArtifact } from '../src/program/testing/small-artifact.ts';
import { nativeUnavailable } from '../src/runtime/backends/native/load-addon.ts';
import { SecretClient } from '../src/runtime/client/secret-client.ts';
import type { CommandContext } from './command.ts';
import { chosenBackend, openEvaluator } from './evaluation.ts';

afterEach(() => vi.unstubAllEnvs());

it('takes the backend asked for, else the native engine where it is built', () => {
  const artifact = smallArtifact();
  expect(artifact.report.backend).toBe('seal');
  const there = nativeUnavailable() === null;
  expect(chosenBackend(artifact, {}).backend).toBe(there ? 'native' : 'seal');
  expect(chosenBackend(artifact, { backend: 'auto' }).backend).toBe(there ? 'native' : 'seal');
  expect(chosenBackend(artifact, { backend: 'seal' })).toEqual({ backend: 'seal', note: null });
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

it('keeps to the memory that a program was planned for', async () => {
  const artifact = smallArtifact();
  const client = await SecretClient.generate(artifact.signature);
  const keys = await client.makeEvaluationKeys();
  await client[Symbol.asyncDispose]();
  const context: CommandContext = {
    progress: SILENT,
    signal: new AbortController().signal,
    note: () => undefined,
  };
  const planned = (memoryBudgetMb: number): typeof artifact => ({
    ...artifact,
    report: { ...artifact.report, memoryBudgetMb },
  });
  await expect(
    openEvaluator(planned(16), keys, { backend: 'seal', threads: 1 }, context),
  ).rejects.toMatchObject({
    code: 'MEMORY_EXCEEDED',
    message: expect.stringContaining('only 16 MiB are allowed') as string,
  });
  await using evaluator = await openEvaluator(planned(2048), keys, { backend: 'seal', threads: 1 }, context);
  expect(evaluator.threads).toBe(1);
});

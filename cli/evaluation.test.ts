import { expect, it } from 'vitest';
import { smallArtifact } from '../src/program/testing/small-artifact.ts';
import { chosenBackend } from './evaluation.ts';

it('takes the backend asked for, else that of the artifact', () => {
  const artifact = smallArtifact();
  expect(chosenBackend(artifact, {})).toBe(artifact.report.backend);
  expect(chosenBackend(artifact, { backend: 'cleartext' })).toBe('cleartext');
});

it('refuses a backend that is not built in before any key is made', () => {
  expect(() => chosenBackend(smallArtifact(), { backend: 'native' })).toThrow(
    expect.objectContaining({ code: 'BACKEND_UNAVAILABLE', hint: 'use --backend seal' }),
  );
});

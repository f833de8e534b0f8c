import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ArtifactError } from '../../errors.ts';
import { EncryptedInference } from './encrypted-inference.ts';
import type { LocalCryptography, LocalResult } from './local-cryptography.ts';
import type { EncryptedResult, RemoteModel } from './remote-model.ts';
import type { RemoteServer } from './remote-server.ts';
import { SessionFolder } from './session-folder.ts';

const MODEL: RemoteModel = {
  model: 'm',
  algorithmId: 'a',
  batchSize: 1,
  signature: null,
  parameters: {},
};
const RESULT: LocalResult = { outputs: [], labels: [], winner: null, scheme: 'BFV', precisionBits: 8 };

/** Everything that the server hears of one inference, in order, with the moment of decryption among it. */
async function heard(decrypt: () => LocalResult): Promise<{ calls: string[]; outcome: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'inference-'));
  const calls: string[] = [];
  const call = async <T>(name: string, answer: T): Promise<T> => {
    calls.push(name);
    return answer;
  };
  const answer: EncryptedResult = {
    bytes: Uint8Array.of(1, 2, 3),
    inferSeconds: 0,
    keyRef: 'k',
    noiseBudgetRemaining: null,
    computationDepthUsed: 1,
    outputShape: [1],
  };
  const remote = {
    describe: () => call('describe', MODEL),
    provisionKeys: () => call('provision', { keyRef: 'k', sentBytes: 0 }),
    uploadInputs: () => call('upload', undefined),
    infer: () => call('infer', answer),
    discard: () => call('discard', undefined),
  } as unknown as RemoteServer;
  const local: LocalCryptography = {
    ensureKeys: async () => ({ keySet: 's', made: false, evaluationKeys: [] }),
    requireInputs: async () => undefined,
    fingerprint: async () => 'f',
    encrypt: async () => ({
      files: [{ fileName: 'f', path: 'f', bytes: 1, sha256: '0' }],
      notes: [],
      warnings: [],
    }),
    decrypt: async () => {
      calls.push('(decryption)');
      return decrypt();
    },
  };
  try {
    const inference = new EncryptedInference(local, remote, new SessionFolder(folder));
    const outcome = await inference
      .run({ inputs: ['x'], sessionId: 'one' }, undefined, () => undefined)
      .then(() => 'a result')
      .catch((error: unknown) => (error as ArtifactError).code);
    return { calls, outcome };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

it('tells the server the same whether its answer could be decrypted or not, and before it is tried', async () => {
  const right = await heard(() => RESULT);
  const wrong = await heard(() => {
    throw new ArtifactError('NOISE_OVERFLOW', 'no noise budget is left');
  });
  expect(right.outcome).toBe('a result');
  expect(wrong.outcome).toBe('NOISE_OVERFLOW');
  expect(wrong.calls).toEqual(right.calls);
  expect(right.calls.slice(-2)).toEqual(['discard', '(decryption)']);
});

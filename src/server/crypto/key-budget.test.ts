/** Keys for models that only a server vouches for: none are made beyond what the user allows. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Signature } from '../../program/signature.ts';
import { smallArtifact } from '../../program/testing/small-artifact.ts';
import { SecretClient } from '../../runtime/client/secret-client.ts';
import { Vault } from '../vault/vault.ts';
import { generateKeySet } from './generate-key-set.ts';
import { DEFAULT_KEY_BUDGET, forecastKeyBytes, requireBudget } from './key-budget.ts';
import { KeyStore } from './key-store.ts';
import { SecretClients } from './secret-clients.ts';

const { signature } = smallArtifact();

/** As a server may describe it: a key for each of so many steps. */
function withSteps(count: number): Signature {
  const level = signature.parameters.dataPrimes.length - 1;
  return { ...signature, rotationKeys: Array.from({ length: count }, (_, i) => ({ step: i + 1, level })) };
}

describe('the budget of keys', () => {
  it('is that of one model, of all that is stored, and of how many there are', () => {
    const bytes = forecastKeyBytes(signature);
    const budget = { keySetBytes: bytes, storedBytes: 3 * bytes, keySets: 3 };
    expect(() => requireBudget(signature, [bytes, bytes], budget)).not.toThrow();
    const refused = (own: Partial<typeof budget>, stored: number[] = []): string => {
      try {
        requireBudget(signature, stored, { ...budget, ...own });
      } catch (error) {
        return (error as Error).message;
      }
      return 'none';
    };
    expect(refused({ keySetBytes: bytes - 1 })).toMatch(/rotation steps.*--max-key-mb/);
    expect(refused({}, [bytes, bytes + 1])).toMatch(/--max-stored-key-mb/);
    expect(refused({}, [1, 1, 1])).toMatch(/3 key sets/);
    const [input] = signature.inputs;
    const huge = { ...signature, inputs: [{ ...input!, layout: { ...input!.layout, ciphertexts: 65_536 } }] };
    expect(() => requireBudget(huge, [], DEFAULT_KEY_BUDGET)).toThrow('of ciphertexts');
  });

  describe('in a store', () => {
    let folder: string;
    let vault: Vault;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'he-compile-budget-'));
      vault = await Vault.open(folder, { kind: 'key-file', path: join(folder, 'k') });
    });
    afterEach(async () => {
      vi.restoreAllMocks();
      vault[Symbol.dispose]();
      await rm(folder, { recursive: true, force: true });
    });

    it('is asked before anything is made, and is what key files come to', async () => {
      const generate = vi.spyOn(SecretClient, 'generate');
      const bytes = forecastKeyBytes(signature);
      const keys = await KeyStore.open(vault, { ...DEFAULT_KEY_BUDGET, keySetBytes: bytes, keySets: 1 });
      await using clients = new SecretClients(keys);
      const make = (asked: Signature): Promise<unknown> =>
        generateKeySet(
          { keys, clients },
          { clientId: 'c', signature: asked, batchSize: 1 },
          undefined,
          () => undefined,
        );
      const quota = { code: 'ERROR_QUOTA_EXCEEDED' };
      await expect(make(withSteps(1000))).rejects.toMatchObject(quota);
      expect(generate).not.toHaveBeenCalled();
      await make(signature);
      const [record] = await keys.list('c');
      const made = record!.evaluation_keys.reduce((sum, file) => sum + file.bytes, 0);
      expect(made / bytes).toBeGreaterThan(0.5);
      expect(made / bytes).toBeLessThan(1.1);
      await expect(make(signature)).rejects.toMatchObject(quota);
      expect(generate).toHaveBeenCalledOnce();
    });
  });
});

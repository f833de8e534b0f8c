/**
 * The noise budget that is left in ciphertexts, to hold forecasts against. In tests only: whoever learns what it says of ciphertexts
 * of his choice learns the secret key (SEAL's SECURITY.md), so that nothing of the runtime measures it.
 */
import type { CkksParameters } from '../../../program/security.ts';
import type { CiphertextSet } from '../../formats/ciphertext-set.ts';
import { parametersDigest } from '../../formats/parameters-digest.ts';
import { parseSecretKey } from '../../formats/secret-key.ts';
import { BfvContext } from '../bfv/context.ts';
import { splitParts } from '../bfv/parts.ts';

/** @returns bits, rounded down, of the worst part */
export async function measureNoiseBudget(
  parameters: CkksParameters,
  secretKey: Uint8Array,
  ciphertext: { readonly bytes: Uint8Array; readonly level: number },
): Promise<number> {
  using context = await BfvContext.create(parameters);
  const { seal, handles, residues } = context;
  const keys = splitParts(secretKey, residues.length, 'KEY_INVALID');
  const parts = splitParts(ciphertext.bytes, residues.length, 'CIPHERTEXT_INVALID');
  const budgets = residues.map(({ native, loader }, r) => {
    const key = handles.own(new seal.SecretKey());
    loader.secretKey(key, keys[r]!);
    const part = handles.own(new seal.Ciphertext());
    loader.ciphertext(part, parts[r]!, ciphertext.level, 1);
    return handles.own(new seal.Decryptor(native, key)).invariantNoiseBudget(part);
  });
  return Math.min(...budgets);
}

/** The same of all ciphertexts of a file, with a secret key as a file. */
export async function measureNoiseBudgetOf(
  parameters: CkksParameters,
  secretKey: Uint8Array,
  set: CiphertextSet,
): Promise<number> {
  const setting = { scheme: parameters.scheme, parametersDigest: parametersDigest(parameters) };
  const { bytes: key } = parseSecretKey(secretKey, setting);
  let least = Infinity;
  for (const { level, ciphertexts } of set.tensors) {
    for (const bytes of ciphertexts) {
      least = Math.min(least, await measureNoiseBudget(parameters, key, { bytes, level }));
    }
  }
  return least;
}

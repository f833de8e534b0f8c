/**
 * What may be made for a model that a server describes: its word decides how many keys of which size there are, and how many
 * ciphertexts an input has. Forecast from the signature and refused before memory is taken.
 */
import { sentBytes } from '../../program/key-bytes.ts';
import { sealCiphertextBytes } from '../../program/memory-model.ts';
import type { Signature } from '../../program/signature.ts';
import { ToolError } from '../protocol/error-codes.ts';

export interface KeyBudget {
  /** Evaluation keys of one model, as they are stored and sent. */
  readonly keySetBytes: number;
  /** All key files of one client, and how many key sets it may have. */
  readonly storedBytes: number;
  readonly keySets: number;
}

const MIB = 2 ** 20;
/** ResNet-20 with refreshes takes 786 MB. */
export const DEFAULT_KEY_BUDGET: KeyBudget = {
  keySetBytes: 2048 * MIB,
  storedBytes: 16_384 * MIB,
  keySets: 64,
};
/** Ciphertexts of one inference. */
const MAX_INPUT_BYTES = 2048 * MIB;

/** Bytes of the evaluation keys that the signature asks for, seeded as they are. */
export function forecastKeyBytes(signature: Signature): number {
  return sentBytes(signature, signature.parameters);
}

/** @param stored sizes of the key sets that the client has. @throws ToolError ERROR_QUOTA_EXCEEDED */
export function requireBudget(signature: Signature, stored: readonly number[], budget: KeyBudget): void {
  const keyBytes = forecastKeyBytes(signature);
  const storedBytes = stored.reduce((sum, bytes) => sum + bytes, 0);
  const { plainModuli } = signature.parameters;
  const inputBytes = signature.inputs.reduce(
    (sum, { layout, level }) =>
      sum +
      (plainModuli?.length ?? 1) * layout.ciphertexts * sealCiphertextBytes(signature.parameters, level),
    0,
  );
  const refuse = (what: string, remedy: string): never => {
    throw new ToolError('ERROR_QUOTA_EXCEEDED', `${what}; ${remedy}`);
  };
  if (keyBytes > budget.keySetBytes) {
    const steps = signature.rotationKeys.length;
    refuse(
      `the model asks for ${inMib(keyBytes)} of keys (${steps} rotation steps), at most ${inMib(budget.keySetBytes)} are made`,
      'if its operator says that this is right, start with --max-key-mb',
    );
  }
  if (inputBytes > MAX_INPUT_BYTES) {
    refuse(
      `an input would be ${inMib(inputBytes)} of ciphertexts, at most ${inMib(MAX_INPUT_BYTES)} are made`,
      'use another model',
    );
  }
  if (stored.length >= budget.keySets || storedBytes + keyBytes > budget.storedBytes) {
    refuse(
      `there are ${stored.length} key sets of ${inMib(storedBytes)} already, at most ${budget.keySets} of ${inMib(budget.storedBytes)} are kept`,
      'delete some with fhe_delete_keys, or start with --max-stored-key-mb',
    );
  }
}

function inMib(bytes: number): string {
  return `${Math.ceil(bytes / MIB)} MiB`;
}

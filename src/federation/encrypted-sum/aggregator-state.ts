/** What an aggregator remembers of an encrypted sum; ciphertexts lie where the server keeps blobs, and nothing here opens one. */
import type { RoundTerms } from '../round-terms.ts';
import type { AbortReason, Confirmation } from '../secure-aggregation/messages.ts';
import type { Contribution } from './contribution.ts';
import type { Admission, SumKey, SumList } from './sum-messages.ts';

/** In the order in which they follow each other; a round may be aborted at each. */
export type EncryptedSumStage =
  'joining' | 'admitting' | 'uploading' | 'adding' | 'confirming' | 'opening' | 'opened' | 'aborted';

/** A round's public key, and who signed it. */
export interface PublishedKey {
  readonly message: SumKey;
  /** Base64. */
  readonly bytes: string;
}

/** JSON. */
export interface EncryptedSumState {
  readonly version: 1;
  readonly terms: RoundTerms;
  /** Name under which the decryptor is enrolled. */
  readonly decryptor: string;
  stage: EncryptedSumStage;
  key: PublishedKey | null;
  readonly contributions: Contribution[];
  admission: Admission | null;
  /** Whose ciphertexts have arrived. */
  readonly uploads: string[];
  list: SumList | null;
  readonly confirmations: Confirmation[];
  /** SHA-256, hex, of the opened sum, four bytes an element, little endian. */
  opened: string | null;
  aborted: { readonly reason: AbortReason; readonly message: string } | null;
}

export function newState(terms: RoundTerms, decryptor: string): EncryptedSumState {
  return {
    ...{ version: 1, terms: structuredClone(terms), decryptor, stage: 'joining', key: null },
    ...{ contributions: [], admission: null, uploads: [], list: null, confirmations: [], opened: null },
    aborted: null,
  };
}

/**
 * The decryptor of a federation: a process that nobody can ask anything. It looks at the aggregator, makes a key for each round, admits what was
 * announced, and opens one sum, as `RoundDecryptor` allows; each is on record before it is said or done. The key goes with the round.
 */
import { createHash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { sign, verify } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RoundDecryptor } from '../../../federation/encrypted-sum/decryptor.ts';
import type { RoundTerms } from '../../../federation/round-terms.ts';
import { termsDigest } from '../../../federation/round-terms.ts';
import type { Identity, VerifyIdentity } from '../../../federation/secure-aggregation/messages.ts';
import { SumDecryptor } from '../../../runtime/client/sum-decryptor.ts';
import { ciphertextsOf, SUM_CIPHERTEXT_BYTES, SUM_ELEMENTS } from '../../../runtime/sums/sum-parameters.ts';
import type { FederationDescription, RemoteFederation, RoundStatus } from '../../client/remote-federation.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import { sha256Of } from '../../protocol/identifiers.ts';
import { decodePublicKey } from '../../protocol/signing.ts';
import { toToolError } from '../../protocol/translate-error.ts';
import { PRIVATE_FILE, privateFolder } from '../../vault/private-files.ts';
import type { DecryptorVault, StoredDecryption } from './decryptor-vault.ts';
import type { ParticipantVault } from './participant-vault.ts';
import { nameOf } from './participant-vault.ts';

export interface DecryptorParts {
  readonly vault: DecryptorVault;
  /** Knows participants by their keys. */
  readonly known: Pick<ParticipantVault, 'pin'>;
  readonly remote: RemoteFederation;
  /** Name and key under which it is enrolled. */
  readonly name: string;
  readonly privateKey: KeyObject;
  /** Keys of participants, where they are known from elsewhere; null: as first seen. */
  readonly members: ReadonlyMap<string, string> | null;
  /** For sums, encrypted and opened: the aggregator has both. */
  readonly folder: string;
  readonly note: (event: 'key' | 'admitted' | 'opened' | 'refused', round: number, code?: string) => void;
  /** Between two looks at the aggregator. */
  readonly pauseMs: number;
}

export class FederationDecryptor {
  readonly #parts: DecryptorParts;
  readonly #identity: Identity;

  constructor(parts: DecryptorParts) {
    this.#parts = parts;
    this.#identity = { sign: (bytes) => sign(null, bytes, parts.privateKey) };
  }

  /** Until it is told to stop. What is refused is noted, and looked at again. */
  async run(signal: AbortSignal): Promise<void> {
    const { remote, note, pauseMs } = this.#parts;
    using _ = await this.#parts.vault.claim();
    for (let said = ''; !signal.aborted;) {
      let round = 0;
      try {
        const described = await remote.describe({ signal });
        round = described.round?.round ?? 0;
        await this.look(described, signal);
      } catch (error) {
        if (signal.aborted) return;
        const { code } = toToolError(error);
        // Once: it is tried again and again.
        if (said !== `${round} ${code}`) note('refused', round, code);
        said = `${round} ${code}`;
      }
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Does what the round that is open waits for, if it waits for the decryptor. @throws ToolError, ProtocolError */
  async look(described: FederationDescription, signal: AbortSignal): Promise<void> {
    const { terms, round, decryptor } = described;
    const { name, vault } = this.#parts;
    await this.#forgetKeys(described.federation, terms?.round ?? null);
    if (terms?.protocol !== 'bfv-sum' || round === null) return;
    if (decryptor !== name)
      throw new ToolError('ERROR_NOT_DECRYPTOR', `the federation’s decryptor is ${decryptor ?? 'nobody'}`);
    const kept = await vault.round(terms.federation, terms.round);
    if (kept !== null && termsDigest(kept.state.terms) !== termsDigest(terms))
      throw new ToolError('ERROR_OPENING_REFUSED', 'this round had other terms before');
    await this.#act(round.stage, terms, kept, signal);
  }

  async #act(
    stage: RoundStatus['stage'],
    terms: RoundTerms,
    kept: StoredDecryption | null,
    signal: AbortSignal,
  ): Promise<void> {
    if (stage === 'joining') return this.#publish(terms, kept, signal);
    // Without a key of this round, nothing of it is for this decryptor.
    if (kept?.keys == null) return;
    if (stage === 'admitting') return this.#admit(kept, signal);
    if (stage === 'opening') return this.#open(kept, kept.keys.secretKey, signal);
  }

  async #publish(terms: RoundTerms, kept: StoredDecryption | null, signal: AbortSignal): Promise<void> {
    const { remote, vault, note } = this.#parts;
    if (kept !== null && (await remote.sums.key(terms.round, { signal })).sum_key !== null) return;
    const stored = kept ?? (await newDecryption(terms));
    if (stored.keys === null) return;
    if (kept === null) await vault.save(stored);
    const key = RoundDecryptor.resume(stored.state).key(this.#identity);
    await remote.sums.publishKey(terms.round, key, Buffer.from(stored.keys.publicKey, 'base64'), { signal });
    note('key', terms.round);
  }

  async #admit(kept: StoredDecryption, signal: AbortSignal): Promise<void> {
    const { remote, vault, note } = this.#parts;
    const decryptor = RoundDecryptor.resume(kept.state);
    const { round } = decryptor.terms;
    const { contributions, identities } = await remote.sums.contributions(round, { signal });
    const admission = decryptor.admit(contributions, this.#identity, await this.#verifier(kept, identities));
    await vault.save({ ...kept, state: decryptor.state() });
    await remote.sums.admit(round, admission, { signal });
    note('admitted', round);
  }

  async #open(kept: StoredDecryption, secretKey: string, signal: AbortSignal): Promise<void> {
    const { remote, vault, note } = this.#parts;
    const decryptor = RoundDecryptor.resume(kept.state);
    const { round, federation, form } = decryptor.terms;
    const { list, confirmations } = await remote.sums.request(round, { signal });
    const verifier = await this.#verifier(kept, []);
    const permitted = decryptor.permit(list, confirmations, verifier);
    const folder = join(this.#parts.folder, 'decryption');
    await privateFolder(folder);
    const path = join(folder, nameOf([federation, String(round)]));
    const [encrypted, opened] = [`${path}.sum`, `${path}.opened`];
    try {
      await this.#fetch(round, form.length, encrypted, permitted.sum, signal);
      await vault.save({ ...kept, state: decryptor.state() });
      const sha256 = await openFile(encrypted, opened, form.length, Buffer.from(secretKey, 'base64'));
      const file = { fileName: 'update', path: opened, bytes: 4 * form.length, sha256 };
      await remote.upload(round, file, { signal });
    } finally {
      await Promise.all([encrypted, opened].map((file) => rm(file, { force: true })));
    }
    note('opened', round);
  }

  /** @throws ToolError ERROR_OPENING_REFUSED unless it is the sum that was confirmed */
  async #fetch(round: number, length: number, path: string, sum: string, signal: AbortSignal): Promise<void> {
    const shape = { each: SUM_CIPHERTEXT_BYTES, count: ciphertextsOf(length) };
    const hash = createHash('sha256');
    await using file = await open(path, 'w', PRIVATE_FILE);
    for await (const ciphertext of this.#parts.remote.sums.ciphertexts(round, null, shape, { signal })) {
      hash.update(ciphertext);
      await file.writeFile(ciphertext);
    }
    if (hash.digest('hex') !== sum)
      throw new ToolError('ERROR_OPENING_REFUSED', 'the sum is another than was confirmed');
  }

  /** Of rounds of this federation that are over. */
  async #forgetKeys(federation: string, open: number | null): Promise<void> {
    const { vault } = this.#parts;
    for (const kept of await vault.withKeys()) {
      const { terms } = kept.state;
      if (terms.federation === federation && terms.round !== open) await vault.save({ ...kept, keys: null });
    }
  }

  async #verifier(
    { state }: StoredDecryption,
    seen: readonly { participant: string; public_key: string }[],
  ): Promise<VerifyIdentity> {
    const { members, known } = this.#parts;
    const fresh = new Map(seen.map(({ participant, public_key }) => [participant, public_key]));
    const keys = members ?? (await known.pin(state.terms.federation, fresh));
    return (participant, bytes, signature) => {
      const text = keys.get(participant);
      return text !== undefined && verify(null, bytes, decodePublicKey(text), signature);
    };
  }
}

async function newDecryption(terms: RoundTerms): Promise<StoredDecryption> {
  using side = await SumDecryptor.open(null);
  const publicKey = side.makePublicKey();
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  return {
    version: 1,
    state: RoundDecryptor.begin(terms, sha256Of(publicKey)).state(),
    keys: { secretKey: text(side.saveSecretKey()), publicKey: text(publicKey) },
  };
}

/** @returns SHA-256, hex, of what was written: four bytes an element, little endian */
async function openFile(
  encrypted: string,
  opened: string,
  length: number,
  secretKey: Uint8Array,
): Promise<string> {
  using side = await SumDecryptor.open(secretKey);
  await using from = await open(encrypted, 'r');
  await using to = await open(opened, 'w', PRIVATE_FILE);
  const hash = createHash('sha256');
  const ciphertext = new Uint8Array(SUM_CIPHERTEXT_BYTES);
  for (let start = 0, index = 0; start < length; start += SUM_ELEMENTS, index++) {
    await from.read(ciphertext, 0, SUM_CIPHERTEXT_BYTES, index * SUM_CIPHERTEXT_BYTES);
    const values = side.open(ciphertext, Math.min(SUM_ELEMENTS, length - start));
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    hash.update(bytes);
    await to.writeFile(bytes);
  }
  return hash.digest('hex');
}

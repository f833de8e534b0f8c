/**
 * A participant's part in a round of encrypted sums: encrypts under the round's key, announces, lets go once the decryptor has admitted what all have
 * announced, and adds up again where the lot has fallen on it. What a step returns is sealed before it is sent.
 */
import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { auditorsOf, listRefused } from '../../../federation/encrypted-sum/accept-contributions.ts';
import type { Contribution } from '../../../federation/encrypted-sum/contribution.ts';
import { contributionsDigest } from '../../../federation/encrypted-sum/contribution.ts';
import type { EncryptedState } from '../../../federation/encrypted-sum/participant.ts';
import { EncryptedParticipant } from '../../../federation/encrypted-sum/participant.ts';
import type { SumList } from '../../../federation/encrypted-sum/sum-messages.ts';
import { RandomIntegers, systemBytes } from '../../../federation/privacy/random-integers.ts';
import type { RoundTerms } from '../../../federation/round-terms.ts';
import type { Identity, VerifyIdentity } from '../../../federation/secure-aggregation/messages.ts';
import { noisedBlocks } from '../../../federation/update/quantise.ts';
import { addVectors } from '../../../runtime/sums/add-vectors.ts';
import { CiphertextSum } from '../../../runtime/sums/ciphertext-sum.ts';
import { ciphertextsOf, SUM_CIPHERTEXT_BYTES, SUM_ELEMENTS } from '../../../runtime/sums/sum-parameters.ts';
import { VectorEncryption } from '../../../runtime/sums/vector-encryption.ts';
import type { SumKeyAnswer } from '../../client/remote-sums.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import { sha256Of } from '../../protocol/identifiers.ts';
import { PRIVATE_FILE, privateFolder } from '../../vault/private-files.ts';
import type { RoundPart, RoundWalk } from './round-part.ts';

const KEY_PAUSE_MS = 250;

export class EncryptedPart implements RoundPart {
  readonly #participant: EncryptedParticipant;

  private constructor(participant: EncryptedParticipant) {
    this.#participant = participant;
  }

  static join(terms: RoundTerms, name: string, identity: Identity): EncryptedPart {
    return new EncryptedPart(EncryptedParticipant.join(terms, name, identity, systemBytes));
  }

  static resume(state: EncryptedState, identity: Identity): EncryptedPart {
    return new EncryptedPart(EncryptedParticipant.resume(state, identity));
  }

  get name(): string {
    return this.#participant.name;
  }

  get terms(): RoundTerms {
    return this.#participant.terms;
  }

  get hasGiven(): boolean {
    return this.#participant.hasReleased;
  }

  get announced(): string | null {
    const { roster } = this.#participant.state();
    return roster === null ? null : contributionsDigest(roster);
  }

  state(): EncryptedState {
    return this.#participant.state();
  }

  abort(reason: string): void {
    this.#participant.abort(reason);
  }

  async walk(round: RoundWalk): Promise<void> {
    const participant = this.#participant;
    const { remote, number } = round;
    const options = { signal: round.signal };
    if (participant.stage === 'begun') {
      round.say('joining');
      const { decryptor, sum_key, key_b64, public_key } = await this.#key(round);
      const publicKey = Buffer.from(key_b64, 'base64');
      const verify = await round.decryptorVerifier(decryptor, public_key);
      participant.checkKey(sum_key, sha256Of(publicKey), decryptor, verify);
      participant.announce({
        publicKey: sha256Of(publicKey),
        ciphertexts: await this.#encrypt(round, publicKey),
      });
      await round.save();
    }
    if (participant.stage === 'announced') {
      round.say('admitting');
      await remote.join(number, participant.contribution!, options);
      await round.until(['joining', 'admitting']);
      await this.#release(round);
      // Nothing of the update has left by now; a digest tells nothing of what is encrypted anew each time.
      await round.debit();
      await round.save();
    }
    if (participant.stage === 'released') {
      await round.upload(await this.#file(round));
      await round.until(['joining', 'admitting', 'uploading', 'adding']);
      if (!round.status.survivors.includes(participant.name))
        throw new ToolError('ERROR_NOT_IN_ROUND', 'the update came too late to be in the sum');
      const { list } = await remote.sums.request(number, options);
      const checked = participant.checkList(list);
      if (!auditorsOf(checked, this.terms).has(participant.name)) return;
      participant.confirm(checked, await this.#addUp(round, checked));
      await round.save();
    }
    if (participant.stage === 'confirmed') {
      round.say('confirming');
      await remote.confirm(number, participant.state().confirmation!, options);
    }
  }

  /** Waits for the decryptor, as long as the round can be joined. */
  async #key(round: RoundWalk): Promise<PublishedKeyAnswer> {
    for (;;) {
      const answer = await round.remote.sums.key(round.number, { signal: round.signal });
      if (isPublished(answer)) return answer;
      await delay(KEY_PAUSE_MS, undefined, { signal: round.signal });
    }
  }

  async #release(round: RoundWalk): Promise<void> {
    const { remote, number, signal } = round;
    const { contributions, admission, identities } = await remote.sums.contributions(number, { signal });
    if (admission === null)
      throw new ToolError('ERROR_AGGREGATOR_REFUSED', 'the aggregator goes on without an admission');
    const { decryptor, public_key } = await remote.sums.key(number, { signal });
    const ofDecryptor = await round.decryptorVerifier(decryptor, public_key);
    const ofOthers = await round.verifier(identities);
    const verify: VerifyIdentity = (name, ...what) =>
      (name === decryptor ? ofDecryptor : ofOthers)(name, ...what);
    this.#participant.release(contributions, admission, decryptor, verify);
  }

  /**
   * Clips, quantises, adds noise and encrypts, into a file that stays until the round is over: the same could not be encrypted twice.
   * @returns SHA-256, hex, of all ciphertexts
   */
  async #encrypt(round: RoundWalk, publicKey: Uint8Array): Promise<string> {
    round.say('encrypting');
    const { form, noise } = this.terms;
    const values = await round.update();
    const random = new RandomIntegers(this.#participant.noiseBytes());
    const { path } = round;
    await privateFolder(dirname(path));
    using encryption = await VectorEncryption.open(publicKey);
    await using file = await open(path, 'w', PRIVATE_FILE);
    const hash = createHash('sha256');
    for await (const block of noisedBlocks(() => inCiphertexts(values), form, noise, random)) {
      const ciphertext = encryption.encrypt(block);
      hash.update(ciphertext);
      await file.writeFile(ciphertext);
    }
    await file.sync();
    return hash.digest('hex');
  }

  async #file({
    path,
  }: RoundWalk): Promise<{ fileName: string; path: string; bytes: number; sha256: string }> {
    const bytes = this.#size;
    const found = await stat(path).catch(() => null);
    if (found?.size !== bytes)
      throw new ToolError('ERROR_NOT_IN_ROUND', 'what was announced is not on this machine any more');
    return { fileName: 'update', path, bytes, sha256: this.#participant.contribution!.ciphertexts };
  }

  /** @returns SHA-256, hex, of the sum of what the survivors have announced. @throws ProtocolError FEDERATION_LIST_REFUSED */
  async #addUp(round: RoundWalk, { survivors }: SumList): Promise<string> {
    const { remote, number, signal } = round;
    round.say('auditing');
    const { contributions } = this.#participant.roster();
    const shape = { each: SUM_CIPHERTEXT_BYTES, count: ciphertextsOf(this.terms.form.length) };
    const vectors = survivors.map((name) =>
      verified(remote.sums.ciphertexts(number, name, shape, { signal }), contributions.get(name)!),
    );
    using adder = await CiphertextSum.open();
    const hash = createHash('sha256');
    for await (const ciphertext of addVectors(adder, vectors)) hash.update(ciphertext);
    return hash.digest('hex');
  }

  get #size(): number {
    return ciphertextsOf(this.terms.form.length) * SUM_CIPHERTEXT_BYTES;
  }
}

type PublishedKeyAnswer = SumKeyAnswer & {
  readonly sum_key: NonNullable<SumKeyAnswer['sum_key']>;
  readonly key_b64: string;
};

function isPublished(answer: SumKeyAnswer): answer is PublishedKeyAnswer {
  return answer.sum_key !== null && answer.key_b64 !== null;
}

function* inCiphertexts(values: Float32Array): Generator<Float32Array> {
  for (let start = 0; start < values.length; start += SUM_ELEMENTS)
    yield values.subarray(start, start + SUM_ELEMENTS);
}

/** The same ciphertexts; throws in the end if they are not those that were announced. */
async function* verified(
  ciphertexts: AsyncIterable<Uint8Array>,
  { participant, ciphertexts: announced }: Contribution,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const ciphertext of ciphertexts) {
    hash.update(ciphertext);
    yield ciphertext;
  }
  if (hash.digest('hex') !== announced)
    throw listRefused(`it has other ciphertexts of ${participant} than were announced`);
}

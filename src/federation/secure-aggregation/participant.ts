/**
 * A participant's side of one round of secure aggregation (Bonawitz et al., CCS 2017, figure 4, against an active aggregator; neighbours as in Bell
 * et al., CCS 2020): advertise, share keys, receive shares, mask, confirm, reveal.
 *
 * Each step may be asked for again and gives the same. Before what a step returned is sent, `state()` has to be stored: what was sent once must
 * never be answered differently after a restart.
 */
import { createHash } from 'node:crypto';
import { InternalError, ProtocolError } from '../../errors.ts';
import type { ByteSource } from '../privacy/random-integers.ts';
import { seededBytes } from '../privacy/random-integers.ts';
import type { RoundTerms } from '../round-terms.ts';
import { checkTerms, isName } from '../round-terms.ts';
import type { Blocks } from '../update/quantise.ts';
import type { AcceptedRoster } from './accept-roster.ts';
import { acceptRoster, refused } from './accept-roster.ts';
import { checkSurvivors, countConfirmations } from './check-survivors.ts';
import { makeBoxes, openBoxes } from './exchange-shares.ts';
import { privateKeyOf } from './key-agreement.ts';
import type { Mask } from './mask-stream.ts';
import { MaskStream } from './mask-stream.ts';
import type {
  Advertisement,
  Confirmation,
  Identity,
  Revelation,
  Roster,
  ShareBox,
  SurvivorList,
  VerifyIdentity,
} from './messages.ts';
import { checkSurvivorList, confirmationBytes, listDigest, toBase64 } from './messages.ts';
import { pairMask, selfMask } from './pair-masks.ts';
import type { ParticipantStage, ParticipantState } from './participant-state.ts';
import { newState } from './participant-state.ts';
import { inBlocks } from './regroup.ts';

export class SecureParticipant {
  readonly #state: ParticipantState;
  readonly #identity: Identity;
  #roster: AcceptedRoster | null;

  private constructor(state: ParticipantState, identity: Identity) {
    this.#state = state;
    this.#identity = identity;
    // It was verified when it was stored.
    this.#roster = state.roster === null ? null : acceptRoster(state.roster, state.terms, null);
  }

  /**
   * @param random of the operating system; four secrets are drawn from it
   * @throws ProtocolError FEDERATION_TERMS_REFUSED, FEDERATION_FORM_REFUSED
   */
  static join(terms: RoundTerms, name: string, identity: Identity, random: ByteSource): SecureParticipant {
    checkTerms(terms, 'secure-aggregation');
    if (!isName(name)) throw new InternalError('a participant without a proper name');
    return new SecureParticipant(newState(terms, name, identity, random), identity);
  }

  /** @param state what `state()` gave, unchanged */
  static resume(state: ParticipantState, identity: Identity): SecureParticipant {
    if (state.version !== 1)
      throw new InternalError(`a participant’s state of version ${String(state.version)}`);
    return new SecureParticipant(structuredClone(state), identity);
  }

  /** JSON. SECRET. */
  state(): ParticipantState {
    return structuredClone(this.#state);
  }

  get stage(): ParticipantStage {
    return this.#state.stage;
  }

  get name(): string {
    return this.#state.name;
  }

  get terms(): RoundTerms {
    return this.#state.terms;
  }

  advertisement(): Advertisement {
    return this.#state.advertisement;
  }

  /** What this round's noise is drawn from: the same after a restart. */
  noiseBytes(): ByteSource {
    return seededBytes(`noise ${this.#secrets().noise}`);
  }

  /**
   * Accepts a roster, once, and splits both secrets among the neighbours.
   * @returns a box for each neighbour
   * @throws ProtocolError FEDERATION_ROSTER_REFUSED, FEDERATION_TERMS_REFUSED, FEDERATION_SIGNATURE_INVALID, FEDERATION_MESSAGE_INVALID,
   * FEDERATION_EQUIVOCATION, FEDERATION_WRONG_STAGE
   */
  async shareKeys(roster: Roster, verify: VerifyIdentity): Promise<readonly ShareBox[]> {
    const state = this.#state;
    const secrets = this.#secrets();
    const accepted = acceptRoster(roster, state.terms, verify);
    const own = accepted.advertisements.get(state.name);
    if (own === undefined) throw refused('this participant is not on it');
    const { maskKey, channelKey, seedDigest } = state.advertisement;
    if (own.maskKey !== maskKey || own.channelKey !== channelKey || own.seedDigest !== seedDigest)
      throw refused('it has other keys of this participant than it announced');
    const boxes = state.boxes ?? (await makeBoxes(accepted, state.name, secrets));
    // Of two calls at a time the first one counts.
    if (state.boxes === null) {
      this.#expect('joined');
      Object.assign(state, { roster: structuredClone(roster), boxes, stage: 'shared' });
      this.#roster = accepted;
    } else if (this.#roster?.digest !== accepted.digest) throw equivocation('roster');
    return state.boxes ?? boxes;
  }

  /**
   * Takes the neighbours' shares into keeping. Whose box is missing has dropped out, and no mask is shared with it.
   * @param boxes those that are meant for this participant, of all that shared
   * @throws ProtocolError FEDERATION_SHARE_INVALID, FEDERATION_ROUND_ABORTED, FEDERATION_EQUIVOCATION, FEDERATION_WRONG_STAGE
   */
  receiveShares(boxes: readonly ShareBox[]): void {
    const state = this.#state;
    const roster = this.#accepted();
    const entrusted = openBoxes(boxes, roster, state.name, this.#secrets().channelKey);
    if (state.entrusted !== null) {
      if (JSON.stringify(state.entrusted) !== JSON.stringify(entrusted))
        throw equivocation('set of share boxes');
      return;
    }
    this.#expect('shared');
    Object.assign(state, { entrusted, stage: 'received' });
  }

  /**
   * Masks an update that was clipped, quantised and noised. Under the same masks another update would tell its difference from the first: blocks
   * that were made once are made again or not at all. To be stored whole, with `state()`, before any of it is sent.
   * @param update blocks of any size, `length` elements in all
   * @returns blocks of `BLOCK_ELEMENTS`, the last one shorter
   * @throws ProtocolError FEDERATION_UPDATE_CHANGED, FEDERATION_UPDATE_INVALID, FEDERATION_WRONG_STAGE
   */
  async *maskedBlocks(update: Blocks<Int32Array>): AsyncGenerator<Uint32Array<ArrayBuffer>> {
    const state = this.#state;
    if (state.stage !== 'masked') this.#expect('received');
    const stream = new MaskStream(this.#masks());
    const whole = createHash('sha256');
    let index = 0;
    for await (const block of inBlocks(update, state.terms.form.length)) {
      stream.apply(block);
      const digest = createHash('sha256').update(block).digest('hex');
      const before = state.blocks[index];
      if (before !== undefined && before !== digest) throw updateChanged();
      state.blocks[index++] = digest;
      whole.update(block);
      yield block;
    }
    if (state.stage === 'received') Object.assign(state, { vector: whole.digest('hex'), stage: 'masked' });
  }

  /** SHA-256, hex, of the masked update, four bytes an element, little endian. */
  get vectorDigest(): string {
    if (this.#state.vector === null) throw wrongStage(this.#state.stage, 'masked');
    return this.#state.vector;
  }

  /**
   * Signs one survivor list, and never a second one.
   * @throws ProtocolError FEDERATION_LIST_REFUSED, FEDERATION_EQUIVOCATION, FEDERATION_MESSAGE_INVALID, FEDERATION_WRONG_STAGE
   */
  confirm(list: SurvivorList): Confirmation {
    const state = this.#state;
    checkSurvivorList(list);
    const digest = listDigest(list);
    if (state.confirmation !== null) {
      if (state.confirmation.list !== digest) throw equivocation('survivor list');
      return state.confirmation;
    }
    this.#expect('masked');
    checkSurvivors(list, this.#accepted(), state.name, state.entrusted!);
    const unsigned = { participant: state.name, list: digest };
    const signature = toBase64(this.#identity.sign(confirmationBytes(unsigned)));
    const confirmation = { ...unsigned, signature };
    Object.assign(state, { list: structuredClone(list), confirmation, stage: 'confirmed' });
    return confirmation;
  }

  /**
   * Gives up what opens the sum: of each neighbour ONE kind of share, by the one list that so many confirmed that there cannot be a second.
   * @throws ProtocolError FEDERATION_CONFIRMATIONS_MISSING, FEDERATION_EQUIVOCATION, FEDERATION_SIGNATURE_INVALID, FEDERATION_WRONG_STAGE
   */
  reveal(confirmations: readonly Confirmation[], verify: VerifyIdentity): Revelation {
    const state = this.#state;
    if (state.revelation !== null) return state.revelation;
    this.#expect('confirmed');
    countConfirmations(confirmations, this.#accepted(), state.list!, verify);
    const survivors = new Set(state.list!.survivors);
    const held = state.entrusted!;
    const revelation: Revelation = {
      participant: state.name,
      seeds: held.filter(({ of }) => survivors.has(of)).map(({ of, seed }) => ({ of, share: seed })),
      keys: held.filter(({ of }) => !survivors.has(of)).map(({ of, key }) => ({ of, share: key })),
    };
    // Nothing is left with which the other kind could be given.
    Object.assign(state, { revelation, entrusted: null, secrets: null, boxes: null, stage: 'revealed' });
    return revelation;
  }

  /** Leaves the round; its secrets are gone. What was spent stays spent. */
  abort(reason: string): void {
    if (this.#state.stage === 'revealed') return;
    Object.assign(this.#state, {
      entrusted: null,
      secrets: null,
      boxes: null,
      stage: 'aborted',
      aborted: reason,
    });
  }

  #masks(): readonly Mask[] {
    const roster = this.#accepted();
    const secrets = this.#secrets();
    const key = privateKeyOf(Buffer.from(secrets.maskKey, 'base64'));
    const pairs = this.#state.entrusted!.map(({ of }) => pairMask(key, roster, this.#state.name, of));
    if (pairs.includes(null)) throw refused('it has a key of low order');
    return [selfMask(Buffer.from(secrets.seed, 'base64'), roster, this.#state.name), ...(pairs as Mask[])];
  }

  #secrets(): NonNullable<ParticipantState['secrets']> {
    const { secrets, stage } = this.#state;
    if (secrets === null) throw wrongStage(stage, 'joined');
    return secrets;
  }

  #accepted(): AcceptedRoster {
    if (this.#roster === null) throw wrongStage(this.#state.stage, 'shared');
    return this.#roster;
  }

  #expect(stage: ParticipantStage): void {
    if (this.#state.stage !== stage) throw wrongStage(this.#state.stage, stage);
  }
}

function wrongStage(stage: ParticipantStage, needed: ParticipantStage): ProtocolError {
  return new ProtocolError(
    'FEDERATION_WRONG_STAGE',
    `this participant has ${stage}; the step needs one that has ${needed}`,
  );
}

function equivocation(what: string): ProtocolError {
  return new ProtocolError('FEDERATION_EQUIVOCATION', `the aggregator shows a second ${what} for one round`, {
    hint: 'it is broken or hostile: leave the round',
  });
}

function updateChanged(): ProtocolError {
  return new ProtocolError('FEDERATION_UPDATE_CHANGED', 'another update was masked in this round before', {
    hint: 'leave this round and contribute the other update to the next one',
  });
}

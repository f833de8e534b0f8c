/**
 * The aggregator's side of one round of secure aggregation. It collects what participants say, hands it on, and opens one sum; it never holds
 * what would open a single update. What a message may not be is refused with a code and changes nothing; saying the same again does no
 * harm. What ends the round without a sum is said in `aborted`.
 */
import { ProtocolError } from '../../errors.ts';
import type { RoundTerms } from '../round-terms.ts';
import { checkTerms } from '../round-terms.ts';
import type { Blocks } from '../update/quantise.ts';
import type { AcceptedRoster } from './accept-roster.ts';
import { boxesOf, checkNewcomer, checkRevealed, notInRound } from './accept-messages.ts';
import { acceptRoster } from './accept-roster.ts';
import type { AggregatorStage, AggregatorState } from './aggregator-state.ts';
import { RoundRecord } from './aggregator-state.ts';
import type {
  AbortReason,
  Advertisement,
  Confirmation,
  Revelation,
  Roster,
  ShareBox,
  SurvivorList,
  VerifyIdentity,
} from './messages.ts';
import {
  checkAdvertisement,
  checkConfirmation,
  checkRevelation,
  isSigned,
  listDigest,
  malformed,
} from './messages.ts';
import { openable, shortOfShares } from './openable.ts';
import { digestsOf } from './regroup.ts';
import type { VectorReader } from './unmask.ts';
import { openedBlocks, rebuildMasks } from './unmask.ts';

export class SecureAggregator {
  readonly #record: RoundRecord;
  readonly #verify: VerifyIdentity;
  /** All that were announced. */
  readonly #keys: Set<string>;
  #roster: AcceptedRoster | null;

  private constructor(record: RoundRecord, verify: VerifyIdentity) {
    this.#record = record;
    this.#verify = verify;
    const announced = record.advertisements.all();
    this.#keys = new Set(announced.flatMap(({ maskKey, channelKey }) => [maskKey, channelKey]));
    const closed = record.stage !== 'joining' && record.stage !== 'aborted';
    this.#roster = closed ? acceptRoster(this.#rosterMessage(), record.terms, null) : null;
  }

  /** @throws ProtocolError FEDERATION_TERMS_REFUSED, FEDERATION_FORM_REFUSED */
  static open(terms: RoundTerms, verify: VerifyIdentity): SecureAggregator {
    checkTerms(terms, 'secure-aggregation');
    return new SecureAggregator(RoundRecord.of(terms), verify);
  }

  /** @param state what `snapshot()` gave */
  static resume(state: AggregatorState, verify: VerifyIdentity): SecureAggregator {
    return new SecureAggregator(new RoundRecord(state), verify);
  }

  /** JSON. Steps are the same when they are taken again, so that a log of messages serves as well. */
  snapshot(): AggregatorState {
    return this.#record.state();
  }

  get stage(): AggregatorStage {
    return this.#record.stage;
  }

  get aborted(): AggregatorState['aborted'] {
    return this.#record.aborted;
  }

  get terms(): RoundTerms {
    return this.#record.terms;
  }

  /** Who joined; sorted. */
  get participants(): readonly string[] {
    return this.#record.advertisements.names();
  }

  /** Who is in the sum; null until uploads are closed. */
  get survivors(): readonly string[] | null {
    return this.#record.list?.survivors ?? null;
  }

  /** Participants by how far they have come; what everybody in the round may know. */
  get progress(): Readonly<Record<'joined' | 'shared' | 'uploaded' | 'confirmed' | 'revealed', number>> {
    const { advertisements, shares, vectors, confirmations, revelations } = this.#record;
    return {
      joined: advertisements.size,
      shared: shares.size,
      uploaded: vectors.size,
      confirmed: confirmations.size,
      revealed: revelations.size,
    };
  }

  addAdvertisement(advertisement: Advertisement): void {
    const ad = checkAdvertisement(advertisement);
    const { terms, advertisements } = this.#record;
    if (advertisements.repeats(ad)) return;
    this.#record.expect('joining');
    if (advertisements.size >= terms.maxParticipants)
      throw new ProtocolError('FEDERATION_ROSTER_FULL', `${terms.maxParticipants} have joined; no more may`);
    checkNewcomer(ad, terms, this.#keys, this.#verify);
    advertisements.add(ad);
    for (const key of [ad.maskKey, ad.channelKey]) this.#keys.add(key);
  }

  /** Nobody joins any more. @throws ProtocolError FEDERATION_ROUND_ABORTED, FEDERATION_WRONG_STAGE */
  closeRoster(): Roster {
    const record = this.#record;
    if (record.isPast('joining')) return this.roster();
    const joined = record.advertisements.size;
    if (joined < record.terms.minSurvivors)
      throw record.end('too-few-participants', `${joined} of ${record.terms.minSurvivors} have joined`);
    const roster = this.#rosterMessage();
    try {
      this.#roster = acceptRoster(roster, record.terms, null);
    } catch (error) {
      // So many, with these terms, keep none of their promises.
      throw record.end('too-few-participants', error instanceof Error ? error.message : 'no roster');
    }
    record.stage = 'sharing';
    return roster;
  }

  roster(): Roster {
    this.#accepted();
    return this.#rosterMessage();
  }

  /** @param boxes of one participant: one for each of its neighbours */
  addShares(participant: string, boxes: readonly ShareBox[]): void {
    const shares = { participant, boxes: boxesOf(participant, boxes, this.#accepted()) };
    if (this.#record.shares.repeats(shares)) return;
    this.#record.expect('sharing');
    this.#record.shares.add(shares);
  }

  /** Who has not shared by now has dropped out. @throws ProtocolError FEDERATION_ROUND_ABORTED, FEDERATION_WRONG_STAGE */
  closeSharing(): void {
    const record = this.#record;
    if (record.isPast('sharing')) return;
    const roster = this.#accepted();
    const sharers = record.shares.names();
    const needed = Math.max(record.terms.minSurvivors, roster.rules.quorum);
    if (sharers.length < needed)
      throw record.end('too-few-sharers', `${sharers.length} of ${needed} that are needed have shared keys`);
    const short = shortOfShares(sharers, roster, new Set(sharers));
    if (short !== null) throw record.end('too-few-sharers', short);
    record.stage = 'uploading';
  }

  /** Boxes for one participant, of all that shared. */
  boxesFor(participant: string): readonly ShareBox[] {
    const { shares } = this.#record;
    if (!this.#record.isPast('sharing')) throw this.#record.wrongStage('uploading');
    if (!shares.has(participant)) throw notInRound(participant);
    return this.#accepted()
      .graph.of(participant)
      .flatMap((from) => shares.get(from)?.boxes.find(({ to }) => to === participant) ?? []);
  }

  /**
   * A masked update that is whole, read through once. It stays where it is: the sum reads it again.
   * @param digest SHA-256, hex, as the participant states it
   * @param blocks of any size
   */
  async addVector(participant: string, digest: string, blocks: Blocks<Uint32Array>): Promise<void> {
    const { shares, terms, vectors } = this.#record;
    if (!this.#record.isPast('sharing')) throw this.#record.wrongStage('uploading');
    if (!shares.has(participant)) throw notInRound(participant);
    const found = await digestsOf(blocks, terms.form.length);
    if (found.digest !== digest) throw malformed('a masked update is not what its SHA-256 says');
    const vector = { participant, ...found };
    if (vectors.repeats(vector)) return;
    this.#record.expect('uploading');
    vectors.add(vector);
  }

  /** Who has not uploaded by now has dropped out. @throws ProtocolError FEDERATION_ROUND_ABORTED, FEDERATION_WRONG_STAGE */
  closeUploads(): SurvivorList {
    const record = this.#record;
    if (record.list !== null) return record.list;
    record.expect('uploading');
    const roster = this.#accepted();
    const list = { roster: roster.digest, sharers: record.shares.names(), survivors: record.vectors.names() };
    const hindrance = openable(list, roster);
    if (hindrance !== null) throw record.end('too-few-survivors', hindrance);
    record.list = list;
    record.stage = 'confirming';
    return list;
  }

  addConfirmation(message: Confirmation): void {
    const { list, confirmations, stage } = this.#record;
    const confirmation = checkConfirmation(message);
    const { participant } = confirmation;
    if (!isSigned(confirmation, this.#verify))
      throw malformed('a confirmation is not signed by its participant');
    if (confirmations.repeats(confirmation)) return;
    if (list === null || (stage !== 'confirming' && stage !== 'revealing'))
      throw this.#record.wrongStage('confirming');
    if (!list.survivors.includes(participant)) throw notInRound(participant);
    if (confirmation.list !== listDigest(list)) throw malformed('a confirmation is of another list');
    confirmations.add(confirmation);
  }

  /** No more confirmations are waited for. @throws ProtocolError FEDERATION_ROUND_ABORTED, FEDERATION_WRONG_STAGE */
  closeConfirmations(): readonly Confirmation[] {
    const record = this.#record;
    if (!record.isPast('confirming')) {
      const confirmed = record.confirmations.size;
      const { quorum } = this.#accepted().rules;
      if (confirmed < quorum)
        throw record.end('too-few-confirmations', `${confirmed} confirmed, not ${quorum}`);
      const givers = new Set(record.confirmations.names());
      const short = shortOfShares(record.list!.sharers, this.#accepted(), givers);
      if (short !== null) throw record.end('too-few-confirmations', short);
      record.stage = 'revealing';
    }
    return record.confirmations.all();
  }

  addRevelation(message: Revelation): void {
    const revelation = checkRevelation(message);
    const { list, confirmations, revelations } = this.#record;
    if (revelations.repeats(revelation)) return;
    this.#record.expect('revealing');
    if (!confirmations.has(revelation.participant)) throw notInRound(revelation.participant);
    checkRevealed(revelation, this.#accepted(), new Set(list!.sharers), new Set(list!.survivors));
    revelations.add(revelation);
  }

  /** Whether shares enough have come. */
  get isOpenable(): boolean {
    const { list, stage, revelations } = this.#record;
    if (list === null || (stage !== 'revealing' && stage !== 'opened')) return false;
    return shortOfShares(list.sharers, this.#accepted(), new Set(revelations.names())) === null;
  }

  /**
   * The sum of the survivors' updates modulo 2^32, centred, block by block: the same as often as it is asked for. It counts once it has been read
   * to its end.
   * @param read masked updates, from where they are kept
   * @throws ProtocolError FEDERATION_ROUND_ABORTED, FEDERATION_WRONG_STAGE
   */
  async *openSum(read: VectorReader): AsyncGenerator<Int32Array<ArrayBuffer>> {
    const record = this.#record;
    const { list, revelations, vectors } = record;
    if (record.stage !== 'opened') record.expect('revealing');
    const roster = this.#accepted();
    const short = shortOfShares(list!.sharers, roster, new Set(revelations.names()));
    if (short !== null) throw record.end('too-few-shares', short);
    const masks = await rebuildMasks(roster, list!, revelations.all());
    if (typeof masks === 'string') throw record.end('wrong-shares', masks);
    for await (const block of openedBlocks(masks, vectors.all(), roster.terms.form.length, read)) {
      if (block === null) throw record.end('vector-changed', 'a masked update is not what was received');
      yield block;
    }
    record.stage = 'opened';
  }

  /** Ends the round without a sum, unless it has come to its end. */
  abort(reason: AbortReason, message: string): void {
    const { stage } = this.#record;
    if (stage !== 'opened' && stage !== 'aborted') this.#record.end(reason, message);
  }

  #rosterMessage(): Roster {
    return { terms: this.#record.terms, advertisements: this.#record.advertisements.all() };
  }

  #accepted(): AcceptedRoster {
    if (this.#roster === null) throw this.#record.wrongStage('sharing');
    return this.#roster;
  }
}

/** A participant's part in a round of secure aggregation. What a step returns is sealed before it is sent. */
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RandomIntegers, systemBytes } from '../../../federation/privacy/random-integers.ts';
import type { RoundTerms } from '../../../federation/round-terms.ts';
import type { Identity } from '../../../federation/secure-aggregation/messages.ts';
import { rosterDigest } from '../../../federation/secure-aggregation/messages.ts';
import { SecureParticipant } from '../../../federation/secure-aggregation/participant.ts';
import type { ParticipantState } from '../../../federation/secure-aggregation/participant-state.ts';
import { noisedBlocks } from '../../../federation/update/quantise.ts';
import type { LocalFile } from '../../client/upload-file.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import { PRIVATE_FILE, privateFolder } from '../../vault/private-files.ts';
import type { RoundPart, RoundWalk } from './round-part.ts';

export class MaskedPart implements RoundPart {
  readonly #participant: SecureParticipant;

  private constructor(participant: SecureParticipant) {
    this.#participant = participant;
  }

  static join(terms: RoundTerms, name: string, identity: Identity): MaskedPart {
    return new MaskedPart(SecureParticipant.join(terms, name, identity, systemBytes));
  }

  static resume(state: ParticipantState, identity: Identity): MaskedPart {
    return new MaskedPart(SecureParticipant.resume(state, identity));
  }

  get name(): string {
    return this.#participant.name;
  }

  get terms(): RoundTerms {
    return this.#participant.terms;
  }

  get hasGiven(): boolean {
    return !['joined', 'shared'].includes(this.#participant.stage);
  }

  get announced(): string | null {
    const { roster } = this.#participant.state();
    return roster === null ? null : rosterDigest(roster);
  }

  state(): ParticipantState {
    return this.#participant.state();
  }

  abort(reason: string): void {
    this.#participant.abort(reason);
  }

  async walk(round: RoundWalk): Promise<void> {
    const participant = this.#participant;
    const { remote, number } = round;
    const options = { signal: round.signal };
    if (participant.stage === 'joined') {
      round.say('joining');
      await remote.join(number, participant.advertisement(), options);
      await round.until(['joining']);
      const { roster, identities } = await remote.roster(number, options);
      const verifier = await round.verifier(identities);
      await participant.shareKeys(roster, verifier);
      await round.save();
    }
    if (participant.stage === 'shared') {
      round.say('sharing');
      const boxes = await participant.shareKeys(participant.state().roster!, await round.verifier([]));
      await remote.shareKeys(number, boxes, options);
      await round.until(['joining', 'sharing']);
      participant.receiveShares(await remote.keyShares(number, options));
      await round.save();
    }
    if (participant.stage === 'received' || participant.stage === 'masked') {
      const file = await this.#mask(round);
      await round.upload(file);
      await round.until(['joining', 'sharing', 'uploading']);
      if (!round.status.survivors.includes(participant.name))
        throw new ToolError('ERROR_NOT_IN_ROUND', 'the update came too late to be in the sum');
      participant.confirm((await remote.unmaskRequest(number, options)).list);
      await round.save();
    }
    if (participant.stage === 'confirmed') {
      round.say('confirming');
      await remote.confirm(number, participant.state().confirmation!, options);
      await round.until(['confirming']);
      const { list, confirmations } = await remote.unmaskRequest(number, options);
      // Should the aggregator show another list by now, this refuses.
      participant.confirm(list);
      participant.reveal(confirmations ?? [], await round.verifier([]));
      await round.save();
    }
    if (participant.stage === 'revealed') {
      round.say('revealing');
      await remote.reveal(number, participant.state().revelation!, options);
    }
  }

  /**
   * Clips, quantises, adds noise and masks, into a file. The same file however often: noise and masks come from the sealed state.
   * Nothing of it leaves before the round is in the ledger and the masked blocks are on record.
   */
  async #mask(round: RoundWalk): Promise<LocalFile> {
    round.say('masking');
    const { terms } = this;
    await round.debit();
    const values = await round.update();
    const random = new RandomIntegers(this.#participant.noiseBytes());
    const blocks = noisedBlocks(() => [values], terms.form, terms.noise, random);
    const { path } = round;
    await privateFolder(dirname(path));
    await using file = await open(path, 'w', PRIVATE_FILE);
    for await (const block of this.#participant.maskedBlocks(blocks))
      await file.writeFile(new Uint8Array(block.buffer, block.byteOffset, block.byteLength));
    await file.sync();
    await round.save();
    const sha256 = this.#participant.vectorDigest;
    return { fileName: 'update', path, bytes: 4 * terms.form.length, sha256 };
  }
}

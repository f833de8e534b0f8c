/**
 * One participant's way through one round, against a real aggregator. What a step returns is sealed in the vault before it is sent, and the
 * ledger is debited before a masked update leaves, so that a process that ends anywhere goes on with the same secrets, the same noise
 * and the same words.
 */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { KeyObject } from 'node:crypto';
import { createPublicKey, sign, verify } from 'node:crypto';
import { HeError } from '../../../errors.ts';
import { RandomIntegers, systemBytes } from '../../../federation/privacy/random-integers.ts';
import type { RoundTerms } from '../../../federation/round-terms.ts';
import type { Identity, VerifyIdentity } from '../../../federation/secure-aggregation/messages.ts';
import { SecureParticipant } from '../../../federation/secure-aggregation/participant.ts';
import { noisedBlocks } from '../../../federation/update/quantise.ts';
import type { RemoteFederation, RoundStatus } from '../../client/remote-federation.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import { decodePublicKey, encodePublicKey } from '../../protocol/signing.ts';
import { toToolError } from '../../protocol/translate-error.ts';
import type { ToolReport } from '../../protocol/tool.ts';
import { PRIVATE_FILE, privateFolder } from '../../vault/private-files.ts';
import type { ParticipantVault, StoredContribution } from './participant-vault.ts';
import { nameOf } from './participant-vault.ts';
import { entryOf } from './round-cost.ts';

const LEAST_PAUSE_MS = 50;

export interface ContributionParts {
  readonly vault: ParticipantVault;
  readonly remote: RemoteFederation;
  /** Signs with the key that this participant is enrolled with. */
  readonly privateKey: KeyObject;
  /** Keys of the others, where they are known from elsewhere; null: as first seen. */
  readonly members: ReadonlyMap<string, string> | null;
  /** For the masked update, which is no secret. */
  readonly folder: string;
}

export type ContributionStage =
  'joining' | 'sharing' | 'masking' | 'uploading' | 'confirming' | 'revealing' | 'waiting';
const STAGES: readonly ContributionStage[] = [
  'joining',
  'sharing',
  'masking',
  'uploading',
  'confirming',
  'revealing',
  'waiting',
];

export interface ContributionResult {
  readonly outcome: 'summed' | 'dropped-out' | 'aborted';
  readonly round: number;
  readonly status: RoundStatus;
}

export function contributionName(
  server: string,
  clientId: string,
  federation: string,
  round: number,
): string {
  return nameOf([server, clientId, federation, String(round)]);
}

/** The aggregator went on without this participant, or ended the round. */
const OUT_OF_STEP: readonly string[] = ['ERROR_ROUND_STAGE', 'ERROR_NOT_IN_ROUND', 'ERROR_ROUND_ABORTED'];
/** It shows what an honest one does not. */
const DISTRUST: readonly string[] = [
  'ERROR_AGGREGATOR_REFUSED',
  'ERROR_MESSAGE_CONFLICT',
  'ERROR_SIGNATURE_INVALID',
  'ERROR_INVALID_MESSAGE',
];

export class Contribution {
  readonly #parts: ContributionParts;
  readonly #name: string;
  readonly #participant: SecureParticipant;
  readonly #signal: AbortSignal;
  readonly #report: ToolReport;
  #stored: StoredContribution;
  /** A round that aborts this participant's way is over for it, whatever the others do. */
  #status: RoundStatus | null = null;

  /** @param stored saved already; the caller has claimed it */
  constructor(
    parts: ContributionParts,
    name: string,
    stored: StoredContribution,
    signal: AbortSignal,
    report: ToolReport,
  ) {
    this.#parts = parts;
    this.#name = name;
    this.#stored = stored;
    this.#participant = SecureParticipant.resume(stored.state, identityOf(parts.privateKey));
    this.#signal = signal;
    this.#report = report;
  }

  /** To the end of the round, from wherever it is. @throws ToolError */
  async run(): Promise<ContributionResult> {
    try {
      await this.#steps();
    } catch (error) {
      if (this.#signal.aborted || !(error instanceof HeError)) throw error;
      const refused = toToolError(error);
      if (!OUT_OF_STEP.includes(refused.code)) {
        if (DISTRUST.includes(refused.code)) await this.#leave(refused);
        throw refused;
      }
    }
    return await this.#finish();
  }

  async #steps(): Promise<void> {
    const { remote } = this.#parts;
    const participant = this.#participant;
    const options = { signal: this.#signal };
    if (participant.stage === 'joined') {
      this.#say('joining');
      await remote.join(this.#round, participant.advertisement(), options);
      await this.#until(['joining']);
      const { roster, identities } = await remote.roster(this.#round, options);
      const verifier = await this.#verifier(identities);
      await participant.shareKeys(roster, verifier);
      await this.#save();
    }
    if (participant.stage === 'shared') {
      this.#say('sharing');
      const boxes = await participant.shareKeys(participant.state().roster!, await this.#verifier([]));
      await remote.shareKeys(this.#round, boxes, options);
      await this.#until(['joining', 'sharing']);
      participant.receiveShares(await remote.keyShares(this.#round, options));
      await this.#save();
    }
    if (participant.stage === 'received' || participant.stage === 'masked') {
      const file = await this.#mask();
      this.#say('uploading');
      await remote.upload(this.#round, file, {
        ...options,
        progress: (fraction) => this.#say('uploading', fraction),
      });
      await this.#until(['joining', 'sharing', 'uploading']);
      if (!this.#status!.survivors.includes(participant.name))
        throw new ToolError('ERROR_NOT_IN_ROUND', 'the update came too late to be in the sum');
      participant.confirm((await remote.unmaskRequest(this.#round, options)).list);
      await this.#save();
    }
    if (participant.stage === 'confirmed') {
      this.#say('confirming');
      await remote.confirm(this.#round, participant.state().confirmation!, options);
      await this.#until(['confirming']);
      const { list, confirmations } = await remote.unmaskRequest(this.#round, options);
      // Should the aggregator show another list by now, this refuses.
      participant.confirm(list);
      participant.reveal(confirmations ?? [], await this.#verifier([]));
      await this.#save();
    }
    if (participant.stage === 'revealed') {
      this.#say('revealing');
      await remote.reveal(this.#round, participant.state().revelation!, options);
    }
  }

  /**
   * Clips, quantises, adds noise and masks, into a file. The same file however often: noise and masks come from the sealed state.
   * Nothing of it leaves before the round is in the ledger and the masked blocks are on record.
   */
  async #mask(): Promise<{ fileName: string; path: string; bytes: number; sha256: string }> {
    this.#say('masking');
    const { vault, folder } = this.#parts;
    const { terms } = this.#participant;
    await vault.changeLedger((ledger) => ledger.debit(entryOf(terms, Date.now())));
    const { values } = await vault.update(this.#stored.update);
    const random = new RandomIntegers(this.#participant.noiseBytes());
    const blocks = noisedBlocks(() => [values], terms.form, terms.noise, random);
    await privateFolder(folder);
    const path = this.#maskedPath;
    await using file = await open(path, 'w', PRIVATE_FILE);
    for await (const block of this.#participant.maskedBlocks(blocks))
      await file.writeFile(new Uint8Array(block.buffer, block.byteOffset, block.byteLength));
    await file.sync();
    await this.#save();
    const sha256 = this.#participant.vectorDigest;
    return { fileName: 'update', path, bytes: 4 * terms.form.length, sha256 };
  }

  /** Waits while the round is at one of the steps. @throws ToolError ERROR_ROUND_ABORTED */
  async #until(stages: readonly string[]): Promise<RoundStatus> {
    for (let seen: RoundStatus['stage'] | undefined; ; seen = this.#status?.stage) {
      const status = await this.#parts.remote.status(this.#round, { signal: this.#signal }, seen);
      this.#status = status;
      if (status.stage === 'aborted')
        throw new ToolError('ERROR_ROUND_ABORTED', status.abort_reason ?? 'aborted');
      if (!stages.includes(status.stage)) return status;
      // The next answer comes with the next step; an aggregator that gives one at once is not to be asked without end.
      await delay(LEAST_PAUSE_MS, undefined, { signal: this.#signal });
    }
  }

  /** Waits for the round's end, and puts down what came of it. */
  async #finish(): Promise<ContributionResult> {
    this.#say('waiting');
    const { terms, stage } = this.#participant;
    // Who has sent nothing of its update need not wait for what comes of others'.
    const left = stage === 'joined' || stage === 'shared';
    try {
      await this.#until(left ? [] : ['joining', 'sharing', 'uploading', 'confirming', 'revealing']);
    } catch (error) {
      if (!(error instanceof ToolError) || error.code !== 'ERROR_ROUND_ABORTED') throw error;
    }
    const status = this.#status;
    const summed = status!.stage === 'opened' && status!.survivors.includes(this.#stored.state.name);
    const outcome = summed ? 'summed' : status!.stage === 'aborted' ? 'aborted' : 'dropped-out';
    await this.#parts.vault.changeLedger((ledger) => {
      const entry = ledger.find(entryOf(terms, 0));
      return entry === null ? ledger : ledger.close(entry, summed ? 'summed' : 'aborted');
    });
    this.#participant.abort(outcome);
    await this.#save(outcome);
    await this.#tidy(outcome);
    return { outcome, round: terms.round, status: status! };
  }

  /** Nothing more is said to an aggregator that showed what an honest one does not. */
  async #leave(error: ToolError): Promise<void> {
    this.#participant.abort(error.code);
    await this.#save('aborted');
    await this.#tidy('aborted');
  }

  /** An update that is in a sum is of no more use; one that is not may go into the next round. */
  async #tidy(outcome: ContributionResult['outcome']): Promise<void> {
    await rm(this.#maskedPath, { force: true });
    if (outcome === 'summed') await this.#parts.vault.removeUpdate(this.#stored.update);
  }

  async #save(outcome: StoredContribution['outcome'] = null): Promise<void> {
    this.#stored = { ...this.#stored, state: this.#participant.state(), outcome };
    await this.#parts.vault.saveContribution(this.#name, this.#stored);
  }

  /** Only by keys that are known: from elsewhere, or since the first round. */
  async #verifier(seen: readonly { participant: string; public_key: string }[]): Promise<VerifyIdentity> {
    const { members, vault } = this.#parts;
    const fresh = new Map(seen.map(({ participant, public_key }) => [participant, public_key]));
    const keys = new Map(members ?? (await vault.pin(this.#participant.terms.federation, fresh)));
    keys.set(this.#participant.name, encodePublicKey(createPublicKey(this.#parts.privateKey)));
    return (participant, bytes, signature) => {
      const text = keys.get(participant);
      return text !== undefined && verify(null, bytes, decodePublicKey(text), signature);
    };
  }

  #say(stage: ContributionStage, fraction = 0): void {
    this.#report((STAGES.indexOf(stage) + fraction) / STAGES.length, stage);
  }

  get #round(): number {
    return this.#stored.round;
  }

  get #maskedPath(): string {
    return join(this.#parts.folder, `${this.#name}.masked`);
  }
}

/** A round that nobody has joined yet. */
export function beginContribution(
  terms: RoundTerms,
  facts: Pick<StoredContribution, 'server' | 'clientId' | 'update'>,
  privateKey: KeyObject,
): StoredContribution {
  const participant = SecureParticipant.join(terms, facts.clientId, identityOf(privateKey), systemBytes);
  return { version: 1, ...facts, round: terms.round, state: participant.state(), outcome: null };
}

function identityOf(privateKey: KeyObject): Identity {
  return { sign: (bytes) => sign(null, bytes, privateKey) };
}

/**
 * One participant's way through one round, against a real aggregator. What a step returns is sealed in the vault before it is sent, and the
 * ledger is debited before anything of an update leaves, so that a process that ends anywhere goes on with the same secrets, the same noise
 * and the same words.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { KeyObject } from 'node:crypto';
import { createPublicKey, sign, verify } from 'node:crypto';
import { HeError } from '../../../errors.ts';
import type { EncryptedState } from '../../../federation/encrypted-sum/participant.ts';
import type { RoundTerms } from '../../../federation/round-terms.ts';
import type { Identity, VerifyIdentity } from '../../../federation/secure-aggregation/messages.ts';
import type { ParticipantState } from '../../../federation/secure-aggregation/participant-state.ts';
import type { RemoteFederation, RoundStatus } from '../../client/remote-federation.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import { decodePublicKey, encodePublicKey } from '../../protocol/signing.ts';
import { roundStage } from '../../protocol/federation-messages.ts';
import { toToolError } from '../../protocol/translate-error.ts';
import type { ToolReport } from '../../protocol/tool.ts';
import { EncryptedPart } from './encrypted-part.ts';
import { MaskedPart } from './masked-part.ts';
import type { ParticipantVault, StoredContribution } from './participant-vault.ts';
import { nameOf } from './participant-vault.ts';
import { costOf } from './round-cost.ts';
import type { ContributionStage, PartState, RoundPart, RoundWalk } from './round-part.ts';
import { CONTRIBUTION_STAGES } from './round-part.ts';

const LEAST_PAUSE_MS = 50;
const GOING_ON = roundStage.options.filter((stage) => stage !== 'opened' && stage !== 'aborted');

export interface KnownDecryptor {
  readonly name: string;
  /** SubjectPublicKeyInfo, Base64. */
  readonly publicKey: string;
}

export interface ContributionParts {
  readonly vault: ParticipantVault;
  readonly remote: RemoteFederation;
  /** Signs with the key that this participant is enrolled with. */
  readonly privateKey: KeyObject;
  /** Keys of the others, where they are known from elsewhere; null: as first seen. */
  readonly members: ReadonlyMap<string, string> | null;
  /** The decryptor, where it is known from elsewhere; null: as first seen. */
  readonly decryptor: KnownDecryptor | null;
  /** For the masked or encrypted update, which is no secret. */
  readonly folder: string;
}

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
  readonly #part: RoundPart;
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
    this.#part = resumedPart(stored.state, identityOf(parts.privateKey));
    this.#signal = signal;
    this.#report = report;
  }

  /** To the end of the round, from wherever it is. @throws ToolError */
  async run(): Promise<ContributionResult> {
    try {
      await this.#part.walk(this.#walk());
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

  #walk(): RoundWalk {
    const { remote, vault } = this.#parts;
    const { terms } = this.#part;
    const signal = this.#signal;
    const say = (stage: ContributionStage, fraction = 0): void => this.#say(stage, fraction);
    const lastHeard = (): RoundStatus => this.#status!;
    return {
      ...{ remote, signal, say, number: this.#round, path: this.#path },
      get status() {
        return lastHeard();
      },
      until: async (stages) => void (await this.#until(stages)),
      save: () => this.#save(),
      debit: async () => {
        const entry = { ...costOf(terms), announced: this.#part.announced!, at: Date.now() };
        await vault.changeLedger((ledger) => ledger.debit(entry));
      },
      update: async () => (await vault.update(this.#stored.update)).values,
      upload: async (file) => {
        say('uploading');
        const progress = (fraction: number): void => say('uploading', fraction);
        await remote.upload(this.#round, file, { signal, progress });
      },
      verifier: (seen) => this.#verifier(seen),
      decryptorVerifier: (name, publicKey) => this.#decryptorVerifier(name, publicKey),
    };
  }

  /** Waits while the round is at one of the steps. @throws ToolError ERROR_ROUND_ABORTED */
  async #until(stages: readonly RoundStatus['stage'][]): Promise<RoundStatus> {
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
    const { terms, hasGiven, announced } = this.#part;
    try {
      // Who has sent nothing of its update need not wait for what comes of others'.
      await this.#until(hasGiven ? GOING_ON : []);
    } catch (error) {
      if (!(error instanceof ToolError) || error.code !== 'ERROR_ROUND_ABORTED') throw error;
    }
    const status = this.#status;
    const summed = status!.stage === 'opened' && status!.survivors.includes(this.#stored.state.name);
    const outcome = summed ? 'summed' : status!.stage === 'aborted' ? 'aborted' : 'dropped-out';
    await this.#parts.vault.changeLedger((ledger) => {
      const entry = announced === null ? null : ledger.find({ ...costOf(terms), announced });
      return entry === null ? ledger : ledger.close(entry, summed ? 'summed' : 'aborted');
    });
    this.#part.abort(outcome);
    await this.#save(outcome);
    await this.#tidy(outcome);
    return { outcome, round: terms.round, status: status! };
  }

  /** Nothing more is said to an aggregator that showed what an honest one does not. */
  async #leave(error: ToolError): Promise<void> {
    this.#part.abort(error.code);
    await this.#save('aborted');
    await this.#tidy('aborted');
  }

  /** An update that is in a sum is of no more use; one that is not may go into the next round. */
  async #tidy(outcome: ContributionResult['outcome']): Promise<void> {
    await rm(this.#path, { force: true });
    if (outcome === 'summed') await this.#parts.vault.removeUpdate(this.#stored.update);
  }

  async #save(outcome: StoredContribution['outcome'] = null): Promise<void> {
    this.#stored = { ...this.#stored, state: this.#part.state(), outcome };
    await this.#parts.vault.saveContribution(this.#name, this.#stored);
  }

  /** Only by keys that are known: from elsewhere, or since the first round. */
  async #verifier(seen: readonly { participant: string; public_key: string }[]): Promise<VerifyIdentity> {
    const { members, vault } = this.#parts;
    const fresh = new Map(seen.map(({ participant, public_key }) => [participant, public_key]));
    const keys = new Map(members ?? (await vault.pin(this.#part.terms.federation, fresh)));
    keys.set(this.#part.name, encodePublicKey(createPublicKey(this.#parts.privateKey)));
    return (participant, bytes, signature) => {
      const text = keys.get(participant);
      return text !== undefined && verify(null, bytes, decodePublicKey(text), signature);
    };
  }

  async #decryptorVerifier(decryptor: string, publicKey: string): Promise<VerifyIdentity> {
    const { members, vault, decryptor: known } = this.#parts;
    const { federation } = this.#part.terms;
    const isOther =
      known === null
        ? members !== null && members.get(decryptor) !== publicKey
        : known.name !== decryptor || known.publicKey !== publicKey;
    if (isOther) throw otherDecryptor();
    // By name and key: an aggregator that names another one later is found out.
    await vault.pin(`decryptor of ${federation}`, new Map([['the decryptor', `${decryptor} ${publicKey}`]]));
    return (name, bytes, signature) =>
      name === decryptor && verify(null, bytes, decodePublicKey(publicKey), signature);
  }

  #say(stage: ContributionStage, fraction = 0): void {
    this.#report((CONTRIBUTION_STAGES.indexOf(stage) + fraction) / CONTRIBUTION_STAGES.length, stage);
  }

  get #round(): number {
    return this.#stored.round;
  }

  get #path(): string {
    return join(this.#parts.folder, `${this.#name}.update`);
  }
}

/** A round that nobody has joined yet. */
export function beginContribution(
  terms: RoundTerms,
  facts: Pick<StoredContribution, 'server' | 'clientId' | 'update'>,
  privateKey: KeyObject,
): StoredContribution {
  const part = (terms.protocol === 'bfv-sum' ? EncryptedPart : MaskedPart).join(
    terms,
    facts.clientId,
    identityOf(privateKey),
  );
  return { version: 1, ...facts, round: terms.round, state: part.state(), outcome: null };
}

function resumedPart(state: PartState, identity: Identity): RoundPart {
  return state.terms.protocol === 'bfv-sum'
    ? EncryptedPart.resume(state as EncryptedState, identity)
    : MaskedPart.resume(state as ParticipantState, identity);
}

function otherDecryptor(): ToolError {
  return new ToolError(
    'ERROR_AGGREGATOR_REFUSED',
    'the aggregator names another decryptor than the one that is known',
  );
}

function identityOf(privateKey: KeyObject): Identity {
  return { sign: (bytes) => sign(null, bytes, privateKey) };
}

/** This machine as a participant of federations: prepares updates, takes part in rounds, and goes on with those that were interrupted. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { layoutDigest, lengthOf } from '../../../onnx/model-parameters.ts';
import type { Protection } from '../../../federation/policy/protection.ts';
import type { PrivacyLedger } from '../../../federation/privacy/ledger.ts';
import type { RoundTerms } from '../../../federation/round-terms.ts';
import { quantisingFactor } from '../../../federation/update/quantise.ts';
import type { FederationDescription } from '../../client/remote-federation.ts';
import { RemoteFederation } from '../../client/remote-federation.ts';
import type { CredentialStore } from '../../client/credentials.ts';
import type { RetryPolicy } from '../../client/retry.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import { toToolError } from '../../protocol/translate-error.ts';
import type { ToolReport } from '../../protocol/tool.ts';
import type { AllowedPaths } from '../allowed-paths.ts';
import type { Job } from '../jobs.ts';
import { Jobs } from '../jobs.ts';
import { chooseServer } from '../configured-server.ts';
import type { NamedServer } from '../configured-server.ts';
import type { ContributionResult, KnownDecryptor } from './contribution.ts';
import { beginContribution, Contribution, contributionName } from './contribution.ts';
import type { ParticipantVault, StoredContribution } from './participant-vault.ts';
import type { UpdateFiles } from './read-update.ts';
import { readUpdate } from './read-update.ts';
import { costOf, requireAcceptable } from './round-cost.ts';

export interface ParticipantParts {
  readonly vault: ParticipantVault;
  /** Of nothing weaker it takes part; its ε and δ are the budget of the ledger. */
  readonly floor: Protection;
  readonly members: ReadonlyMap<string, string> | null;
  readonly decryptor: KnownDecryptor | null;
  readonly servers: ReadonlyMap<string, NamedServer>;
  readonly credentials: CredentialStore;
  readonly allowed: AllowedPaths;
  readonly folder: string;
  readonly defaultClientId: string;
}

export interface PreparedUpdate {
  readonly updateId: string;
  readonly federation: string;
  readonly parameters: number;
  readonly base: string | null;
  /** Of the norm, what is left after clipping: 1, nothing is clipped. */
  readonly keptFraction: number;
}

/** Hours: rounds wait for everybody, and an aggregator may be restarted meanwhile. */
const RETRIES: RetryPolicy = { attempts: 1000, firstDelayMs: 200, maxDelayMs: 15_000 };

export class FederationParticipant implements AsyncDisposable {
  readonly #parts: ParticipantParts;
  readonly #jobs = new Jobs<ContributionResult>({ abandon: false });

  constructor(parts: ParticipantParts) {
    this.#parts = parts;
  }

  get floor(): Protection {
    return this.#parts.floor;
  }

  get vault(): ParticipantVault {
    return this.#parts.vault;
  }

  ledger(): Promise<PrivacyLedger> {
    return this.#parts.vault.ledger();
  }

  /** For one call after another. @throws ToolError ERROR_REMOTE */
  async withRemote<T>(
    server: string | undefined,
    clientId: string | undefined,
    work: (remote: RemoteFederation) => Promise<T>,
  ): Promise<T> {
    await using remote = await this.#connect(chooseServer(this.#parts.servers, server), clientId, undefined);
    return await work(remote);
  }

  /** Checks files against the federation's template, and keeps the update, sealed, until a round has it. @throws ToolError */
  async prepare(
    files: UpdateFiles,
    server: string | undefined,
    clientId: string | undefined,
  ): Promise<PreparedUpdate> {
    const described = await this.withRemote(server, clientId, (remote) => remote.describe());
    const layout = described.tensors;
    const length = lengthOf(layout);
    const { values, base } = await readUpdate(this.#parts.allowed, files, layout, described.frozen);
    const updateId = randomBytes(12).toString('hex');
    await this.#parts.vault.saveUpdate(updateId, { layout: layoutDigest(layout), base, values });
    const form = described.terms?.form ?? null;
    const factor =
      form === null
        ? null
        : await quantisingFactor(() => [values], form).catch((error: unknown) => {
            throw toToolError(error);
          });
    return {
      updateId,
      federation: described.federation,
      parameters: length,
      base,
      keptFraction: factor === null || form === null ? 1 : Math.min(1, factor / form.scale),
    };
  }

  /**
   * Takes part in the round that is open, or goes on with it; one job for one round.
   * @throws ToolError before anything is sent: ERROR_FLOOR_NOT_MET, ERROR_BUDGET_EXCEEDED, ERROR_INVALID_UPDATE, ERROR_ROUND_STAGE
   */
  async contribute(
    update: string,
    serverName: string | undefined,
    clientId: string | undefined,
  ): Promise<Job<ContributionResult>> {
    const server = chooseServer(this.#parts.servers, serverName);
    const owner = clientId ?? this.#parts.defaultClientId;
    const known = this.#jobs.find(owner, questionOf(server.name, update));
    if (known !== null) return known;
    const waiting = (await this.#parts.vault.unfinished()).find(
      (each) => each.server === server.name && each.clientId === owner && each.update === update,
    );
    if (waiting !== undefined) return this.#begin(waiting);
    const described = await this.withRemote(server.name, clientId, (remote) => remote.describe());
    const terms = await this.#acceptable(described, update);
    const facts = { server: server.name, clientId: owner, update };
    const { privateKey } = await this.#parts.credentials.identity(owner);
    const stored = beginContribution(terms, facts, privateKey);
    return this.#begin(stored);
  }

  /** What a former process left. Failures are heard of by who asks again. */
  async resumeAll(): Promise<number> {
    const left = (await this.#parts.vault.unfinished()).filter(({ server }) =>
      this.#parts.servers.has(server),
    );
    for (const stored of left) this.#begin(stored);
    return left.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#jobs[Symbol.asyncDispose]();
  }

  #begin(stored: StoredContribution): Job<ContributionResult> {
    const { federation } = stored.state.terms;
    const name = contributionName(stored.server, stored.clientId, federation, stored.round);
    return this.#jobs.begin({
      owner: stored.clientId,
      session: `${federation}-${stored.round}`,
      question: questionOf(stored.server, stored.update),
      run: (signal, report) => this.#run(name, stored, signal, report),
    });
  }

  async #run(
    name: string,
    begun: StoredContribution,
    signal: AbortSignal,
    report: ToolReport,
  ): Promise<ContributionResult> {
    const { vault, servers, credentials, members, decryptor, folder } = this.#parts;
    using _ = await vault.claim(name);
    // Another process, or another update, may have been here first.
    const kept = await vault.contribution(name);
    if (kept !== null && (kept.outcome !== null || kept.update !== begun.update))
      throw new ToolError(
        'ERROR_MESSAGE_CONFLICT',
        `round ${begun.round} has an update of this participant already`,
      );
    if (kept === null) await vault.saveContribution(name, begun);
    await using remote = await this.#connect(chooseServer(servers, begun.server), begun.clientId, RETRIES);
    const { privateKey } = await credentials.identity(begun.clientId);
    const parts = { vault, remote, privateKey, members, decryptor, folder: join(folder, 'federation') };
    return await new Contribution(parts, name, kept ?? begun, signal, report).run();
  }

  /** @returns the terms of the round that can be joined */
  async #acceptable(described: FederationDescription, updateId: string): Promise<RoundTerms> {
    const { vault, floor } = this.#parts;
    const { terms, round } = described;
    if (terms === null || round?.stage !== 'joining')
      throw new ToolError('ERROR_ROUND_STAGE', 'no round can be joined now');
    const update = await vault.update(updateId);
    if (terms.form.length !== update.values.length || described.layout_digest !== update.layout)
      throw new ToolError('ERROR_INVALID_UPDATE', 'the update is of another federation’s template');
    if (update.base !== null && update.base !== terms.model)
      throw new ToolError('ERROR_INVALID_UPDATE', 'the update starts from another model than the round’s');
    try {
      requireAcceptable(terms, described, floor);
      const ledger = await vault.ledger();
      const cost = costOf(terms);
      if (ledger.hasPaid(cost))
        throw new ToolError('ERROR_MESSAGE_CONFLICT', 'this participant has given to this round already');
      ledger.requireRoom(cost);
    } catch (error) {
      throw toToolError(error);
    }
    return terms;
  }

  #connect(
    server: NamedServer,
    clientId: string | undefined,
    retries: RetryPolicy | undefined,
  ): Promise<RemoteFederation> {
    return RemoteFederation.open({
      clientId: clientId ?? this.#parts.defaultClientId,
      server: server.address,
      connect: (signal, bearers) => server.connect(signal, bearers),
      credentials: this.#parts.credentials,
      ...(server.enrolmentCode === undefined ? {} : { enrolmentCode: server.enrolmentCode }),
      ...(server.maxChunkBytes === undefined ? {} : { maxChunkBytes: server.maxChunkBytes }),
      ...(retries === undefined ? {} : { retries }),
    });
  }
}

function questionOf(server: string, update: string): string {
  return `${server} ${update}`;
}

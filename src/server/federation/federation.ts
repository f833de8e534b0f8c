/** One federation: its policy, how much noise its rounds have by now, and when rounds may be opened. */
import { UsageError } from '../../errors.ts';
import { isAtLeastAsStrict } from '../../federation/policy/protection.ts';
import type { Protection } from '../../federation/policy/protection.ts';
import type { FederationPlan } from '../../federation/policy/plan-round.ts';
import { plannedMultiplier, planRound } from '../../federation/policy/plan-round.ts';
import type { RoundTerms } from '../../federation/round-terms.ts';
import { ToolError } from '../protocol/error-codes.ts';
import type { FederationRecord, FederationStore, StoredRound } from '../storage/federation-store.ts';
import type { GlobalModels } from './global-models.ts';
import type { FederationPolicy } from './policy-file.ts';
import type { Rounds } from './rounds.ts';
import type { RoundSummary } from './round-summary.ts';

/** What is trained: names, shapes, and how many numbers that are. */
export interface TrainedLayout {
  readonly digest: string;
  readonly length: number;
}

export class Federation {
  readonly policy: FederationPolicy;
  readonly #layout: TrainedLayout;
  readonly #store: FederationStore;
  readonly #models: GlobalModels;
  readonly #rounds: Rounds;
  #record: FederationRecord;

  /**
   * Begins a federation, or takes one up.
   * @throws UsageError FEDERATION_CHANGED if it was another before, or a stricter one
   */
  constructor(
    policy: FederationPolicy,
    layout: TrainedLayout,
    parts: { readonly store: FederationStore; readonly models: GlobalModels; readonly rounds: Rounds },
  ) {
    this.policy = policy;
    this.#layout = layout;
    this.#store = parts.store;
    this.#models = parts.models;
    this.#rounds = parts.rounds;
    const before = parts.store.federation();
    const planned = plannedMultiplier(this.#plan);
    if (before !== null) requireSame(before, policy, layout);
    this.#record = {
      name: policy.federation,
      layout: layout.digest,
      protection: storedProtection(policy.protection),
      noiseMultiplier: Math.max(planned, before?.noiseMultiplier ?? 0),
      closed: before?.closed ?? false,
    };
    // Terms that cannot be kept are found now, and not when the first round is opened.
    this.#terms(1);
    this.#put(this.#record);
  }

  get closed(): boolean {
    return this.#record.closed;
  }

  get layout(): TrainedLayout {
    return this.#layout;
  }

  get noiseMultiplier(): number {
    return this.#record.noiseMultiplier;
  }

  /** Rounds in which masked updates may have left their participants, of those that ε is planned for. */
  get roundsSpent(): number {
    return this.#store.rounds().filter(({ summary }) => (JSON.parse(summary) as RoundSummary).spent).length;
  }

  /** @throws ToolError ERROR_FEDERATION_CLOSED, ERROR_ROUND_STAGE */
  openRound(): StoredRound {
    if (this.closed) throw new ToolError('ERROR_FEDERATION_CLOSED', 'the federation is closed');
    if (this.roundsSpent >= this.policy.rounds)
      throw new ToolError('ERROR_FEDERATION_CLOSED', `all ${this.policy.rounds} rounds are over`);
    return this.#rounds.begin(this.#terms((this.#store.rounds().at(-1)?.round ?? 0) + 1));
  }

  /** For rounds that are opened from now on. @throws ToolError ERROR_TERMS_REFUSED */
  raiseNoise(multiplier: number): void {
    if (this.policy.protection.mechanism === 'none')
      throw new ToolError('ERROR_TERMS_REFUSED', 'this federation has no noise that could be raised');
    if (multiplier < this.noiseMultiplier)
      throw new ToolError(
        'ERROR_TERMS_REFUSED',
        `the noise multiplier is ${this.noiseMultiplier} and never lowered`,
      );
    planRound(this.#plan, 1, '0'.repeat(64), multiplier);
    this.#put({ ...this.#record, noiseMultiplier: multiplier });
  }

  /** No more rounds; the one that is open ends without a sum. */
  async close(): Promise<void> {
    this.#put({ ...this.#record, closed: true });
    await this.#rounds.cancel();
  }

  get #plan(): FederationPlan {
    const { federation, context, protection, rounds, clip } = this.policy;
    return { federation, context, protection, rounds, clip, length: this.#layout.length };
  }

  #terms(round: number): RoundTerms {
    return planRound(this.#plan, round, this.#models.latest.sha256, this.#record.noiseMultiplier);
  }

  #put(record: FederationRecord): void {
    this.#store.putFederation(record);
    this.#record = record;
  }
}

function requireSame(before: FederationRecord, policy: FederationPolicy, layout: TrainedLayout): void {
  const changed = (what: string): UsageError =>
    new UsageError('FEDERATION_CHANGED', what, {
      hint: 'use the state folder, template and policy of one federation together; a new federation has a new folder',
    });
  if (before.name !== policy.federation)
    throw changed(`this state is of the federation ${before.name}, not ${policy.federation}`);
  if (before.layout !== layout.digest) throw changed('the template trains other tensors than it did');
  if (!isAtLeastAsStrict(policy.protection, readProtection(before.protection)))
    throw changed('the policy is weaker than it was; it can be made stricter only');
}

/** JSON has no infinity. */
function storedProtection(protection: Protection): unknown {
  return { ...protection, epsilon: protection.epsilon === Infinity ? null : protection.epsilon };
}

function readProtection(stored: unknown): Protection {
  const protection = stored as Omit<Protection, 'epsilon'> & { epsilon: number | null };
  return { ...protection, epsilon: protection.epsilon ?? Infinity };
}

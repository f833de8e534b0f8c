/**
 * What a participant has given away so far, over all federations that its data took part in, and whether it may go on. A round counts
 * from before its masked update leaves; whether the sum is opened is for others to say, so that aborted rounds stay spent.
 */
import { ProtocolError } from '../../errors.ts';
import { PrivacyAccountant, renyiOfGaussianSum, renyiOfLaplaceSum } from './accountant.ts';

/** What one round can tell about this participant at worst. */
export interface RoundCost {
  readonly mechanism: 'none' | 'discrete-gaussian' | 'discrete-laplace';
  /** Variance or scale of each participant's noise, in integer units. */
  readonly parameter: number;
  /**
   * Participants whose noise is sure to be in the sum and known to nobody: least survivors, less colluders. More may survive; that they
   * did is what the aggregator says.
   */
  readonly honest: number;
  readonly l2: number;
  readonly l1: number;
  readonly length: number;
}

export interface LedgerEntry extends RoundCost {
  readonly federation: string;
  readonly round: number;
  /** Digest of the terms: a round that is begun again under others costs again. */
  readonly terms: string;
  /**
   * Digest of what this participant announced, and among whom: what is paid for. Should its memory of the round be lost, what it announces anew
   * is another contribution, and costs again.
   */
  readonly announced: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** What became of it; for people, since it costs the same. */
  readonly outcome: 'open' | 'summed' | 'aborted';
}

export type PaidRound = Pick<LedgerEntry, 'federation' | 'round' | 'terms'>;
export type PaidContribution = PaidRound & Pick<LedgerEntry, 'announced'>;

export interface PrivacyBudget {
  /** Infinity: no bound. */
  readonly epsilon: number;
  readonly delta: number;
}

export class PrivacyLedger {
  readonly budget: PrivacyBudget;
  readonly #entries: LedgerEntry[];

  constructor(budget: PrivacyBudget, entries: readonly LedgerEntry[] = []) {
    this.budget = budget;
    this.#entries = [...entries];
  }

  /** In the order of debits. */
  get entries(): readonly LedgerEntry[] {
    return this.#entries;
  }

  /** ε at the budget's δ of everything so far. */
  get spent(): number {
    return epsilonOf(this.#entries, this.budget.delta);
  }

  /** What would be spent after one more round. */
  spentAfter(next: RoundCost): number {
    return epsilonOf([...this.#entries, next], this.budget.delta);
  }

  /** @throws ProtocolError BUDGET_EXCEEDED */
  requireRoom(next: RoundCost): void {
    const after = this.spentAfter(next);
    if (after <= this.budget.epsilon) return;
    throw new ProtocolError(
      'BUDGET_EXCEEDED',
      `after this round ε would be ${digits(after)} at δ = ${this.budget.delta}, and the budget is ${digits(this.budget.epsilon)}; ${digits(this.spent)} are spent`,
      { hint: 'what is spent stays spent; a larger budget is a decision about the persons in the data' },
    );
  }

  /**
   * The ledger with the contribution in it; the same one if it is there.
   * @throws ProtocolError BUDGET_EXCEEDED
   */
  debit(entry: Omit<LedgerEntry, 'outcome'>): PrivacyLedger {
    if (this.find(entry) !== null) return this;
    this.requireRoom(entry);
    return new PrivacyLedger(this.budget, [...this.#entries, { ...entry, outcome: 'open' }]);
  }

  find(which: PaidContribution): LedgerEntry | null {
    const same = (entry: LedgerEntry): boolean => entry.announced === which.announced && isOf(entry, which);
    return this.#entries.find(same) ?? null;
  }

  /** Whether anything was contributed to a round, whatever it was. */
  hasPaid(round: PaidRound): boolean {
    return this.#entries.some((entry) => isOf(entry, round));
  }

  /** The ledger with what became of a round. It costs what it did. */
  close(which: PaidContribution, outcome: 'summed' | 'aborted'): PrivacyLedger {
    const closed = this.find(which);
    const entries = this.#entries.map((entry) => (entry === closed ? { ...entry, outcome } : entry));
    return new PrivacyLedger(this.budget, entries);
  }
}

function isOf(entry: LedgerEntry, { federation, round, terms }: PaidRound): boolean {
  return entry.federation === federation && entry.round === round && entry.terms === terms;
}

function epsilonOf(costs: readonly RoundCost[], delta: number): number {
  if (costs.some(({ mechanism }) => mechanism === 'none')) return Infinity;
  const accountant = new PrivacyAccountant();
  let pure = 0;
  for (const cost of costs) {
    if (cost.mechanism === 'discrete-laplace') {
      accountant.spend(renyiOfLaplaceSum({ scale: cost.parameter, l1: cost.l1 }));
      pure += cost.l1 / cost.parameter;
    } else {
      accountant.spend(renyiOfGaussianSum({ ...cost, variance: cost.parameter }));
      pure = Infinity;
    }
  }
  // Pure ε holds at every δ, where there is nothing but Laplace noise.
  return Math.min(pure, accountant.epsilon(delta));
}

function digits(epsilon: number): string {
  return epsilon.toPrecision(4);
}

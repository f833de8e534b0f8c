/** Transformed diagonals of all plain moduli, kept for the next evaluation: first come, kept for good, as with CKKS. */
import type { Plaintext } from 'node-seal';
import type { Coefficient } from '../../../program/program.ts';
import type { SlotVector } from '../../../program/slot-vector.ts';

/** For each plain modulus a plaintext; null where all slots are zero modulo it. */
export interface BfvPlaintext {
  readonly value: Coefficient;
  readonly level: number;
  /** Transforms, for products. */
  readonly parts: readonly (Plaintext | null)[];
  readonly bytes: number;
}

/** A plaintext is null where the value is zero modulo every plain modulus. */
type ByLevel = Map<number, BfvPlaintext | null>;

export class BfvPlaintextCache {
  readonly #vectors = new WeakMap<SlotVector, ByLevel>();
  readonly #numbers = new Map<number, ByLevel>();
  readonly #kept = new Set<BfvPlaintext>();
  #budget: number;

  constructor(budgetBytes: number) {
    this.#budget = budgetBytes;
  }

  /** Undefined if it is not kept. */
  get(value: Coefficient, level: number): BfvPlaintext | null | undefined {
    return this.#entries(value)?.get(level);
  }

  /** Keeps the plaintext if the budget allows; then it is freed with the context, not by whoever encoded it. */
  offer(value: Coefficient, level: number, plain: BfvPlaintext | null): void {
    const cost = plain?.bytes ?? 0;
    if (cost > this.#budget) return;
    this.#budget -= cost;
    let entries = this.#entries(value);
    if (entries === undefined) {
      entries = new Map();
      if (typeof value === 'number') this.#numbers.set(value, entries);
      else this.#vectors.set(value, entries);
    }
    entries.set(level, plain);
    if (plain !== null) this.#kept.add(plain);
  }

  hasRoomFor(bytes: number): boolean {
    return bytes <= this.#budget;
  }

  holds(plain: BfvPlaintext): boolean {
    return this.#kept.has(plain);
  }

  #entries(value: Coefficient): ByLevel | undefined {
    return typeof value === 'number' ? this.#numbers.get(value) : this.#vectors.get(value);
  }
}

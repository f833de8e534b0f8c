/**
 * Encoded diagonals, kept for the next evaluation: encoding costs as much as the multiplication. Programs use theirs in
 * the same order every time, so evicting the oldest would always evict the next one needed: first come, kept for good.
 */
import type { Plaintext } from 'node-seal';
import type { Coefficient } from '../../../program/program.ts';
import type { SlotVector } from '../../../program/slot-vector.ts';

/** `plain` is null where the value encodes to zero. */
interface Entry {
  readonly level: number;
  readonly scale: number;
  readonly plain: Plaintext | null;
}

export class PlaintextCache {
  readonly #vectors = new WeakMap<SlotVector, Entry[]>();
  readonly #numbers = new Map<number, Entry[]>();
  readonly #kept = new Set<Plaintext>();
  #budget: number;

  constructor(budgetBytes: number) {
    this.#budget = budgetBytes;
  }

  /** Undefined if it is not kept. */
  get(value: Coefficient, level: number, scale: number): Plaintext | null | undefined {
    const entries = typeof value === 'number' ? this.#numbers.get(value) : this.#vectors.get(value);
    return entries?.find((entry) => entry.level === level && entry.scale === scale)?.plain;
  }

  /** Keeps the plaintext if the budget allows; then it is freed with the cache, not by whoever encoded it. */
  offer(value: Coefficient, level: number, scale: number, plain: Plaintext | null, bytes: number): void {
    const cost = plain === null ? 0 : bytes;
    if (cost > this.#budget) return;
    this.#budget -= cost;
    const entry = { level, scale, plain };
    const entries = typeof value === 'number' ? this.#numbers.get(value) : this.#vectors.get(value);
    if (entries !== undefined) entries.push(entry);
    else if (typeof value === 'number') this.#numbers.set(value, [entry]);
    else this.#vectors.set(value, [entry]);
    if (plain !== null) this.#kept.add(plain);
  }

  hasRoomFor(bytes: number): boolean {
    return bytes <= this.#budget;
  }

  holds(plain: Plaintext): boolean {
    return this.#kept.has(plain);
  }
}

/**
 * Accounts for the WASM heap before anything is allocated: when it is full, node-seal does not throw but spin.
 * SEAL keeps freed memory in pools by size and reuses it only for that size, so the footprint is the sum of each size's
 * peak.
 */
import { BackendError } from '../../../errors.ts';
import { POOL_OVERHEAD } from '../../../program/memory-model.ts';

interface SizeClass {
  live: number;
  peak: number;
}

export class HeapAccount {
  readonly #limit: number;
  readonly #classes = new Map<number, SizeClass>();
  #footprint: number;

  /** @param limit bytes that may be used; @param base bytes used by the context */
  constructor(limit: number, base: number) {
    this.#limit = limit;
    this.#footprint = base;
    if (base > limit) throw exceeded('the encryption context', base, base, limit);
  }

  get footprint(): number {
    return this.#footprint;
  }

  /** Whether `count` more objects of `bytes` each fit and leave `reserve` bytes. */
  fits(bytes: number, count: number, reserve = 0): boolean {
    const { live, peak } = this.#classes.get(bytes) ?? { live: 0, peak: 0 };
    const growth = Math.max(0, live + count - peak) * bytes * POOL_OVERHEAD;
    return this.#footprint + growth + reserve <= this.#limit;
  }

  /** @throws BackendError MEMORY_EXCEEDED */
  allocate(bytes: number, what: string): void {
    const entry = this.#classes.get(bytes) ?? { live: 0, peak: 0 };
    if (!this.fits(bytes, 1)) throw exceeded(what, bytes, this.#footprint, this.#limit);
    entry.live++;
    if (entry.live > entry.peak) {
      entry.peak = entry.live;
      this.#footprint += bytes * POOL_OVERHEAD;
    }
    this.#classes.set(bytes, entry);
  }

  release(bytes: number): void {
    const entry = this.#classes.get(bytes);
    if (entry !== undefined) entry.live--;
  }
}

function exceeded(what: string, bytes: number, used: number, limit: number): BackendError {
  const mb = (value: number): string => `${Math.ceil(value / 2 ** 20)} MiB`;
  return new BackendError(
    'MEMORY_EXCEEDED',
    `${what} needs ${mb(bytes)}, but ${mb(used)} of ${mb(limit)} are in use`,
    { hint: 'compile with a smaller --max-key-mb or --max-memory-mb, or allow more memory or fewer threads' },
  );
}

/** Seeded pseudo-random numbers (mulberry32): the same choices on every machine and run. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** Standard normal (Box and Muller 1958). */
  gaussian(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  /** A permutation of 0 … size − 1. */
  permutation(size: number): Int32Array {
    const order = Int32Array.from({ length: size }, (_, i) => i);
    for (let i = size - 1; i > 0; i--) {
      const j = Math.floor(this.next() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }

  /** At most `count` of 0 … size − 1, ascending: one at random from each of `count` equal strata. */
  sample(size: number, count: number): Int32Array {
    if (size <= count) return Int32Array.from({ length: size }, (_, i) => i);
    const width = size / count;
    return Int32Array.from({ length: count }, (_, i) =>
      Math.min(size - 1, Math.floor((i + this.next()) * width)),
    );
  }
}

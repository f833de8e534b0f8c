/**
 * Who shares masks and secrets with whom: everybody with everybody, or each with the k/2 on either side of a circle that the roster's digest
 * shuffles (a Harary graph, as in Bell, Bonawitz, Gascón, Lepoint and Raykova, "Secure Single-Server Aggregation with (Poly)Logarithmic
 * Overhead", CCS 2020, section 3.2). Nothing rests on the shuffle being fair: what colluders could gain by their place is checked
 * (`leastCut`) on the graph as it came out, by every participant.
 */
import { RandomIntegers, seededBytes } from '../privacy/random-integers.ts';

export class NeighbourGraph {
  /** Names, in the order of the circle. */
  readonly #circle: readonly string[];
  readonly #places: ReadonlyMap<string, number>;
  readonly #neighbours: number;

  /**
   * @param names sorted
   * @param seed digest of the roster
   * @param neighbours k: n − 1, or an even number below
   */
  constructor(names: readonly string[], seed: string, neighbours: number) {
    const circle = [...names];
    // Where all are neighbours, places mean nothing.
    if (neighbours < names.length - 1) {
      const random = new RandomIntegers(seededBytes(`neighbours ${seed}`));
      for (let i = circle.length - 1; i > 0; i--) {
        const j = random.below(i + 1);
        [circle[i], circle[j]] = [circle[j]!, circle[i]!];
      }
    }
    this.#circle = circle;
    this.#places = new Map(circle.map((name, place) => [name, place]));
    this.#neighbours = neighbours;
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }

  /** Sorted. */
  of(name: string): readonly string[] {
    const place = this.#places.get(name);
    if (place === undefined) return [];
    const n = this.#circle.length;
    if (this.#neighbours === n - 1) return this.#circle.filter((other) => other !== name).sort();
    const half = this.#neighbours / 2;
    const around: string[] = [];
    for (let step = 1; step <= half; step++)
      around.push(this.#circle[(place + step) % n]!, this.#circle[(place - step + n) % n]!);
    return around.sort();
  }

  /**
   * No fewer than so many of `alive` have to be taken away before the rest falls into parts that share no masks, whose sums could then be had
   * apart; Infinity where everybody shares masks with everybody. On a circle a cut takes all of two windows of k/2 in a row.
   */
  leastCut(alive: ReadonlySet<string>): number {
    const n = this.#circle.length;
    if (this.#neighbours === n - 1) return Infinity;
    const half = this.#neighbours / 2;
    const lives = (place: number): number => (alive.has(this.#circle[place % n]!) ? 1 : 0);
    let within = 0;
    for (let place = 0; place < half; place++) within += lives(place);
    let least = within;
    for (let start = 1; start < n; start++) {
      within += lives(start + half - 1) - lives(start - 1);
      least = Math.min(least, within);
    }
    return 2 * least;
  }
}

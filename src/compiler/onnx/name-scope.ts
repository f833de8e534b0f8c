/** Hands out names that are not taken, in constant time even if everything has the same name. */
export class NameScope {
  readonly #taken: Set<string>;
  readonly #next = new Map<string, number>();

  constructor(taken: Iterable<string>) {
    this.#taken = new Set(taken);
  }

  reserve(name: string): void {
    this.#taken.add(name);
  }

  /** `hint`, or `hint#k` with the smallest k that is free. */
  unique(hint: string): string {
    let name = hint;
    let k = this.#next.get(hint) ?? 2;
    while (this.#taken.has(name)) name = `${hint}#${k++}`;
    this.#next.set(hint, k);
    this.#taken.add(name);
    return name;
  }
}

/**
 * Open connections, of which there are only so many. Where there are too many, the address of strangers that has most gives one up for
 * whoever has fewer: a few addresses cannot keep all others out. Connections on which a client was recognised are nobody's to take.
 */

export interface ConnectionLimits {
  /** Of all, and of one address. */
  readonly connections: number;
  readonly connectionsPerOrigin: number;
}

export interface OpenConnection {
  /** A client was recognised on it. */
  keep(): void;
  /** It is closed. */
  left(): void;
}

interface Held {
  readonly close: () => void;
  kept: boolean;
}

export class Connections {
  readonly #limits: ConnectionLimits;
  /** In the order of their coming. */
  readonly #held = new Map<string, Set<Held>>();
  /** Addresses of proxies, which are many callers'. */
  readonly #shared = new Set<string>();
  #total = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** @param shared a proxy's address; @param close ends it; @returns null if it may not be */
  open(address: string, shared: boolean, close: () => void): OpenConnection | null {
    const { connections, connectionsPerOrigin } = this.#limits;
    const own = this.#held.get(address) ?? new Set<Held>();
    if (!shared && own.size >= connectionsPerOrigin) return null;
    if (this.#total >= connections && !this.#makeRoom(strangersOf(own).length)) return null;
    const held: Held = { close, kept: false };
    own.add(held);
    this.#held.set(address, own);
    if (shared) this.#shared.add(address);
    this.#total++;
    return {
      keep: () => (held.kept = true),
      left: () => this.#remove(address, held),
    };
  }

  /** @param fewer strangers' connections than the address has that gives one up */
  #makeRoom(fewer: number): boolean {
    let most: readonly Held[] = [];
    let from: string | null = null;
    for (const [address, all] of this.#held) {
      const strangers = this.#shared.has(address) ? [] : strangersOf(all);
      if (strangers.length <= Math.max(fewer, most.length)) continue;
      most = strangers;
      from = address;
    }
    const [oldest] = most;
    if (from === null || oldest === undefined) return false;
    this.#remove(from, oldest);
    oldest.close();
    return true;
  }

  #remove(address: string, held: Held): void {
    const own = this.#held.get(address);
    if (own?.delete(held) !== true) return;
    this.#total--;
    if (own.size > 0) return;
    this.#held.delete(address);
    this.#shared.delete(address);
  }
}

function strangersOf(held: ReadonlySet<Held>): Held[] {
  return [...held].filter(({ kept }) => !kept);
}

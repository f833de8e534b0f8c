/**
 * What a participant keeps of federations, sealed: its ledger, updates that wait, rounds that it is in, and whom it knows by which key. Of
 * several processes on one key store one at a time works on the ledger, or on a round.
 */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { LedgerEntry, PrivacyBudget } from '../../../federation/privacy/ledger.ts';
import { PrivacyLedger } from '../../../federation/privacy/ledger.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import { tryLock } from '../../storage/state-lock.ts';
import { privateFolder } from '../../vault/private-files.ts';
import { SharedLock } from '../../vault/shared-lock.ts';
import type { Vault } from '../../vault/vault.ts';
import type { PartState } from './round-part.ts';

const SUFFIX = '.sealed';

/** An update as it was prepared: in model units, neither clipped nor noised yet. */
export interface StoredUpdate {
  readonly layout: string;
  /** SHA-256 of the model that training started from; null: not known. */
  readonly base: string | null;
  readonly values: Float32Array;
}

/** A round that this participant is in. */
export interface StoredContribution {
  readonly version: 1;
  /** Name of the configured server. */
  readonly server: string;
  readonly clientId: string;
  readonly update: string;
  readonly round: number;
  readonly state: PartState;
  /** Null while it goes on. */
  readonly outcome: 'summed' | 'dropped-out' | 'aborted' | null;
}

const entries = z.array(z.custom<LedgerEntry>((value) => typeof value === 'object' && value !== null));
const updateHead = z.strictObject({ layout: z.string(), base: z.string().nullable() });

export class ParticipantVault {
  readonly #vault: Vault;
  readonly #folder: string;
  readonly #locks: SharedLock;
  readonly #budget: PrivacyBudget;

  constructor(vault: Vault, budget: PrivacyBudget) {
    this.#vault = vault;
    this.#folder = join(vault.folder, 'federation');
    this.#locks = new SharedLock(join(vault.folder, 'locks'));
    this.#budget = budget;
  }

  /** Of all federations together, since they may be about the same persons. */
  async ledger(): Promise<PrivacyLedger> {
    const stored = await this.#readJson('ledger');
    return new PrivacyLedger(this.#budget, stored === null ? [] : entries.parse(stored));
  }

  /** Durable when it returns. @throws what `change` throws, after which nothing has changed */
  changeLedger(change: (ledger: PrivacyLedger) => PrivacyLedger): Promise<PrivacyLedger> {
    return this.#locks.run('federation-ledger', async () => {
      const before = await this.ledger();
      const after = change(before);
      if (after !== before) await this.#writeJson('ledger', after.entries);
      return after;
    });
  }

  async saveUpdate(id: string, { layout, base, values }: StoredUpdate): Promise<void> {
    const head = Buffer.from(JSON.stringify({ layout, base }));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(head.length);
    const body = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    await this.#write(`update-${id}`, Buffer.concat([length, head, body]));
  }

  /** @throws ToolError ERROR_INVALID_UPDATE */
  async update(id: string): Promise<StoredUpdate> {
    const bytes = await this.#read(`update-${id}`);
    if (bytes === null)
      throw new ToolError('ERROR_INVALID_UPDATE', 'there is no such update: prepare_update makes one');
    const start = 4 + bytes.readUInt32LE(0);
    const head = updateHead.parse(JSON.parse(bytes.subarray(4, start).toString('utf8')));
    return { ...head, values: new Float32Array(new Uint8Array(bytes.subarray(start)).buffer) };
  }

  async removeUpdate(id: string): Promise<void> {
    await this.#vault.remove(await this.#path(`update-${id}`));
  }

  async contribution(name: string): Promise<StoredContribution | null> {
    return (await this.#readJson(`round-${name}`)) as StoredContribution | null;
  }

  async saveContribution(name: string, contribution: StoredContribution): Promise<void> {
    await this.#writeJson(`round-${name}`, contribution);
  }

  /** Those that go on. */
  async unfinished(): Promise<StoredContribution[]> {
    await privateFolder(this.#folder);
    const names = (await readdir(this.#folder)).filter((file) => /^round-[0-9a-f]{32}\.sealed$/.test(file));
    const all = await Promise.all(names.map((file) => this.contribution(file.slice(6, -SUFFIX.length))));
    return all.filter((each) => each?.outcome === null).map((each) => each!);
  }

  /** One process at a time. @throws ToolError ERROR_BUSY */
  async claim(name: string): Promise<Disposable> {
    await privateFolder(this.#folder);
    const lock = await tryLock(join(this.#folder, `round-${name}.lock`));
    if (lock !== null) return lock;
    throw new ToolError('ERROR_BUSY', 'another process of this key store is at work on this round', {
      retryAfterMs: 5000,
    });
  }

  /**
   * The keys by which participants of a federation are known: those seen first, from then on.
   * @throws ToolError ERROR_AGGREGATOR_REFUSED if one has changed
   */
  pin(federation: string, seen: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, string>> {
    const file = `members-${nameOf([federation])}`;
    return this.#locks.run('federation-members', async () => {
      const stored = z.record(z.string(), z.string()).parse((await this.#readJson(file)) ?? {});
      const known = new Map(Object.entries(stored));
      for (const [name, key] of seen) {
        const before = known.get(name);
        if (before !== undefined && before !== key)
          throw new ToolError(
            'ERROR_AGGREGATOR_REFUSED',
            `${name} has another key than in the rounds before; ask it, and the owner`,
          );
        known.set(name, key);
      }
      await this.#writeJson(file, Object.fromEntries(known));
      return known;
    });
  }

  async #readJson(file: string): Promise<unknown> {
    const bytes = await this.#read(file);
    return bytes === null ? null : (JSON.parse(bytes.toString('utf8')) as unknown);
  }

  async #writeJson(file: string, value: unknown): Promise<void> {
    await this.#write(file, Buffer.from(JSON.stringify(value)));
  }

  async #read(file: string): Promise<Buffer | null> {
    return this.#vault.read(await this.#path(file), purposeOf(file));
  }

  async #write(file: string, bytes: Uint8Array): Promise<void> {
    await this.#vault.write(await this.#path(file), purposeOf(file), bytes);
  }

  async #path(file: string): Promise<string> {
    await privateFolder(this.#folder);
    return join(this.#folder, `${file}${SUFFIX}`);
  }
}

function purposeOf(file: string): string {
  return `federation/${file}`;
}

/** A name for a file, of whatever the parts hold. */
export function nameOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

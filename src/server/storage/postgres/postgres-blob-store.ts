/**
 * Blobs as rows of PostgreSQL, for operators who want to keep one service only. A value lies in rows of 4 MiB; a put is one
 * transaction, and a read takes a row at a time: neither holds much more than the value and a row, here or in the server.
 */
import { InternalError } from '../../../errors.ts';
import { checkedKey } from '../blob-key.ts';
import type { BlobStore } from '../blob-store.ts';
import { inParts } from '../value-parts.ts';
import type { PostgresRow } from './postgres-client.ts';
import type { PostgresDatabase } from './postgres-database.ts';

const ROW_BYTES = 4 * 2 ** 20;
/** Of one statement: none takes longer than the database gives it. */
const DELETED_AT_ONCE = 200;
/** A value is put again while it is read, in other rows. */
const READS = 3;

/** Keys below $1, and $1: "0" is what follows "/" in ASCII. */
const BELOW = `key > $1 || '/' AND key < $1 || '0'`;

interface Found {
  readonly id: string;
  readonly size: number;
}

export class PostgresBlobStore implements BlobStore {
  readonly #database: PostgresDatabase;

  /** @param database stays the caller's, who closes it */
  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  async put(key: string, pieces: readonly Uint8Array[]): Promise<void> {
    checkedKey(key);
    const size = pieces.reduce((sum, { length }) => sum + length, 0);
    await this.#database.transaction(
      async (client) => {
        // Who puts the same key at the same time comes after.
        await client.run('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', key);
        await client.run('DELETE FROM blobs WHERE key = $1', key);
        const row = await client.get('INSERT INTO blobs (key, size) VALUES ($1, $2) RETURNING id', key, size);
        let number = 0;
        for (const part of inParts(pieces, ROW_BYTES)) {
          await client.run('INSERT INTO blob_rows VALUES ($1, $2, $3)', row?.['id'], number++, part);
        }
      },
      { idempotent: true },
    );
  }

  async get(key: string): Promise<Uint8Array> {
    return this.#read(key, ({ size }) => ({ start: 0, length: size }));
  }

  async getRange(key: string, start: number, length: number): Promise<Uint8Array> {
    return this.#read(key, ({ size }) => {
      if (start + length > size) {
        throw new InternalError(`bytes ${start} to ${start + length} of the blob ${key} cannot be read`);
      }
      return { start, length };
    });
  }

  async size(key: string): Promise<number> {
    return (await this.#found(key)).size;
  }

  async has(key: string): Promise<boolean> {
    return (await this.#database.get('SELECT 1 FROM blobs WHERE key = $1', checkedKey(key))) !== null;
  }

  async delete(key: string): Promise<void> {
    await this.#database.run('DELETE FROM blobs WHERE key = $1', checkedKey(key));
  }

  async deleteAll(prefix: string): Promise<void> {
    await this.delete(prefix);
    for (let deleted = DELETED_AT_ONCE; deleted === DELETED_AT_ONCE;) {
      deleted = await this.#database.run(
        `DELETE FROM blobs WHERE key IN (SELECT key FROM blobs WHERE ${BELOW} LIMIT ${DELETED_AT_ONCE})`,
        prefix,
      );
    }
  }

  async list(prefix: string): Promise<string[]> {
    const rows = await this.#database.all(
      `SELECT DISTINCT split_part(substr(key, length($1) + 2), '/', 1) COLLATE "C" AS name
       FROM blobs WHERE ${BELOW} ORDER BY name`,
      checkedKey(prefix),
    );
    return rows.map(({ name }) => String(name));
  }

  async #found(key: string): Promise<Found> {
    const row = await this.#database.get('SELECT id, size FROM blobs WHERE key = $1', checkedKey(key));
    if (row === null) throw new InternalError(`the blob ${key} cannot be read`);
    return { id: String(row['id']), size: Number(row['size']) };
  }

  async #read(
    key: string,
    rangeOf: (found: Found) => { start: number; length: number },
  ): Promise<Uint8Array> {
    for (let attempt = 0; attempt < READS; attempt++) {
      const found = await this.#found(key);
      const { start, length } = rangeOf(found);
      const bytes = new Uint8Array(length);
      if (await this.#fill(bytes, found.id, start)) return bytes;
    }
    throw new InternalError(`the blob ${key} cannot be read`);
  }

  /** False if the rows are no more. */
  async #fill(bytes: Uint8Array, id: string, start: number): Promise<boolean> {
    for (let done = 0; done < bytes.length;) {
      const at = start + done;
      const offset = at % ROW_BYTES;
      const row = await this.#part(id, (at - offset) / ROW_BYTES, offset, bytes.length - done);
      if (row === null) return false;
      const part = row['part'] as Buffer;
      bytes.set(part, done);
      done += part.length;
    }
    return true;
  }

  #part(id: string, number: number, offset: number, length: number): Promise<PostgresRow | null> {
    return this.#database.get(
      'SELECT substr(bytes, $3, $4) AS part FROM blob_rows WHERE blob_id = $1 AND number = $2',
      id,
      number,
      offset + 1,
      Math.min(length, ROW_BYTES - offset),
    );
  }
}

/**
 * Room for records when there is none: a file that is thrown off when the disk is full, since even deleting takes a little of it (a
 * database writes down what it deletes). With it a server starts, counts nonces and discards on a full disk.
 */
import { randomBytes } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { diskSpace, isDiskFull } from './disk-space.ts';

/** Some hundred thousand records. */
export const BALLAST_BYTES = 32 * 2 ** 20;
const FILE = 'ballast';
const ASIDE = 'ballast.new';
const PIECE_BYTES = 2 ** 20;

export class Ballast {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get aboard(): boolean {
    const found = statSync(join(this.#folder, FILE), { throwIfNoEntry: false });
    return found !== undefined && found.size === BALLAST_BYTES;
  }

  /** What is to be taken aboard again before there is room for anything else. */
  get missingBytes(): number {
    return this.aboard ? 0 : BALLAST_BYTES;
  }

  /** False if there was none: then there is nothing more to be had. */
  throwOff(): boolean {
    const { aboard } = this;
    for (const name of [FILE, ASIDE]) rmSync(join(this.#folder, name), { force: true });
    return aboard;
  }

  /** Where there is room for it, whole or not at all. Bytes that no file system can pack. */
  async takeAboard(): Promise<void> {
    if (this.aboard || diskSpace(this.#folder).free < BALLAST_BYTES) return;
    const aside = join(this.#folder, ASIDE);
    try {
      await using file = await open(aside, 'w', 0o600);
      for (let bytes = 0; bytes < BALLAST_BYTES; bytes += PIECE_BYTES)
        await file.writeFile(randomBytes(PIECE_BYTES));
      await file.sync();
    } catch (error) {
      await rm(aside, { force: true });
      if (!isDiskFull(error)) throw error;
      return;
    }
    await rename(aside, join(this.#folder, FILE));
  }
}

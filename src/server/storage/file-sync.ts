/** A file that others write is made durable, off the event loop and once for all who wait at a time. */
import { open } from 'node:fs/promises';

export class FileSync {
  readonly #path: string;
  /** How often it was written, and how many of those writes are on the disk. */
  #written = 0;
  #synced = 0;
  #running: Promise<void> | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  wrote(): void {
    this.#written++;
  }

  /** Who wrote has synced it, and with that what was written before. */
  wasSynced(): void {
    this.#synced = this.#written;
  }

  /** Resolves when all that has been written is on the disk. */
  async settled(): Promise<void> {
    const mine = this.#written;
    while (this.#synced < mine) await (this.#running ??= this.#sync());
  }

  /** What is written from now on may or may not be among it. */
  async #sync(): Promise<void> {
    const written = this.#written;
    try {
      await syncFile(this.#path);
      this.#synced = Math.max(this.#synced, written);
    } finally {
      this.#running = null;
    }
  }
}

async function syncFile(path: string): Promise<void> {
  let file;
  try {
    file = await open(path, 'r+');
  } catch (error) {
    // What was in it is where it belongs, and synced there.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw error;
  }
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

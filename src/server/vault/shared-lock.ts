/** Lets one action at a time through for each name, of all processes that work on the same folder; others wait. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KeyedLock } from '../storage/keyed-lock.ts';
import { tryLock } from '../storage/state-lock.ts';
import { privateFolder } from './private-files.ts';

const LOOK_MS = 100;

export class SharedLock {
  readonly #folder: string;
  readonly #own = new KeyedLock();

  /** @param folder for files that are nothing but locks */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param name also of a file */
  run<T>(name: string, action: () => Promise<T>): Promise<T> {
    return this.#own.run(name, async () => {
      await privateFolder(this.#folder);
      const path = join(this.#folder, `${name}.lock`);
      let lock = await tryLock(path);
      while (lock === null) {
        await delay(LOOK_MS);
        lock = await tryLock(path);
      }
      using _ = lock;
      return await action();
    });
  }
}

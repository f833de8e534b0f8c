/** What a server and its evaluation processes hold: memory, descriptors, disk. From /proc, so on Linux only. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface Resources {
  /** Resident, of the server itself and of all its evaluation processes together. */
  readonly serverBytes: number;
  readonly evaluatorBytes: number;
  readonly evaluators: number;
  /** Of the server. */
  readonly descriptors: number;
  readonly processorMs: number;
  /** Everything below the state folder, and of that the database with its log. */
  readonly diskBytes: number;
  readonly databaseBytes: number;
}

const PAGE_BYTES = 4096;
/** USER_HZ, which is 100 on every architecture that Linux tells programs of. */
const TICK_MS = 10;

/** @param processId of the server; what has gone meanwhile counts 0 */
export async function readResources(processId: number, stateFolder: string): Promise<Resources> {
  const children = await childrenOf(processId);
  const [serverBytes, each, descriptors, processorMs, disk] = await Promise.all([
    residentBytes(processId),
    Promise.all(children.map(residentBytes)),
    readdir(`/proc/${processId}/fd`).then(
      ({ length }) => length,
      () => 0,
    ),
    processorTime(processId),
    diskUsage(stateFolder),
  ]);
  const evaluatorBytes = each.reduce((sum, bytes) => sum + bytes, 0);
  return { serverBytes, evaluatorBytes, evaluators: children.length, descriptors, processorMs, ...disk };
}

async function childrenOf(processId: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${processId}/task`).catch(() => []);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${processId}/task/${task}/children`, 'utf8').catch(() => '')),
  );
  return lists.flatMap((list) =>
    list
      .split(' ')
      .filter((id) => id !== '')
      .map(Number),
  );
}

async function residentBytes(processId: number): Promise<number> {
  const fields = (await readFile(`/proc/${processId}/statm`, 'utf8').catch(() => '')).split(' ');
  return Number(fields[1] ?? 0) * PAGE_BYTES;
}

async function processorTime(processId: number): Promise<number> {
  const text = await readFile(`/proc/${processId}/stat`, 'utf8').catch(() => '');
  // Behind the name, which may have spaces in it; utime and stime are fields 14 and 15 of proc(5).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * TICK_MS;
}

async function diskUsage(folder: string): Promise<{ diskBytes: number; databaseBytes: number }> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  let diskBytes = 0;
  let databaseBytes = 0;
  for (const name of names) {
    const size = await stat(join(folder, name)).then(
      (found) => (found.isFile() ? found.size : 0),
      () => 0,
    );
    diskBytes += size;
    if (name.startsWith('server.db')) databaseBytes += size;
  }
  return { diskBytes, databaseBytes };
}

/** The largest of each, seen so far. */
export class ResourcePeaks implements Disposable {
  readonly #read: () => Promise<Resources>;
  readonly #timer: NodeJS.Timeout;
  #reading = false;
  #peaks: Resources | null = null;

  constructor(read: () => Promise<Resources>, everyMs = 500) {
    this.#read = read;
    this.#timer = setInterval(() => void this.#sample(), everyMs);
  }

  get peaks(): Resources | null {
    return this.#peaks;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #sample(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    const now = await this.#read().finally(() => (this.#reading = false));
    const before: Resources = this.#peaks ?? now;
    const larger = (key: keyof Resources): number => Math.max(before[key], now[key]);
    this.#peaks = {
      serverBytes: larger('serverBytes'),
      evaluatorBytes: larger('evaluatorBytes'),
      evaluators: larger('evaluators'),
      descriptors: larger('descriptors'),
      processorMs: larger('processorMs'),
      diskBytes: larger('diskBytes'),
      databaseBytes: larger('databaseBytes'),
    };
  }
}

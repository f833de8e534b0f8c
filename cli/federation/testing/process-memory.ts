/** All that a process has in memory, as the kernel shows it (Linux: /proc/PID/mem, for who may trace it: a parent may). */
import type { FileHandle } from 'node:fs/promises';
import { open, readFile } from 'node:fs/promises';

const PAGE_BYTES = 4096;
const PIECE_BYTES = 16 * 2 ** 20;
/** In the last of the eight bytes that /proc/PID/pagemap has of a page: in memory, or swapped out. */
const THERE = 0xc0;

/**
 * Memory that is the process's own: heaps, stacks, buffers; not what is mapped of files and nobody wrote to, nor what is reserved only.
 * @param overlap bytes that a piece has of the one before, so that nothing is cut in two
 */
export async function* memoryOf(processId: number, overlap: number): AsyncGenerator<Buffer> {
  const maps = await readFile(`/proc/${processId}/maps`, 'latin1');
  await using pages = await open(`/proc/${processId}/pagemap`, 'r');
  await using memory = await open(`/proc/${processId}/mem`, 'r');
  for (const line of maps.split('\n')) {
    const found = /^([0-9a-f]+)-([0-9a-f]+) r(\S)\S\S \S+ \S+ \d+ *(.*)$/.exec(line);
    if (found === null) continue;
    const [, first, last, writable, path] = found as unknown as [string, string, string, string, string];
    if (path.startsWith('[v') || (path.startsWith('/') && writable !== 'w')) continue;
    for await (const [from, to] of present(pages, parseInt(first, 16), parseInt(last, 16)))
      for (let at = from; at < to; at += PIECE_BYTES - overlap) {
        const piece = await readAt(memory, at, Math.min(PIECE_BYTES, to - at));
        yield piece;
        if (at + PIECE_BYTES >= to) break;
      }
  }
}

/** Runs of pages between two addresses that are there. */
async function* present(
  pages: FileHandle,
  first: number,
  last: number,
): AsyncGenerator<readonly [from: number, to: number]> {
  const entries = await readAt(pages, (first / PAGE_BYTES) * 8, ((last - first) / PAGE_BYTES) * 8);
  let from: number | null = null;
  for (let at = first, i = 7; i < entries.length; at += PAGE_BYTES, i += 8) {
    if ((entries[i]! & THERE) !== 0) from ??= at;
    else if (from !== null) {
      yield [from, at];
      from = null;
    }
  }
  if (from !== null) yield [from, last];
}

/** What can be read of it: memory may be given back meanwhile. */
async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file
      .read(bytes, done, length - done, position + done)
      .catch(() => ({ bytesRead: 0 }));
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

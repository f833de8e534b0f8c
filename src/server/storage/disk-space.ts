/** How full the disk under a folder is. */
import { statfsSync } from 'node:fs';

export interface DiskSpace {
  /** Bytes that this process may still write, and of the whole file system. */
  readonly free: number;
  readonly total: number;
}

export function diskSpace(folder: string): DiskSpace {
  const { bavail, blocks, bsize } = statfsSync(folder);
  return { free: bavail * bsize, total: blocks * bsize };
}

const FULL: readonly string[] = ['ENOSPC', 'EDQUOT'];

/** Whether an error of the file system says that there is no more room. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && FULL.includes(String(error.code));
}

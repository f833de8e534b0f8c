/** Files for their owner only: they appear whole or not at all, survive a crash, and are refused if others may read them. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { chmod, copyFile, link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ToolError } from '../protocol/error-codes.ts';

export const PRIVATE_FILE = 0o600;
export const PRIVATE_FOLDER = 0o700;
const OTHERS = 0o077;

/** Windows keeps no such bits; there the profile folder's access list is what protects. */
const HAS_MODES = process.platform !== 'win32';

/** Makes the folder, and closes it to others should it exist already. */
export async function privateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: PRIVATE_FOLDER });
  if (HAS_MODES) await chmod(path, PRIVATE_FOLDER);
}

/** @param pieces are written one after the other */
export async function writePrivate(path: string, pieces: Uint8Array | Iterable<Uint8Array>): Promise<void> {
  const temporary = await writeTemporary(path, pieces);
  try {
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * As `writePrivate`, unless the file is there already; true if it was written. Of several processes one wins.
 * @param check is given the file before anything is written to it, and may throw
 */
export async function createPrivate(
  path: string,
  bytes: Uint8Array,
  check?: (file: FileHandle) => Promise<void>,
): Promise<boolean> {
  const temporary = await writeTemporary(path, bytes, check);
  try {
    await link(temporary, path).catch((error: unknown) => {
      // Some file systems have no links.
      if (!['EPERM', 'ENOTSUP', 'ENOSYS'].some((code) => hasCode(error, code))) throw error;
      return copyFile(temporary, path, constants.COPYFILE_EXCL);
    });
    await syncFolder(dirname(path));
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * Null if there is no such file.
 * @throws ToolError ERROR_KEYSTORE_LOCKED if others may read it, if it is no ordinary file, or larger than `maxBytes`
 */
export async function readPrivate(path: string, maxBytes: number): Promise<Uint8Array | null> {
  let file;
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw new ToolError('ERROR_KEYSTORE_LOCKED', 'a file of the key store cannot be read', { cause: error });
  }
  try {
    const info = await file.stat();
    if (!info.isFile() || info.size > maxBytes) {
      throw new ToolError('ERROR_KEYSTORE_LOCKED', 'a file of the key store is not what it should be');
    }
    if (HAS_MODES && (info.mode & OTHERS) !== 0) {
      throw new ToolError(
        'ERROR_KEYSTORE_LOCKED',
        `a key file may be read by others (mode ${(info.mode & 0o777).toString(8)}): expected 600`,
      );
    }
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Makes a rename durable; folders cannot be synced everywhere. */
export async function syncFolder(path: string): Promise<void> {
  if (!HAS_MODES) return;
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

async function writeTemporary(
  path: string,
  pieces: Uint8Array | Iterable<Uint8Array>,
  check?: (file: FileHandle) => Promise<void>,
): Promise<string> {
  const temporary = join(dirname(path), `.${randomBytes(9).toString('hex')}.tmp`);
  const file = await open(temporary, 'wx', PRIVATE_FILE);
  try {
    await check?.(file);
    for (const piece of pieces instanceof Uint8Array ? [pieces] : pieces) await file.writeFile(piece);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return temporary;
}

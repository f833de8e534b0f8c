/** Output files appear whole or not at all: written under a temporary name beside the target, then renamed. */
import { constants } from 'node:fs';
import { access, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ArtifactError } from '../../src/errors.ts';
import { tellGuard } from '../process/messages.ts';

/** Files with key material are for their owner only. */
export const SECRET_MODE = 0o600;
const PUBLIC_MODE = 0o666;

/**
 * Finds out before any long work whether `path` can be written.
 * @throws ArtifactError OUTPUT_UNWRITABLE
 */
export async function requireWritable(path: string): Promise<void> {
  const target = resolve(path);
  const directory = dirname(target);
  try {
    await access(directory, constants.W_OK);
  } catch (error) {
    throw unwritable(path, error);
  }
  await requireReplaceable(path, target);
}

/** Renaming over a directory fails late, and over a device or a pipe it would put a file in its place. */
async function requireReplaceable(path: string, target: string): Promise<void> {
  const existing = await stat(target).catch(() => null);
  if (existing === null || existing.isFile()) return;
  if (existing.isDirectory()) {
    throw new ArtifactError('OUTPUT_UNWRITABLE', `the output: ${path} is a directory, expected a file name`, {
      hint: 'name a file inside it',
    });
  }
  throw new ArtifactError('OUTPUT_UNWRITABLE', `the output: ${path} is a device or a pipe, expected a file`, {
    hint: 'name an ordinary file',
  });
}

/**
 * Writes `content` so that nobody ever sees half of it; a cancelled or failed write leaves nothing behind.
 * @throws ArtifactError OUTPUT_UNWRITABLE
 */
export async function writeWhole(
  path: string,
  content: Uint8Array | string | Iterable<Uint8Array>,
  mode: number = PUBLIC_MODE,
): Promise<void> {
  const target = resolve(path);
  await requireReplaceable(path, target);
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  tellGuard({ kind: 'temporary', path: temporary, done: false });
  try {
    const file = await open(temporary, 'w', mode);
    try {
      const pieces = typeof content === 'string' || content instanceof Uint8Array ? [content] : content;
      for (const piece of pieces) await file.writeFile(piece); // each continues where the last one ended
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    throw unwritable(path, error);
  } finally {
    // Best effort: a name too long to write is also too long to remove.
    await rm(temporary, { force: true }).catch(() => undefined);
    tellGuard({ kind: 'temporary', path: temporary, done: true });
  }
}

function unwritable(path: string, cause: unknown): ArtifactError {
  const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
  return new ArtifactError('OUTPUT_UNWRITABLE', `the output: ${path} cannot be written (${reason})`, {
    hint: 'check that its directory exists and that you may write there, or choose another with -o',
    cause,
  });
}

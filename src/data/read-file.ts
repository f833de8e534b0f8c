/** Reads files whose size and content nobody vouches for: sizes are capped before anything is allocated. */
import { open, type FileHandle } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { ArtifactError } from '../errors.ts';

const MEBIBYTE = 1024 * 1024;

/** One image, tensor or JSON input. */
export const MAX_INPUT_FILE_BYTES = 256 * MEBIBYTE;
/** One data set file, before and after decompression. */
export const MAX_DATASET_BYTES = 2047 * MEBIBYTE;

/**
 * Reads a regular file of at most `maxBytes` bytes.
 * @param what what the file should be, for messages: "the model", "the image"
 * @throws ArtifactError FILE_NOT_FOUND, FILE_IS_DIRECTORY, FILE_UNREADABLE or FILE_TOO_LARGE
 */
export function readBounded(path: string, maxBytes: number, what: string): Promise<Uint8Array> {
  return withFile(path, maxBytes, what, (file) => file.readFile());
}

/** What is read of a file at a time. */
const PIECE_BYTES = 4 * MEBIBYTE;

/**
 * The same piece by piece.
 * @param use is given the file's size, and its pieces in order
 * @throws as `readBounded`, and what `use` throws
 */
export function readPieces<T>(
  path: string,
  maxBytes: number,
  what: string,
  use: (stream: { readonly length: number; readonly pieces: AsyncIterable<Uint8Array> }) => Promise<T>,
): Promise<T> {
  return withFile(path, maxBytes, what, (file, length) =>
    use({ length, pieces: file.createReadStream({ highWaterMark: PIECE_BYTES, autoClose: false }) }),
  );
}

async function withFile<T>(
  path: string,
  maxBytes: number,
  what: string,
  use: (file: FileHandle, size: number) => Promise<T>,
): Promise<T> {
  try {
    await using file = await open(path, 'r');
    const info = await file.stat();
    if (info.isDirectory()) {
      throw new ArtifactError('FILE_IS_DIRECTORY', `${what}: ${path} is a directory, expected a file`, {
        hint: 'name a file inside it',
      });
    }
    if (!info.isFile()) {
      throw new ArtifactError('FILE_UNREADABLE', `${what}: ${path} is not a regular file`, {
        hint: 'copy its content to a file first',
      });
    }
    if (info.size > maxBytes) {
      throw new ArtifactError(
        'FILE_TOO_LARGE',
        `${what}: ${path} has ${info.size} bytes, at most ${maxBytes} are read`,
        { hint: 'check that this is the file you mean' },
      );
    }
    return await use(file, info.size);
  } catch (error) {
    throw explainFileError(error, path, what);
  }
}

/** Turns an errno of the file system into an error that says what to do; other errors pass unchanged. */
export function explainFileError(error: unknown, path: string, what: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || error instanceof ArtifactError) return error;
  switch (error.code) {
    case 'ENOENT':
      return new ArtifactError('FILE_NOT_FOUND', `${what}: ${path} does not exist`, {
        hint: 'check the path; relative paths start at the current directory',
      });
    case 'ENOTDIR':
      return new ArtifactError('FILE_NOT_FOUND', `${what}: a part of ${path} is a file, not a directory`, {
        hint: 'check the path',
      });
    case 'EISDIR':
      return new ArtifactError('FILE_IS_DIRECTORY', `${what}: ${path} is a directory, expected a file`, {
        hint: 'name a file inside it',
      });
    case 'EACCES':
    case 'EPERM':
      return new ArtifactError('FILE_UNREADABLE', `${what}: permission denied for ${path}`, {
        hint: 'check the permissions of the file and of its directories',
      });
    default:
      return new ArtifactError('FILE_UNREADABLE', `${what}: cannot open ${path} (${String(error.code)})`, {
        hint: 'check the path and the file system',
        cause: error,
      });
  }
}

/** True if the bytes start like a gzip member (RFC 1952, section 2.3.1). */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Decompresses gzip; other bytes pass unchanged. Output beyond `maxBytes` is refused, not produced.
 * @throws ArtifactError DATA_TOO_LARGE or GZIP_DAMAGED
 */
export function gunzipBounded(bytes: Uint8Array, maxBytes: number, where: string): Uint8Array {
  if (!isGzip(bytes)) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
      throw new ArtifactError('DATA_TOO_LARGE', `${where} decompresses to more than ${maxBytes} bytes`, {
        hint: 'check that this is the file you mean, or split it',
      });
    }
    throw new ArtifactError('GZIP_DAMAGED', `${where} is not a complete gzip file`, {
      hint: 'fetch the file again',
      cause: error,
    });
  }
}

/** Tensor data kept in files beside the model. Paths are not trusted: they must stay in the model's directory. */
import { closeSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { ImportError } from '../errors.ts';

interface Entry {
  readonly key?: string | null;
  readonly value?: string | null;
}

function fail(what: string, reason: string, cause?: unknown): never {
  throw new ImportError('EXTERNAL_DATA', `${what}: external data ${reason}`, {
    hint: 'keep external data files in the directory of the model, with relative paths',
    ...(cause === undefined ? {} : { cause }),
  });
}

function count(text: string | undefined, fallback: number, what: string): number {
  if (text === undefined) return fallback;
  if (!/^\d{1,15}$/.test(text)) fail(what, `has the invalid number '${text.slice(0, 20)}'`);
  return Number(text);
}

/** The real path of `location`, which must lie within `directory` after all links are followed. */
function confine(directory: string, location: string, what: string): string {
  if (location === '' || location.includes('\0') || isAbsolute(location) || /^[A-Za-z]:|\\/.test(location)) {
    fail(what, 'needs a relative path');
  }
  let root: string;
  let path: string;
  try {
    root = realpathSync(directory);
    path = realpathSync(resolve(root, location));
  } catch (cause) {
    fail(what, `file '${location}' cannot be found`, cause);
  }
  const inside = relative(root, path);
  if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    fail(what, 'points outside the directory of the model');
  }
  return path;
}

/**
 * Reads the `expected` bytes of a tensor.
 * @throws ImportError EXTERNAL_DATA
 */
export function readExternalData(
  entries: readonly Entry[],
  expected: number,
  what: string,
  modelDirectory: string | null,
): Uint8Array {
  if (modelDirectory === null) fail(what, 'cannot be read, because the model was not read from a directory');
  const values = new Map(entries.map((entry) => [entry.key ?? '', entry.value ?? '']));
  const path = confine(modelDirectory, values.get('location') ?? '', what);
  const offset = count(values.get('offset'), 0, what);
  const length = count(values.get('length'), expected, what);
  if (length !== expected) fail(what, `has ${length} bytes, where the shape needs ${expected}`);
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    fail(what, 'cannot be opened', cause);
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) fail(what, 'is not a file');
    if (offset + length > stat.size)
      fail(what, `ends at byte ${offset + length} of a file of ${stat.size} bytes`);
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const read = readSync(file, bytes, done, length - done, offset + done);
      if (read === 0) fail(what, 'ended early');
      done += read;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}

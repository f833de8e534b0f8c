/**
 * Which files the tools may touch: those inside of the roots that the user named, after every symbolic link has been
 * followed, and never those of the key store. A path outside is refused before anything of it is read or said.
 */
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { lstat, mkdir, open, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, parse, relative, resolve, sep } from 'node:path';
import { UsageError } from '../../errors.ts';
import { ToolError } from '../protocol/error-codes.ts';
import { createPrivate, PRIVATE_FOLDER } from '../vault/private-files.ts';

const OUTSIDE = 'it is outside of the allowed folders';
const MAX_PATH = 4096;
/** Of files that have the same name but for a number. */
const MAX_NUMBER = 1000;

export class AllowedPaths {
  readonly #roots: readonly string[];
  readonly #forbidden: readonly string[];

  /**
   * @param roots folders whose content may be used; they must exist
   * @param forbidden folders and files that stay out of reach even inside of a root
   * @throws UsageError for a root that is none, or that is the root of the file system
   */
  static async create(roots: readonly string[], forbidden: readonly string[]): Promise<AllowedPaths> {
    const found: string[] = [];
    for (const root of roots) {
      const real = await realpath(root).catch(() => null);
      if (real === null) throw new UsageError('USAGE', `the folder ${root} does not exist`);
      if (real === parse(real).root) {
        throw new UsageError('USAGE', 'the whole file system cannot be a root', {
          hint: 'name the folders that may be used, with --root',
        });
      }
      found.push(real);
    }
    return new AllowedPaths(found, await Promise.all(forbidden.map((path) => realpathOfNearest(path))));
  }

  private constructor(roots: readonly string[], forbidden: readonly string[]) {
    this.#roots = roots;
    this.#forbidden = forbidden;
  }

  get roots(): readonly string[] {
    return this.#roots;
  }

  /**
   * Reads a whole file.
   * @throws ToolError ERROR_PATH_REFUSED, or ERROR_INVALID_INPUT if it does not exist, is no file or too large
   */
  async read(path: string, maxBytes: number): Promise<Uint8Array> {
    this.#requirePlain(path);
    const real = await realpathOfNearest(path);
    this.#requireInside(real);
    let file: FileHandle;
    try {
      // Not blocking, or a named pipe would hold the call for ever.
      file = await open(real, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    } catch (error) {
      throw new ToolError('ERROR_INVALID_INPUT', 'the file does not exist or cannot be read', {
        cause: error,
      });
    }
    try {
      await this.#requireOpened(file, real);
      const info = await file.stat();
      if (!info.isFile()) throw new ToolError('ERROR_INVALID_INPUT', 'the path names no regular file');
      if (info.size > maxBytes) {
        throw new ToolError(
          'ERROR_INVALID_INPUT',
          `the file has ${info.size} bytes, at most ${maxBytes} are read here`,
        );
      }
      return await readExactly(file, info.size);
    } finally {
      await file.close();
    }
  }

  /**
   * A folder to write to, made if it is missing.
   * @returns its real path
   * @throws ToolError ERROR_PATH_REFUSED
   */
  async folder(path: string): Promise<string> {
    this.#requirePlain(path);
    this.#requireInside(await realpathOfNearest(path));
    try {
      await mkdir(path, { recursive: true, mode: PRIVATE_FOLDER });
    } catch (error) {
      throw new ToolError('ERROR_PATH_REFUSED', 'the folder cannot be made', { cause: error });
    }
    const real = await realpath(path);
    this.#requireInside(real);
    return real;
  }

  /**
   * A new file: of names that are taken the next is tried, `name-2.ext` and so on, so that nothing of the user's is ever replaced.
   * @param folder as `folder` returned it; should it lead elsewhere meanwhile, nothing is written there
   * @returns its path
   * @throws ToolError ERROR_PATH_REFUSED
   */
  async write(folder: string, name: string, bytes: Uint8Array): Promise<string> {
    const { name: stem, ext } = parse(name);
    const check = async (file: FileHandle): Promise<void> => {
      // What was moved here meanwhile leads elsewhere; the link that names the file does not find it there.
      if ((await realpath(folder)) !== folder) throw refused(OUTSIDE);
      await this.#requireOpened(file, folder);
    };
    try {
      for (let number = 1; number <= MAX_NUMBER; number++) {
        const path = join(folder, number === 1 ? name : `${stem}-${number}${ext}`);
        if (await createPrivate(path, bytes, check)) return path;
      }
    } catch (error) {
      if (error instanceof ToolError) throw error;
      throw new ToolError('ERROR_PATH_REFUSED', 'the file cannot be written', { cause: error });
    }
    throw refused('there are too many files of this name');
  }

  #requirePlain(path: string): void {
    if (path.length > MAX_PATH || path.includes('\0')) throw refused('it is no path');
    if (!isAbsolute(path)) throw refused('it is not absolute');
  }

  #requireInside(real: string): void {
    const allowed = this.#roots.some((root) => isInside(real, root));
    const forbidden = this.#forbidden.some((path) => isInside(real, path));
    if (!allowed || forbidden) throw refused(OUTSIDE);
  }

  /** Where the system tells, the file that was opened is the one that was checked, whatever was moved in between. */
  async #requireOpened(file: FileHandle, real: string): Promise<void> {
    const opened = await realpath(`/proc/self/fd/${file.fd}`).catch(() => real);
    this.#requireInside(opened);
  }
}

/** The real path of what exists of it, and the rest as it is written. */
async function realpathOfNearest(path: string): Promise<string> {
  const rest: string[] = [];
  for (let at = resolve(path); ; at = dirname(at)) {
    // Whatever the reason is, nothing is said of it: it would tell what there is outside.
    const real = await realpath(at).catch(() => null);
    if (real !== null) return join(real, ...rest);
    // As a link that leads outside, whether there is something or not.
    const isLink = await lstat(at).then(
      (info) => info.isSymbolicLink(),
      () => false,
    );
    if (isLink) throw refused(OUTSIDE);
    rest.unshift(basename(at));
    if (dirname(at) === at) throw refused(OUTSIDE);
  }
}

function isInside(path: string, folder: string): boolean {
  const steps = relative(folder, path);
  return steps === '' || (steps !== '..' && !steps.startsWith(`..${sep}`) && !isAbsolute(steps));
}

/** Not more than the size that was checked, should the file grow meanwhile. */
async function readExactly(file: FileHandle, size: number): Promise<Uint8Array> {
  const bytes = Buffer.alloc(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(bytes, filled, Math.min(size - filled, 2 ** 30), filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

function refused(reason: string): ToolError {
  return new ToolError('ERROR_PATH_REFUSED', `the path is refused: ${reason}`);
}

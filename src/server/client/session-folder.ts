/** What a session leaves on this machine until it is done: ciphertexts, and what they were made of, so that it can be resumed. */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ToolError } from '../protocol/error-codes.ts';
import { sessionId } from '../protocol/identifiers.ts';
import { privateFolder, writePrivate } from '../vault/private-files.ts';
import type { RemoteModel } from './remote-model.ts';
import type { LocalFile } from './upload-file.ts';

const RECORD = 'session.json';

const record = z.strictObject({
  version: z.literal(1),
  fingerprint: z.string(),
  model: z.string(),
  algorithm_id: z.string(),
  key_set: z.string(),
  files: z
    .array(z.strictObject({ fileName: z.string(), path: z.string(), bytes: z.number(), sha256: z.string() }))
    .min(1),
});

export interface LocalSession {
  readonly id: string;
  readonly folder: string;
  /** Of an earlier attempt; null if nothing was encrypted yet. */
  readonly files: readonly LocalFile[] | null;
  readonly keySet: string | null;
  saveFiles(keySet: string, files: readonly LocalFile[]): Promise<void>;
  saveResult(path: string, bytes: Uint8Array): Promise<void>;
  remove(): Promise<void>;
}

export class SessionFolder {
  readonly #root: string;

  /** @param root holds a folder for each session, for its owner only */
  constructor(root: string) {
    this.#root = root;
  }

  /** Removes sessions that nobody has touched for so long that the server has forgotten them too. */
  async sweep(maxAgeMs: number, now: number = Date.now()): Promise<void> {
    for (const name of await readdir(this.#root).catch(() => [])) {
      const folder = join(this.#root, name);
      const info = await stat(folder).catch(() => null);
      if (info !== null && now - info.mtimeMs > maxAgeMs) await rm(folder, { recursive: true, force: true });
    }
  }

  /** @throws ToolError ERROR_SESSION_CLOSED if it belongs to other inputs or another model, ERROR_INVALID_ARGUMENT for a bad name */
  async open(
    id: string,
    fingerprint: string,
    { model, algorithmId }: Pick<RemoteModel, 'model' | 'algorithmId'>,
  ): Promise<LocalSession> {
    if (!sessionId.safeParse(id).success)
      throw new ToolError('ERROR_INVALID_ARGUMENT', 'session_id takes letters, digits, _ and -');
    const folder = join(this.#root, id);
    await privateFolder(this.#root);
    await privateFolder(folder);
    const earlier = await readRecord(join(folder, RECORD));
    const other =
      earlier !== null &&
      (earlier.fingerprint !== fingerprint ||
        earlier.model !== model ||
        earlier.algorithm_id !== algorithmId);
    if (other)
      throw new ToolError(
        'ERROR_SESSION_CLOSED',
        'the session was begun with another input or for another model',
      );
    const save = (keySet: string, files: readonly LocalFile[]): Promise<void> => {
      const document: z.infer<typeof record> = {
        version: 1,
        fingerprint,
        model,
        algorithm_id: algorithmId,
        key_set: keySet,
        files: files.map((file) => ({ ...file })),
      };
      return writePrivate(join(folder, RECORD), Buffer.from(JSON.stringify(document)));
    };
    return {
      id,
      folder,
      files: earlier?.files ?? null,
      keySet: earlier?.key_set ?? null,
      saveFiles: save,
      saveResult: (path, bytes) => writePrivate(path, bytes),
      remove: () => rm(folder, { recursive: true, force: true }),
    };
  }
}

/** Null unless it is whole and its files are there: then it is begun anew. */
async function readRecord(path: string): Promise<z.infer<typeof record> | null> {
  try {
    const parsed = record.parse(JSON.parse(await readFile(path, 'utf8')));
    for (const file of parsed.files) if ((await stat(file.path)).size !== file.bytes) return null;
    return parsed;
  } catch {
    return null;
  }
}

/** What is kept of tasks, each in a sealed file of the key store: what was asked, and what came of it. Ids say when their time is over. */
import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isErrorCode } from '../protocol/error-codes.ts';
import { privateFolder } from '../vault/private-files.ts';
import type { Vault } from '../vault/vault.ts';

/** `<expiry, ms, base 36>.<256 random bits>`; the name of its file, too. */
const TASK_ID = /^([0-9a-z]{1,12})\.[\w-]{43}$/u;
const SUFFIX = '.sealed';

const record = z.strictObject({
  version: z.literal(1),
  tool: z.string(),
  input: z.record(z.string(), z.unknown()),
  created_at: z.number(),
  updated_at: z.number(),
  state: z.enum(['working', 'completed', 'failed', 'cancelled']),
  /** Of one that was completed. */
  answer: z.record(z.string(), z.unknown()).nullable(),
  /** Of one that was not. */
  failure: z
    .strictObject({
      code: z.string().refine(isErrorCode),
      message: z.string(),
      remote_message: z.string().optional(),
      retry_after_ms: z.number().optional(),
    })
    .nullable(),
});
export type TaskRecord = z.infer<typeof record>;

export function newTaskId(expiresAt: number): string {
  return `${expiresAt.toString(36)}.${randomBytes(32).toString('base64url')}`;
}

/** Milliseconds since 1970; long ago for what is no id. */
export function expiryOf(taskId: string): number {
  const [, expiry] = TASK_ID.exec(taskId) ?? [];
  return expiry === undefined ? 0 : parseInt(expiry, 36);
}

export class TaskRecords {
  readonly #vault: Vault;
  readonly #folder: string;
  /** What could not be written, so that it is not done all over again. */
  readonly #unsaved = new Map<string, TaskRecord>();

  constructor(vault: Vault) {
    this.#vault = vault;
    this.#folder = join(vault.folder, 'tasks');
  }

  async save(taskId: string, saved: TaskRecord): Promise<void> {
    await privateFolder(this.#folder);
    await this.#vault.write(this.#path(taskId), purpose(taskId), Buffer.from(JSON.stringify(saved)));
  }

  /** As `save`, or in memory at least. */
  async keep(taskId: string, saved: TaskRecord): Promise<void> {
    await this.save(taskId, saved).catch(() => this.#unsaved.set(taskId, saved));
  }

  /** Null if there is none, or its time is over. @throws ToolError ERROR_KEYSTORE_LOCKED */
  async load(taskId: string): Promise<TaskRecord | null> {
    if (expiryOf(taskId) <= Date.now()) return null;
    const unsaved = this.#unsaved.get(taskId);
    if (unsaved !== undefined) return unsaved;
    const bytes = await this.#vault.read(this.#path(taskId), purpose(taskId));
    return bytes === null ? null : record.parse(JSON.parse(bytes.toString('utf8')));
  }

  /** All of them. */
  async ids(): Promise<string[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const ids = names.filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length));
    return ids.filter((id) => TASK_ID.test(id));
  }

  async remove(taskId: string): Promise<void> {
    this.#unsaved.delete(taskId);
    await this.#vault.remove(this.#path(taskId));
  }

  #path(taskId: string): string {
    return join(this.#folder, `${taskId}${SUFFIX}`);
  }
}

function purpose(taskId: string): string {
  return `task/${taskId}`;
}

/** What is kept of tasks, each in a sealed file of the key store: what was asked, and what came of it. Ids say when their time is over. */
import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isErrorCode, ToolError } from '../protocol/error-codes.ts';
import { tryLock } from '../storage/state-lock.ts';
import { privateFolder } from '../vault/private-files.ts';
import type { Vault } from '../vault/vault.ts';

/** `<expiry>.<beginning>.<256 random bits>`, times in ms to base 36; the name of its file, too. Older ones have no beginning. */
const TASK_ID = /^([0-9a-z]{1,12})\.(?:([0-9a-z]{1,12})\.)?[\w-]{43}$/u;
const SUFFIX = '.sealed';
const CLAIM_SUFFIX = '.lock';

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

export function newTaskId(begunAt: number, expiresAt: number): string {
  return `${expiresAt.toString(36)}.${begunAt.toString(36)}.${randomBytes(32).toString('base64url')}`;
}

export function isTaskId(text: string): boolean {
  return TASK_ID.test(text);
}

/** Milliseconds since 1970; long ago for what is no id. */
export function expiryOf(taskId: string): number {
  const [, expiry] = TASK_ID.exec(taskId) ?? [];
  return expiry === undefined ? 0 : parseInt(expiry, 36);
}

/** The oldest first, as ids tell; for `sort`. */
export function byBeginning(a: string, b: string): number {
  return begunAt(a) - begunAt(b) || Number(a > b) - Number(a < b);
}

function begunAt(taskId: string): number {
  const [, , beginning] = TASK_ID.exec(taskId) ?? [];
  return beginning === undefined ? 0 : parseInt(beginning, 36);
}

export class TaskRecords {
  readonly #vault: Vault;
  readonly #folder: string;
  /** What could not be written, so that it is not done all over again. */
  readonly #unsaved = new Map<string, TaskRecord>();
  /** Of tasks that are this process's to work on. */
  readonly #claims = new Map<string, Disposable>();

  constructor(vault: Vault) {
    this.#vault = vault;
    this.#folder = join(vault.folder, 'tasks');
  }

  async save(taskId: string, saved: TaskRecord): Promise<void> {
    await privateFolder(this.#folder);
    await this.#vault.write(this.#path(taskId), purpose(taskId), Buffer.from(JSON.stringify(saved)));
  }

  /**
   * Makes it this process's to work on: several may have one key store. What it says may have changed until then.
   * @returns whether it is; not if it is somebody's already
   */
  async claim(taskId: string): Promise<boolean> {
    await privateFolder(this.#folder);
    const lock = await tryLock(join(this.#folder, `${taskId}${CLAIM_SUFFIX}`));
    if (lock !== null) this.#claims.set(taskId, lock);
    return lock !== null;
  }

  /** Somebody else may work on it. */
  letGo(taskId: string): void {
    this.#claims.get(taskId)?.[Symbol.dispose]();
    this.#claims.delete(taskId);
  }

  letGoOfAll(): void {
    for (const taskId of [...this.#claims.keys()]) this.letGo(taskId);
  }

  /** What came of a task that was claimed: saved, or else in memory at least, and then others must leave it. */
  async end(taskId: string, ended: TaskRecord): Promise<void> {
    try {
      await this.save(taskId, ended);
    } catch {
      this.#unsaved.set(taskId, ended);
      return;
    }
    await this.#removeClaim(taskId);
  }

  /** Null if there is none, or its time is over. @throws ToolError ERROR_KEYSTORE_LOCKED */
  async load(taskId: string): Promise<TaskRecord | null> {
    if (expiryOf(taskId) <= Date.now()) return null;
    const unsaved = this.#unsaved.get(taskId);
    if (unsaved !== undefined) return unsaved;
    const bytes = await this.#vault.read(this.#path(taskId), purpose(taskId));
    if (bytes === null) return null;
    try {
      return record.parse(JSON.parse(bytes.toString('utf8')));
    } catch (cause) {
      throw new ToolError('ERROR_KEYSTORE_LOCKED', 'a task of the key store cannot be read', { cause });
    }
  }

  /** All of them. */
  async ids(): Promise<string[]> {
    return (await this.#named(SUFFIX)).filter(isTaskId);
  }

  /** Also of those whose record was never written. */
  async claimed(): Promise<string[]> {
    return (await this.#named(CLAIM_SUFFIX)).filter(isTaskId);
  }

  async remove(taskId: string): Promise<void> {
    this.#unsaved.delete(taskId);
    await this.#vault.remove(this.#path(taskId));
    await this.#removeClaim(taskId);
  }

  async #named(suffix: string): Promise<string[]> {
    const names = await readdir(this.#folder).catch(() => []);
    return names.filter((name) => name.endsWith(suffix)).map((name) => name.slice(0, -suffix.length));
  }

  async #removeClaim(taskId: string): Promise<void> {
    this.letGo(taskId);
    // Should somebody be about to work on it, that is seen from its record.
    await rm(join(this.#folder, `${taskId}${CLAIM_SUFFIX}`), { force: true }).catch(() => undefined);
  }

  #path(taskId: string): string {
    return join(this.#folder, `${taskId}${SUFFIX}`);
  }
}

function purpose(taskId: string): string {
  return `task/${taskId}`;
}

/** What is kept of an error, and what `answerOf` makes one of. */
export function failureOf({ code, message, remoteMessage, retryAfterMs }: ToolError): TaskRecord['failure'] {
  return {
    code,
    message,
    ...(remoteMessage === undefined ? {} : { remote_message: remoteMessage }),
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
  };
}

/** @throws ToolError of the call */
export function answerOf(found: TaskRecord | null): object {
  if (found === null) throw unknownTask();
  const { answer, failure } = found;
  if (answer !== null) return answer;
  if (failure === null) throw new ToolError('ERROR_SHUTTING_DOWN', 'the task goes on after a restart');
  const { code, message, remote_message: remoteMessage, retry_after_ms: retryAfterMs } = failure;
  throw new ToolError(code, message, {
    ...(remoteMessage === undefined ? {} : { remoteMessage }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

export function unknownTask(): ToolError {
  return new ToolError('ERROR_UNKNOWN_SESSION', 'there is no such task');
}

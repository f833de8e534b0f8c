/**
 * Evaluations as tasks. The session is the record, so that a task outlives the server, counts as a session does and ends with it; its id
 * names client, session and evaluation, with a seal that nobody else can make.
 */
import { timingSafeEqual } from 'node:crypto';
import { ToolError } from '../protocol/error-codes.ts';
import type { Task, TaskHandle, TaskPage, TaskStore } from '../protocol/task.ts';
import type { CallContext } from '../protocol/tool.ts';
import type { SessionRecord } from '../storage/records.ts';
import type { InferenceServices } from './services.ts';
import { answerOf } from './tools/inference-answer.ts';

/** `<client>.<session>.<time of queuing, ms>.<seal>` */
const TASK_ID = /^(?<name>([\w-]{1,128})\.([\w-]{1,128})\.(\d{1,16}))\.([\w-]{43})$/u;

export class SessionTasks implements TaskStore {
  readonly lists: boolean;
  readonly #services: InferenceServices;

  /** @param lists whether callers show a token */
  constructor(services: InferenceServices, lists: boolean) {
    this.#services = services;
    this.lists = lists;
  }

  async find(taskId: string, call: CallContext): Promise<TaskHandle> {
    const { authentication, sessions } = this.#services;
    const named = this.#read(taskId);
    if (named === null) throw unknownTask();
    const { clientId, sessionId, queuedAt } = named;
    try {
      await authentication.authenticateHolder(clientId, call);
    } catch (error) {
      // To others it is not there.
      if (error instanceof ToolError && error.code === 'ERROR_UNAUTHORIZED') throw unknownTask();
      throw error;
    }
    const record = await sessions.get(clientId, sessionId);
    if (record.queuedAt !== queuedAt) throw unknownTask();
    return this.of(record);
  }

  async list(call: CallContext, after: string | null, most: number): Promise<TaskPage> {
    const { clientId } = await this.#services.authentication.authenticateBearer(call);
    const last = after === null ? null : this.#read(after);
    if (after !== null && last?.clientId !== clientId)
      throw new ToolError('ERROR_INVALID_ARGUMENT', 'unknown cursor');
    // One more than the page tells whether there is another.
    const records = await this.#services.sessions.ordered(clientId, last, most + 1);
    return {
      tasks: await Promise.all(records.slice(0, most).map((record) => this.#taskOf(record))),
      more: records.length > most,
    };
  }

  async of(record: SessionRecord): Promise<TaskHandle> {
    const { clientId, sessionId } = record;
    const { sessions } = this.#services;
    return {
      task: await this.#taskOf(record),
      answer: async (report, signal) => {
        const ended = await sessions.wait(record, report, signal);
        if (ended.state === 'queued' || ended.state === 'running')
          throw new ToolError('ERROR_SHUTTING_DOWN', 'the evaluation goes on after a restart');
        return answerOf(ended, this.#services);
      },
      cancel: async () => this.#taskOf(await sessions.cancel(clientId, sessionId)),
    };
  }

  /** What an id of ours names, whether or not it is there; null for any other. */
  #read(taskId: string): { clientId: string; sessionId: string; queuedAt: number } | null {
    const [, name = '', clientId = '', sessionId = '', queuedAt = '', seal = ''] = TASK_ID.exec(taskId) ?? [];
    const expected = Buffer.from(this.#services.identity.seal(name));
    const given = Buffer.from(seal);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
    return { clientId, sessionId, queuedAt: Number(queuedAt) };
  }

  async #taskOf(record: SessionRecord): Promise<Task> {
    const { clientId, sessionId, expiresAt } = record;
    const createdAt = record.queuedAt ?? record.createdAt;
    const name = `${clientId}.${sessionId}.${createdAt}`;
    return {
      taskId: `${name}.${this.#services.identity.seal(name)}`,
      ...(await this.#standOf(record)),
      createdAt,
      updatedAt: Math.max(createdAt, record.updatedAt ?? 0),
      expiresAt,
    };
  }

  async #standOf(record: SessionRecord): Promise<Pick<Task, 'status' | 'message'>> {
    const { state, outcome } = record;
    switch (state) {
      case 'done':
        return { status: 'completed', message: 'evaluated' };
      case 'cancelled':
        return { status: 'cancelled', message: 'the evaluation was cancelled' };
      case 'failed':
      case 'staging':
        return {
          status: 'failed',
          message: outcome?.ok === false ? `${outcome.errorCode}: ${outcome.message}` : 'not evaluated',
        };
      case 'queued':
      case 'running': {
        const stand = await this.#services.sessions.stand(record);
        if (stand?.position.running === false)
          return { status: 'working', message: queued(stand.position.ahead) };
        return { status: 'working', message: stand?.progress?.activity ?? 'beginning' };
      }
    }
  }
}

function queued(ahead: number): string {
  if (ahead === 0) return 'next in the queue';
  return `${ahead} ${ahead === 1 ? 'evaluation' : 'evaluations'} ahead in the queue`;
}

function unknownTask(): ToolError {
  return new ToolError('ERROR_UNKNOWN_SESSION', 'this client has no such task');
}

/**
 * Evaluations as tasks. The session is the record, so that a task outlives the server, counts as a session does and ends with it; its id
 * names client, session and evaluation, with a seal that nobody else can make.
 */
import { timingSafeEqual } from 'node:crypto';
import { ToolError } from '../protocol/error-codes.ts';
import type { Task, TaskHandle, TaskStore } from '../protocol/task.ts';
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
    const [, name = '', clientId = '', sessionId = '', queuedAt = '', seal = ''] = TASK_ID.exec(taskId) ?? [];
    const { identity, authentication, sessions } = this.#services;
    const expected = Buffer.from(identity.seal(name));
    if (seal.length !== expected.length || !timingSafeEqual(Buffer.from(seal), expected)) throw unknownTask();
    try {
      authentication.authenticateHolder(clientId, call);
    } catch (error) {
      // To others it is not there.
      if (error instanceof ToolError && error.code === 'ERROR_UNAUTHORIZED') throw unknownTask();
      throw error;
    }
    const record = sessions.get(clientId, sessionId);
    if (record.queuedAt !== Number(queuedAt)) throw unknownTask();
    return this.of(record);
  }

  async list(call: CallContext): Promise<Task[]> {
    const { clientId } = this.#services.authentication.authenticateBearer(call);
    return this.#services.sessions
      .list(clientId)
      .filter(({ queuedAt }) => queuedAt !== null)
      .map((record) => this.#taskOf(record))
      .sort((a, b) => a.createdAt - b.createdAt || (a.taskId < b.taskId ? -1 : 1));
  }

  of(record: SessionRecord): TaskHandle {
    const { clientId, sessionId } = record;
    const { sessions } = this.#services;
    return {
      task: this.#taskOf(record),
      answer: async (report, signal) => {
        const ended = await sessions.wait(record, report, signal);
        if (ended.state === 'queued' || ended.state === 'running')
          throw new ToolError('ERROR_SHUTTING_DOWN', 'the evaluation goes on after a restart');
        return answerOf(ended, this.#services);
      },
      cancel: async () => this.#taskOf(await sessions.cancel(clientId, sessionId)),
    };
  }

  #taskOf(record: SessionRecord): Task {
    const { clientId, sessionId, expiresAt } = record;
    const createdAt = record.queuedAt ?? record.createdAt;
    const name = `${clientId}.${sessionId}.${createdAt}`;
    return {
      taskId: `${name}.${this.#services.identity.seal(name)}`,
      ...this.#standOf(record),
      createdAt,
      updatedAt: Math.max(createdAt, record.updatedAt ?? 0),
      expiresAt,
    };
  }

  #standOf(record: SessionRecord): Pick<Task, 'status' | 'message'> {
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
        const { position, activity } = this.#services.sessions.progress(record);
        const waits = position === null || position.running ? null : position.ahead;
        return { status: 'working', message: waits === null ? (activity ?? 'beginning') : queued(waits) };
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

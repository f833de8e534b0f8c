/** Tasks of the local server by themselves: a runner of the test's own stands for the tools, and nothing is encrypted but the records. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ToolError } from '../protocol/error-codes.ts';
import type { ToolReport } from '../protocol/tool.ts';
import { Vault } from '../vault/vault.ts';
import { CallTasks } from './call-tasks.ts';
import { CryptoServer } from './crypto-server.ts';
import type { CryptoServices } from './services.ts';

const HOUR = 3_600_000;
const UNKNOWN = { code: 'ERROR_UNKNOWN_SESSION' };
const SECRET = 'the image that nobody may know of';

/** A call that waits for the test. */
interface Call {
  readonly tool: string;
  readonly input: unknown;
  readonly signal: AbortSignal;
  readonly report: ToolReport;
  readonly resolve: (answer: object) => void;
  readonly reject: (error: Error) => void;
}

let base: string;
let vault: Vault;
let tasks: CallTasks;
let calls: Call[];
/** Codes of what was reported. */
let unreadable: string[];

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'he-compile-tasks-'));
  calls = [];
  unreadable = [];
  vault = await Vault.open(join(base, 'store'), { kind: 'key-file', path: join(base, 'vault.key') });
  tasks = open();
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await tasks[Symbol.asyncDispose]();
  vault[Symbol.dispose]();
  await rm(base, { recursive: true, force: true });
});

/** As another start of the server has them. */
function open(): CallTasks {
  return new CallTasks(
    vault,
    (tool, input, signal, report) =>
      new Promise((resolve, reject) => {
        calls.push({ tool, input, signal, report, resolve, reject });
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
    ({ code }) => unreadable.push(code),
  );
}

const waiting = new AbortController().signal;
const silent = (): void => undefined;

async function files(): Promise<string[]> {
  return (await readdir(join(base, 'store', 'tasks'))).map((name) => join(base, 'store', 'tasks', name));
}

describe('a task', () => {
  it('tells what it does, and has the answer of its call', async () => {
    const handle = await tasks.begin('tool', { image: SECRET }, undefined);
    const { taskId } = handle.task;
    expect(handle.task).toMatchObject({ status: 'working', message: 'beginning' });
    expect(calls).toMatchObject([{ tool: 'tool', input: { image: SECRET } }]);
    calls[0]!.report(0.125, 'encrypting');
    expect((await tasks.find(taskId)).task).toMatchObject({ message: 'encrypting (12 %)' });
    const heard: unknown[] = [];
    const answer = (await tasks.find(taskId)).answer((...report) => heard.push(report), waiting);
    calls[0]!.report(0.5, 'decrypting');
    calls[0]!.resolve({ ok: true, class: 3 });
    expect(await answer).toEqual({ ok: true, class: 3 });
    expect(heard).toEqual([[0.5, 'decrypting']]);
    const ended = await tasks.find(taskId);
    expect(ended.task).toMatchObject({ status: 'completed', message: 'done' });
    expect(await ended.answer(silent, waiting)).toEqual({ ok: true, class: 3 });
    expect(calls).toHaveLength(1);
  });

  it('that fails fails as its call does', async () => {
    const details = { remoteMessage: 'words', retryAfterMs: 7 };
    const error = new ToolError('ERROR_BUSY', 'the server refuses', details);
    const { task } = await tasks.begin('tool', {}, undefined);
    calls[0]!.reject(error);
    await vi.waitFor(async () => expect((await tasks.find(task.taskId)).task.status).toBe('failed'));
    const ended = await tasks.find(task.taskId);
    expect(ended.task.message).toBe('ERROR_BUSY: the server refuses');
    const { code, message } = error;
    await expect(ended.answer(silent, waiting)).rejects.toMatchObject({ code, message, ...details });
  });

  it('goes on when whoever waits for it leaves', async () => {
    const { task } = await tasks.begin('tool', {}, undefined);
    const leaving = new AbortController();
    const left = (await tasks.find(task.taskId)).answer(silent, leaving.signal);
    leaving.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    expect(calls[0]!.signal.aborted).toBe(false);
    calls[0]!.resolve({ ok: true });
    expect(await (await tasks.find(task.taskId)).answer(silent, waiting)).toEqual({ ok: true });
  });

  it('is cancelled with words, which tell it from a caller that is gone, and stays so', async () => {
    const handle = await tasks.begin('tool', {}, undefined);
    expect(await handle.cancel()).toMatchObject({ status: 'cancelled' });
    expect(calls[0]!.signal.reason).toBe('the task was cancelled');
    const ended = await tasks.find(handle.task.taskId);
    await expect(ended.answer(silent, waiting)).rejects.toMatchObject({ code: 'ERROR_CANCELLED' });
    expect(await ended.cancel()).toMatchObject({ status: 'cancelled' });
    expect(calls).toHaveLength(1);
  });

  it('is cancelled with its session', async () => {
    const { task } = await tasks.begin('tool', {}, undefined);
    calls[0]!.reject(new ToolError('ERROR_CANCELLED', 'the session was cancelled'));
    await vi.waitFor(async () => expect((await tasks.find(task.taskId)).task.status).toBe('cancelled'));
  });

  it('lies sealed in the key store, before it is begun and when it has ended', async () => {
    const { task } = await tasks.begin('tool', { image: SECRET }, undefined);
    const file = (await files()).find((name) => name.endsWith('.sealed'));
    expect(await readFile(file!, 'latin1')).not.toContain(SECRET);
    calls[0]!.resolve({ ok: true, logits: SECRET });
    await (await tasks.find(task.taskId)).answer(silent, waiting);
    expect(await readFile(file!, 'latin1')).not.toContain(SECRET);
    expect(await files()).toEqual([file]);
  });
});

describe('after another start', () => {
  it('what was interrupted goes on once somebody asks for it, and what has ended has its answer', async () => {
    const interrupted = await tasks.begin('tool', { session: 's' }, undefined);
    const ended = await tasks.begin('tool', {}, undefined);
    calls[1]!.resolve({ ok: true, class: 7 });
    await ended.answer(silent, waiting);
    await tasks[Symbol.asyncDispose]();
    // Not words: the work is not to be undone.
    expect(calls[0]!.signal.reason).toBeInstanceOf(ToolError);
    tasks = open();
    const found = await tasks.find(ended.task.taskId);
    expect(await found.answer(silent, waiting)).toEqual({ ok: true, class: 7 });
    expect(calls).toHaveLength(2);
    const [again] = await Promise.all([
      tasks.find(interrupted.task.taskId),
      tasks.find(interrupted.task.taskId),
    ]);
    expect(again.task).toMatchObject({ status: 'working', createdAt: interrupted.task.createdAt });
    expect(calls).toHaveLength(3);
    expect(calls[2]).toMatchObject({ tool: 'tool', input: { session: 's' } });
    calls[2]!.resolve({ ok: true, class: 3 });
    expect(await again.answer(silent, waiting)).toEqual({ ok: true, class: 3 });
  });

  it('what was at work goes on, though a stop has closed what it works with', async () => {
    const { task } = await tasks.begin('tool', {}, undefined);
    const close = (): void => calls[0]!.reject(new Error('the worker is closed'));
    const clients = { [Symbol.asyncDispose]: () => Promise.resolve(close()) };
    const services = { tasks, clients } as unknown as CryptoServices;
    const server = new CryptoServer({ services, version: '0', onError: () => undefined });
    await server[Symbol.asyncDispose]();
    await tasks[Symbol.asyncDispose]();
    tasks = open();
    expect((await tasks.find(task.taskId)).task.status).toBe('working');
    expect(calls).toHaveLength(2);
  });

  it('what was begun as the server stopped goes on, and not before', async () => {
    const write = vault.write.bind(vault);
    vi.spyOn(vault, 'write').mockImplementationOnce(async (...file) => {
      await write(...file);
      await tasks[Symbol.asyncDispose]();
    });
    const { task } = await tasks.begin('tool', {}, undefined);
    expect(calls).toHaveLength(0);
    tasks = open();
    expect((await tasks.find(task.taskId)).task.status).toBe('working');
    expect(calls).toHaveLength(1);
  });

  it('all are listed, the oldest first', async () => {
    const begun = [];
    for (let i = 0; i < 3; i++) begun.push((await tasks.begin('tool', {}, undefined)).task);
    await tasks[Symbol.asyncDispose]();
    tasks = open();
    const { tasks: listed } = await tasks.list(null, null, 10);
    expect(listed.map(({ taskId }) => taskId).sort()).toEqual(begun.map(({ taskId }) => taskId).sort());
    const times = listed.map(({ createdAt }) => createdAt);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });
});

describe('a list', () => {
  const firstPage = (most: number, after: string | null = null) => tasks.list(null, after, most);

  it('comes in pages, for which no other records are opened', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const begun: string[] = [];
    for (let i = 0; i < 5; i++) {
      // Those that are kept longer are not behind others.
      begun.push((await tasks.begin('tool', {}, (10 - i) * HOUR)).task.taskId);
      vi.setSystemTime(Date.now() + 1);
    }
    const reading = vi.spyOn(vault, 'read');
    const pages: string[][] = [];
    let more = true;
    for (let last: string | null = null; more; last = pages.at(-1)!.at(-1)!) {
      const page = await firstPage(2, last);
      pages.push(page.tasks.map(({ taskId }) => taskId));
      more = page.more;
      expect(reading.mock.calls.length).toBe(pages.flat().length);
    }
    expect(pages.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(pages.flat()).toEqual(begun);
    await expect(firstPage(2, 'no task')).rejects.toMatchObject({ code: 'ERROR_INVALID_ARGUMENT' });
  });

  it('leaves out what cannot be read, says so once, and keeps it', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const begun: string[] = [];
    for (let i = 0; i < 3; i++) {
      begun.push((await tasks.begin('tool', {}, undefined)).task.taskId);
      vi.setSystemTime(Date.now() + 1);
    }
    const damaged = join(base, 'store', 'tasks', `${begun[0]}.sealed`);
    const bytes = await readFile(damaged);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(damaged, bytes);
    await vault.write(
      join(base, 'store', 'tasks', `${begun[1]}.sealed`),
      `task/${begun[1]}`,
      Buffer.from('{'),
    );
    for (let again = 0; again < 2; again++) {
      const { tasks: listed, more } = await firstPage(1);
      expect(listed.map(({ taskId }) => taskId)).toEqual([begun[2]]);
      expect(more).toBe(false);
    }
    expect(unreadable).toEqual(['ERROR_KEYSTORE_LOCKED', 'ERROR_KEYSTORE_LOCKED']);
    expect(await readFile(damaged)).toEqual(bytes);
  });
});

describe('with another server on the key store', () => {
  let other: CallTasks;
  beforeEach(() => {
    other = open();
  });
  afterEach(() => other[Symbol.asyncDispose]());

  it('a task that one is at work on, the other leaves, and tells its end', async () => {
    const { task } = await tasks.begin('tool', {}, undefined);
    const found = await other.find(task.taskId);
    expect(found.task).toMatchObject({
      status: 'working',
      message: expect.stringContaining('another server') as string,
    });
    const answer = found.answer(silent, waiting);
    await expect(found.cancel()).rejects.toMatchObject({ code: 'ERROR_BUSY' });
    expect(calls).toHaveLength(1);
    calls[0]!.resolve({ ok: true, class: 3 });
    expect(await answer).toEqual({ ok: true, class: 3 });
    expect((await other.find(task.taskId)).task.status).toBe('completed');
    expect(calls).toHaveLength(1);
    expect((await files()).filter((file) => !file.endsWith('.sealed'))).toEqual([]);
  });

  it('one that was interrupted is taken up by one of those who are asked at once', async () => {
    const interrupted = await tasks.begin('tool', {}, undefined);
    await tasks[Symbol.asyncDispose]();
    tasks = open();
    const asked = [tasks, other, tasks, other].map((server) => server.find(interrupted.task.taskId));
    for (const { task } of await Promise.all(asked)) expect(task.status).toBe('working');
    expect(calls).toHaveLength(2);
  });

  it('one whose server stops is gone on with by who waits for it', async () => {
    const { task } = await tasks.begin('tool', {}, undefined);
    const answer = (await other.find(task.taskId)).answer(silent, waiting);
    await tasks[Symbol.asyncDispose]();
    await vi.waitFor(() => expect(calls).toHaveLength(2), 5000);
    calls[1]!.resolve({ ok: true, class: 5 });
    expect(await answer).toEqual({ ok: true, class: 5 });
  });
});

describe('the time of a task', () => {
  it.each([
    ['an hour unless asked otherwise', undefined, HOUR],
    ['as asked', 2 * HOUR, 2 * HOUR],
    ['a minute at least', 0, 60_000],
    ['whole milliseconds', 90_000.5, 90_000],
    ['a day at most', 1e15, 24 * HOUR],
  ])('is %s', async (_, asked, kept) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const handle = await tasks.begin('tool', {}, asked);
    const { taskId, createdAt, expiresAt } = handle.task;
    expect(expiresAt - createdAt).toBe(kept);
    vi.setSystemTime(expiresAt - 1);
    expect((await tasks.find(taskId)).task.status).toBe('working');
    vi.setSystemTime(expiresAt);
    await expect(tasks.find(taskId)).rejects.toMatchObject(UNKNOWN);
    expect(await tasks.list(null, null, 10)).toEqual({ tasks: [], more: false });
    expect(await files()).toEqual([]);
    expect(calls[0]!.signal.reason).toBe('the task has expired');
  });

  it('ends by itself: answers do not lie there until somebody asks, nor until they are begun anew', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] });
    await tasks[Symbol.asyncDispose]();
    tasks = open();
    for (const restart of [false, true]) {
      const { task } = await tasks.begin('tool', {}, undefined);
      calls.at(-1)!.resolve({ ok: true, logits: SECRET });
      await (await tasks.find(task.taskId)).answer(silent, waiting);
      vi.setSystemTime(task.expiresAt);
      if (restart) tasks = open();
      else await vi.advanceTimersByTimeAsync(60_000);
      await vi.waitFor(async () => expect(await files()).toEqual([]));
    }
  });

  it('does not come for what is no id: nothing is looked for', async () => {
    await tasks.begin('tool', {}, undefined);
    const reading = vi.spyOn(Vault.prototype, 'read');
    const far = (Date.now() + HOUR).toString(36);
    for (const id of ['', `${far}.short`, `${far}./../../${'x'.repeat(34)}`])
      await expect(tasks.find(id)).rejects.toMatchObject(UNKNOWN);
    expect(reading).not.toHaveBeenCalled();
    await expect(tasks.find(`${far}.${'x'.repeat(43)}`)).rejects.toMatchObject(UNKNOWN);
  });
});

describe('there are no more tasks', () => {
  it('at work than a remote server lets wait', async () => {
    for (let i = 0; i < 32; i++) await tasks.begin('tool', {}, undefined);
    await expect(tasks.begin('tool', {}, undefined)).rejects.toMatchObject({ code: 'ERROR_BUSY' });
    calls[0]!.resolve({ ok: true });
    await vi.waitFor(() => tasks.begin('tool', {}, undefined));
  });

  it('at work if they are begun at once', async () => {
    const begun = await Promise.allSettled(
      Array.from({ length: 40 }, () => tasks.begin('tool', {}, undefined)),
    );
    expect(begun.filter(({ status }) => status === 'fulfilled')).toHaveLength(32);
    expect(calls).toHaveLength(32);
  });

  it('at work when interrupted ones are asked for; those wait, and can be cancelled', async () => {
    const begun: string[] = [];
    for (let i = 0; i < 34; i++) {
      if (i === 32) {
        await tasks[Symbol.asyncDispose]();
        tasks = open();
      }
      begun.push((await tasks.begin('tool', {}, undefined)).task.taskId);
    }
    calls.splice(0, 32);
    const handles = await Promise.all(begun.map((taskId) => tasks.find(taskId)));
    expect(calls).toHaveLength(32);
    const [first, second] = handles.filter(({ task }) => task.message.startsWith('waits'));
    expect(await first!.cancel()).toMatchObject({ status: 'cancelled' });
    expect(calls).toHaveLength(32);
    const answer = second!.answer(silent, waiting);
    calls[0]!.resolve({ ok: true });
    await vi.waitFor(() => expect(calls).toHaveLength(33), 5000);
    calls[32]!.resolve({ ok: true, class: 3 });
    expect(await answer).toEqual({ ok: true, class: 3 });
  });

  it('kept than there may be', async () => {
    const { task } = await tasks.begin('tool', {}, undefined);
    const ids = Array.from(
      { length: 1024 },
      (_, i) => `${task.taskId.slice(0, -4)}${String(i).padStart(4, '0')}`,
    );
    const { TaskRecords } = await import('./task-records.ts');
    vi.spyOn(TaskRecords.prototype, 'ids').mockResolvedValue(ids);
    await expect(tasks.begin('tool', {}, undefined)).rejects.toMatchObject({ code: 'ERROR_QUOTA_EXCEEDED' });
  });
});

it('an answer that cannot be written is not worked out again', async () => {
  const { task } = await tasks.begin('tool', {}, undefined);
  vi.spyOn(Vault.prototype, 'write').mockRejectedValue(new Error('the disk is full'));
  calls[0]!.resolve({ ok: true, class: 3 });
  expect(await (await tasks.find(task.taskId)).answer(silent, waiting)).toEqual({ ok: true, class: 3 });
  expect((await tasks.find(task.taskId)).task.status).toBe('completed');
  expect(calls).toHaveLength(1);
  await expect(tasks.begin('tool', {}, undefined)).rejects.toThrow('the disk is full');
});

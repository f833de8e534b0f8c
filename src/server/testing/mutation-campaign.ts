/** Sends damaged messages to a server of its own process, and judges every answer: documented, without secrets, in time. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { isErrorCode } from '../protocol/error-codes.ts';
import type { Mutation, MutationKind } from './mutations.ts';
import { mutateBytes, mutateJson, mutation } from './mutations.ts';
import type { RawAnswer } from './raw-http.ts';
import { exchange } from './raw-http.ts';

const ENTRY = join(import.meta.dirname, 'mutation-target.ts');
const PATIENCE_MS = 20_000;
/** A damaged head may promise more than is sent; servers wait for it then. */
const HEAD_PATIENCE_MS = 300;
const REVISION = '2026-07-28';

export interface Message {
  readonly name: string;
  readonly method: string;
  readonly params: () => Record<string, unknown>;
  /** Signs what is called, and adds credentials. */
  readonly seal?: (params: Record<string, unknown>) => Record<string, unknown>;
  readonly kinds: readonly MutationKind[];
  /** Of so many rounds one is done: for files of many megabytes. */
  readonly every?: number;
  /** Sends damaged files by good messages; the answer of the last one. */
  readonly payload?: (mutated: Mutation) => Promise<unknown>;
}

export interface MessageReport {
  readonly message: string;
  readonly runs: number;
  /** Code or status → how often. */
  readonly answers: Readonly<Record<string, number>>;
  readonly slowestMs: number;
}

export interface MemoryReport {
  readonly beforeMiB: number;
  readonly afterMiB: number;
  readonly peakMiB: number;
}

export class MutationTarget implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #token: string | null;
  readonly #secrets: readonly string[];
  readonly #log: () => string;

  /** @param secrets texts that no answer may hold */
  static async start(
    args: readonly string[],
    token: string | null,
    secrets: readonly string[],
  ): Promise<MutationTarget> {
    const child = spawn(process.execPath, [ENTRY, 'serve', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    const url = await new Promise<string>((resolve, reject) => {
      child.stderr.on('data', (bytes: Buffer) => {
        log = (log + bytes.toString('utf8')).slice(-100_000);
        const found = /listening on (\S+)/.exec(log)?.[1];
        if (found !== undefined) resolve(found);
      });
      child.once('exit', () => reject(new Error(`the server did not start: ${log.slice(-2000)}`)));
    });
    return new MutationTarget(child, url, token, secrets, () => log);
  }

  private constructor(
    child: ChildProcess,
    url: string,
    token: string | null,
    secrets: readonly string[],
    log: () => string,
  ) {
    this.#child = child;
    this.url = url;
    this.#token = token;
    this.#secrets = secrets;
    this.#log = log;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resident memory of the server's process now, and the most since `forgetPeak`, MiB. */
  memory(): { now: number; peak: number } {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    const field = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
    return { now: field('VmRSS'), peak: field('VmHWM') };
  }

  /** @returns code or status of the answers, each of which has been judged */
  async attack(message: Message, rounds: number, seed: number): Promise<MessageReport> {
    const runs = Math.ceil(rounds / (message.every ?? 1));
    const answers: Record<string, number> = {};
    let slowestMs = 0;
    const attempt = async (mutated: Mutation): Promise<void> => {
      const begun = performance.now();
      const verdict =
        mutated.kind === 'payload'
          ? judgeAnswer(await message.payload!(mutated))
          : this.#judge(await this.#send(message, mutated), mutated.kind);
      slowestMs = Math.max(slowestMs, performance.now() - begun);
      answers[verdict] = (answers[verdict] ?? 0) + 1;
    };
    // Not a property: what is deeply nested could not be shown, and shrinking would ask the server again and again.
    for (const [round, mutated] of fc.sample(mutation(message.kinds), { seed, numRuns: runs }).entries()) {
      try {
        await attempt(mutated);
      } catch (cause) {
        throw new Error(
          `${message.name}, round ${round} of seed ${seed} (${mutated.kind}): ${String(cause)}`,
          {
            cause,
          },
        );
      }
    }
    return { message: message.name, runs, answers, slowestMs };
  }

  async #send(message: Message, { kind, edits }: Mutation): Promise<RawAnswer> {
    let params = message.params();
    if (kind === 'arguments')
      params = { ...params, arguments: mutateJson({ ...(params['arguments'] as object) }, edits) };
    if (message.seal !== undefined) params = message.seal(params);
    params['_meta'] = {
      ...(params['_meta'] as object | undefined),
      'io.modelcontextprotocol/protocolVersion': REVISION,
      'io.modelcontextprotocol/clientInfo': { name: 'mutations', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const call: unknown = { jsonrpc: '2.0', id: 'm', method: message.method, params };
    const text = JSON.stringify(kind === 'envelope' ? mutateJson(call, edits) : call);
    const body = kind === 'bytes' ? mutateBytes(Buffer.from(text), edits) : Buffer.from(text);
    const head = this.#head(message, params, body.length);
    if (kind !== 'headers') return exchange(this.url, head, body, PATIENCE_MS);
    return exchange(this.url, mutateBytes(head, edits), body, HEAD_PATIENCE_MS);
  }

  #head({ method }: Message, { name }: Record<string, unknown>, length: number): Buffer {
    const { host, pathname } = new URL(this.url);
    return Buffer.from(
      [
        `POST ${pathname} HTTP/1.1`,
        `Host: ${host}`,
        'Connection: close',
        'Content-Type: application/json',
        'Accept: application/json, text/event-stream',
        `MCP-Protocol-Version: ${REVISION}`,
        `Mcp-Method: ${method}`,
        ...(typeof name === 'string' ? [`Mcp-Name: ${name}`] : []),
        ...(this.#token === null ? [] : [`Authorization: Bearer ${this.#token}`]),
        `Content-Length: ${length}`,
        '',
        '',
      ].join('\r\n'),
    );
  }

  /** @throws Error for an answer that no client could make sense of, or that says too much */
  #judge({ status, text }: RawAnswer, kind: MutationKind): string {
    const fail = (why: string): Error =>
      new Error(`${why}: ${status} ${text.slice(-600)}\n${this.#log().slice(-1500)}`);
    if (!this.alive) throw fail('the server is gone');
    for (const secret of this.#secrets) if (text.includes(secret)) throw fail('an answer holds a secret');
    if (/node:internal|\.ts:\d+|\bat \w+ \(/.test(text))
      throw fail('an answer shows the inside of the server');
    if (status === 0) {
      if (kind !== 'headers') throw fail('no answer');
      return 'silence';
    }
    if (status >= 500) throw fail('an internal error');
    const code = /"error_code":"(\w+)"/.exec(text)?.[1];
    if (code !== undefined) {
      if (!isErrorCode(code) || code === 'ERROR_INTERNAL') throw fail('an undocumented code');
      return code;
    }
    const protocol = /"code":(-\d+)/.exec(text)?.[1];
    if (protocol === '-32603') throw fail('an internal error of the protocol');
    if (protocol !== undefined) return `${status} ${protocol}`;
    if (status >= 400 || status === 202 || text.includes('"result"')) return String(status);
    // The head was damaged into another request, which was answered.
    if (kind === 'headers') return `${status} other`;
    throw fail('neither result nor error');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    if (!this.alive) return;
    this.#child.kill('SIGKILL');
    await exited;
  }
}

/** Of an answer that came through a client. */
function judgeAnswer(answer: unknown): string {
  const { ok, error_code: code } = answer as { ok: boolean; error_code?: unknown };
  if (ok) return 'ok';
  if (!isErrorCode(code) || code === 'ERROR_INTERNAL')
    throw new Error(`an undocumented code: ${JSON.stringify(answer)}`);
  return code;
}

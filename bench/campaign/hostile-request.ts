/** One hostile request, as bytes that no client library would send; and how it ended. */
import { Agent, request } from 'node:http';
import type { AgentOptions } from 'node:http';
import { connect } from 'node:net';
import { randomInt } from 'node:crypto';

export interface HostileRequest {
  /** POST if left out. */
  readonly method?: string;
  /** /mcp if left out. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The body stops half-way, and the connection stays open for so long. */
  readonly stallMs?: number;
}

/** Tells an answer's status, or the protocol's error code where there is one. */
export type Ending = string;

const JSON_HEADERS = {
  'Content-Type': 'application/json',
  Accept: 'application/json, text/event-stream',
};
const KEPT_BYTES = 64 * 1024;
const GIVE_UP_MS = 120_000;

export class Sender implements Disposable {
  readonly #target: URL;
  readonly #agent: Agent;
  /** A proxy would write where a request came from; null: none does, and requests come from this machine's own address. */
  readonly #origins: number | null;

  /** @param origins addresses that requests pretend to come from; null: our own */
  constructor(url: string, connections: number, origins: number | null) {
    this.#target = new URL(url);
    const options: AgentOptions = { keepAlive: true, maxSockets: connections };
    this.#agent = new Agent(options);
    this.#origins = origins;
  }

  send(hostile: HostileRequest): Promise<Ending> {
    return hostile.stallMs === undefined ? this.#ask(hostile) : this.#stall(hostile, hostile.stallMs);
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #ask({ method = 'POST', path = '/mcp', headers = {}, body = '' }: HostileRequest): Promise<Ending> {
    const { hostname, port } = this.#target;
    return new Promise((resolve) => {
      const sent = request(
        {
          ...{ hostname, port, path, method, agent: this.#agent, timeout: GIVE_UP_MS },
          headers: {
            ...JSON_HEADERS,
            ...this.#forwarded(),
            ...(method === 'POST' ? { 'Content-Length': String(Buffer.byteLength(body)) } : {}),
            ...headers,
          },
        },
        (response) => {
          let text = '';
          response.on('data', (piece: Buffer) => {
            if (text.length < KEPT_BYTES) text += piece.toString('latin1');
          });
          response.on('end', () => resolve(endingOf(response.statusCode ?? 0, text)));
          response.on('error', () => resolve('broken off'));
        },
      );
      sent.on('timeout', () => sent.destroy());
      sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'no answer'));
      sent.end(method === 'POST' ? body : undefined);
    });
  }

  /** Does not wait: the next request follows while this one stands open. */
  #stall({ headers = {}, body = '' }: HostileRequest, stallMs: number): Promise<Ending> {
    const { hostname, port, host } = this.#target;
    return new Promise((resolve) => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => resolve('refused'));
      socket.on('connect', () => {
        const lines = Object.entries({ Host: host, ...JSON_HEADERS, ...this.#forwarded(), ...headers });
        socket.write(
          `POST /mcp HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}`,
        );
        if (body !== '') socket.write(`Content-Length: ${2 * body.length}\r\n\r\n${body}`);
        setTimeout(() => socket.destroy(), stallMs).unref();
        resolve('stalled');
      });
    });
  }

  #forwarded(): Record<string, string> {
    if (this.#origins === null) return {};
    const n = randomInt(this.#origins);
    return { 'X-Forwarded-For': `198.18.${n >> 8}.${n & 255}` };
  }
}

function endingOf(status: number, text: string): Ending {
  const code = /"error_code":"(\w+)"/.exec(text)?.[1];
  if (code !== undefined) return code;
  return status === 200 && text.includes('"error":{') ? '200, JSON-RPC error' : String(status);
}

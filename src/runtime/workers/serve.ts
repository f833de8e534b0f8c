/** The worker's end of a channel: runs one request after another. */
import { parentPort } from 'node:worker_threads';
import { InternalError } from '../../errors.ts';
import type { TransportedError } from './transported-error.ts';
import { transportError } from './transported-error.ts';

/** What a worker can be asked: method name → function of one argument. */
export type WorkerApi = Record<string, (argument: never) => unknown>;

export interface Request {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: TransportedError };

export function serve(api: WorkerApi): void {
  const port = parentPort;
  if (port === null) throw new InternalError('a worker entry was loaded in the main thread');
  let queue: Promise<void> = Promise.resolve();
  port.on('message', ({ id, method, argument }: Request) => {
    queue = queue.then(async () => {
      try {
        const handler = api[method];
        if (handler === undefined) throw new InternalError(`unknown worker method ${method}`);
        const result = await handler(argument as never);
        // Bytes are moved, not copied, where they own their buffer.
        const owned = result instanceof Uint8Array && result.byteLength === result.buffer.byteLength;
        port.postMessage({ id, result } satisfies Reply, owned ? [result.buffer as ArrayBuffer] : []);
      } catch (error) {
        port.postMessage({ id, error: transportError(error) } satisfies Reply);
      }
    });
  });
}

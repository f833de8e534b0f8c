/** What orchestrators and monitoring ask a worker: whether it lives, whether it takes work, its figures; and that it take no more. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ProtocolError } from '../../../errors.ts';
import type { ListenAddress } from '../../transport/listen-address.ts';
import { isLoopback } from '../../transport/listen-address.ts';
import type { ClusterWorker } from './cluster-worker.ts';

export interface OperatorPages {
  readonly url: string;
  /** Resolves when the worker was told to drain, and has. */
  readonly drained: Promise<void>;
}

/** Only this machine may tell a worker to drain; from elsewhere it is told by SIGTERM. @throws ProtocolError LISTEN_FAILED */
export async function listenForOperators(
  { host, port }: ListenAddress,
  worker: Pick<ClusterWorker, 'trouble' | 'metrics' | 'drain'>,
): Promise<OperatorPages> {
  let told = (): void => undefined;
  const drained = new Promise<void>((resolve) => (told = resolve));
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const answer = (status: number, body: string, type = 'application/json'): void => {
      response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(body);
    };
    const trouble = worker.trouble;
    const state = JSON.stringify({ status: trouble ?? 'ok' });
    if (request.method === 'GET' && pathname === '/healthz') return answer(200, state);
    if (request.method === 'GET' && pathname === '/readyz')
      return answer(trouble === null ? 200 : 503, state);
    if (request.method === 'GET' && pathname === '/metrics')
      return answer(200, worker.metrics(), 'text/plain; version=0.0.4');
    if (request.method === 'POST' && pathname === '/drain') {
      if (!isLoopback(request.socket.remoteAddress ?? '')) return answer(403, '{"status":"refused"}');
      void worker.drain().then(told);
      return answer(202, '{"status":"draining"}');
    }
    answer(404, '{"status":"not found"}');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new ProtocolError('LISTEN_FAILED', `${host}:${port} cannot be listened on`, { cause })),
    );
    server.listen(port, host, resolve);
  });
  // A worker ends with its work, not with who looks at it.
  server.unref();
  const { port: taken } = server.address() as AddressInfo;
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`, drained };
}

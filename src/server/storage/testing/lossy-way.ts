/** A way to PostgreSQL that can lose the answer to a commit: what was committed is there, and nobody has said so. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

export class LossyWay implements AsyncDisposable {
  readonly port: number;
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets = new Set<Socket>();
  #losses = 0;

  /** @param target port of the server on loopback, spoken to without TLS */
  static async to(target: number): Promise<LossyWay> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new LossyWay(server, target);
  }

  private constructor(server: ReturnType<typeof createServer>, target: number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (client) => this.#carry(client, connect(target, '127.0.0.1')));
  }

  /** Of the next commits, so many: each is carried out, then its connection ends in place of an answer. */
  loseCommits(count: number): void {
    this.#losses = count;
  }

  /** Losses that were asked for and have not come to pass. */
  get outstanding(): number {
    return this.#losses;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server.close(), 'close');
  }

  #carry(client: Socket, server: Socket): void {
    let lost = false;
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay();
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (bytes) => {
      // Nothing is sent before the answer to what went before, so that a commit has a packet of its own. By its end it is told
      // from the name of an isolation level.
      if (this.#losses > 0 && bytes.includes('COMMIT\0')) {
        this.#losses--;
        lost = true;
      }
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (lost) client.destroy();
      else client.write(bytes);
    });
  }
}

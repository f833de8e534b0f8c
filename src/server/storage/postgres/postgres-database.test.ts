import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { PostgresDatabase } from './postgres-database.ts';

/** https://www.postgresql.org/docs/current/protocol-message-formats.html */
function message(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + body.length);
  return Buffer.concat([Buffer.from(type), length, body]);
}

it('a server that ends a connection in the moment in which it is ready costs an attempt, not the process', async () => {
  let connections = 0;
  const fields = ['SFATAL', 'VFATAL', 'C57P01', 'Mterminating connection due to unexpected postmaster exit'];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      connections++;
      // All in one segment.
      socket.end(
        Buffer.concat([
          message('R', Buffer.alloc(4)),
          message('Z', Buffer.from('I')),
          message('E', Buffer.from(`${fields.join('\0')}\0\0`)),
        ]),
      );
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const opening = PostgresDatabase.open(`postgres://he@127.0.0.1:${port}/he`, { patienceMs: 1000 });
  await expect(opening).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  expect(connections).toBeGreaterThan(1);
  await new Promise((resolve) => server.close(resolve));
});

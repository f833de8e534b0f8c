/** HTTP as bytes on a socket, for requests that no client library would send. */
import { connect } from 'node:net';

export interface RawAnswer {
  /** 0 if the server closed the connection, or waited for more, without an answer. */
  readonly status: number;
  /** Everything that came, head included. */
  readonly text: string;
}

const LAST_CHUNK = '\r\n0\r\n\r\n';

/** @param patienceMs without a byte from the server before its silence is the answer */
export function exchange(
  url: string,
  head: Uint8Array,
  body: Uint8Array,
  patienceMs: number,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    const socket = connect(Number(port), hostname);
    const done = (): void => {
      socket.destroy();
      const text = Buffer.concat(pieces).toString('latin1');
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text });
    };
    socket.setTimeout(patienceMs, done);
    socket.on('data', (piece) => {
      pieces.push(piece);
      // Servers that keep the connection open end their answer with its length or with an empty chunk.
      if (isWhole(Buffer.concat(pieces))) done();
    });
    socket.once('close', done);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // A server may refuse and close while the rest of the request is still on its way.
      if (error.code === 'ECONNREFUSED') reject(error);
      else done();
    });
    socket.write(head);
    socket.write(body);
  });
}

function isWhole(bytes: Buffer): boolean {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const head = bytes.subarray(0, end).toString('latin1');
  if (/^HTTP\/1\.1 100/.test(head)) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) return bytes.length >= end + 4 + Number(length);
  return bytes.subarray(-LAST_CHUNK.length).toString('latin1') === LAST_CHUNK;
}

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { S3BlobStore } from './s3-blob-store.ts';

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'anybody');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'not-a-secret-of-anybody');
});
afterEach(() => vi.unstubAllEnvs());

it('reads anew what a server stopped sending halfway', async () => {
  const value = Buffer.alloc(1000, 7);
  let reads = 0;
  const server = createServer((request, response) => {
    if (request.url?.includes('list-type') === true) {
      response.end('<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>');
      return;
    }
    response.writeHead(200, { 'content-length': value.length });
    if (++reads === 1) response.write(value.subarray(0, 500));
    else response.end(value);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    using store = await S3BlobStore.open(`s3://blobs?endpoint=http://127.0.0.1:${port}`, { idleMs: 200 });
    expect(value.equals(await store.get('a/value'))).toBe(true);
    expect(reads).toBe(2);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

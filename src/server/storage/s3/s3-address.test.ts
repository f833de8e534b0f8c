import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readS3Address } from './s3-address.ts';

const NOTHING = {};

it('is Amazon’s where no endpoint is given', async () => {
  expect(await readS3Address('s3://he-compile', NOTHING)).toEqual({
    ...{ bucket: 'he-compile', prefix: '', endpoint: null, region: 'us-east-1' },
    ...{ pathStyle: false, authorities: null },
  });
  expect(await readS3Address('s3://he-compile', { AWS_REGION: 'eu-central-1' })).toMatchObject({
    region: 'eu-central-1',
  });
});

it('takes another store, a prefix and how the bucket is named', async () => {
  const address = 's3://he-compile/a/b-c/?endpoint=https://s3.example:9000&region=x-1&path-style=false';
  expect(await readS3Address(address, { AWS_REGION: 'y' })).toMatchObject({
    ...{ prefix: 'a/b-c/', endpoint: 'https://s3.example:9000', region: 'x-1', pathStyle: false },
  });
  expect(await readS3Address('s3://bucket?endpoint=https://s3.example', NOTHING)).toMatchObject({
    ...{ endpoint: 'https://s3.example', pathStyle: true },
  });
});

it.each(['http://127.0.0.1:7070', 'http://localhost:1', 'http://[::1]:1'])(
  'takes %s, which is this machine',
  async (endpoint) => {
    expect(await readS3Address(`s3://bucket?endpoint=${endpoint}`, NOTHING)).toMatchObject({ endpoint });
  },
);

it('takes plain http elsewhere with leave alone', async () => {
  const address = 's3://bucket?endpoint=http://store:7070';
  await expect(readS3Address(address, NOTHING)).rejects.toMatchObject({
    code: 'OBJECT_STORE_ADDRESS_INVALID',
  });
  await expect(readS3Address(`${address}&plain-http=false`, NOTHING)).rejects.toThrow('plain http');
  expect(await readS3Address(`${address}&plain-http=true`, NOTHING)).toMatchObject({
    endpoint: 'http://store:7070',
  });
});

it('reads authorities from a file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'he-compile-s3-'));
  const file = join(folder, 'ca.pem');
  await writeFile(file, 'PEM');
  expect(await readS3Address(`s3://bucket?ca-file=${file}`, NOTHING)).toMatchObject({ authorities: 'PEM' });
  await rm(folder, { recursive: true });
  await expect(readS3Address(`s3://bucket?ca-file=${file}`, NOTHING)).rejects.toThrow(
    'ca-file cannot be read',
  );
});

it.each([
  ['bucket', 'no URL'],
  ['https://bucket', 'begin with s3://'],
  ['s3://', 'no bucket'],
  ['s3://A_b', 'no bucket'],
  ['s3://user:secret-of-somebody@bucket', 'credentials are no part of it'],
  ['s3://bucket:99', 'port'],
  ['s3://bucket#x', 'fragment'],
  ['s3://bucket/a b', 'prefix'],
  ['s3://bucket/a//b', 'prefix'],
  ['s3://bucket?endpint=https://x', 'parameter "endpint"'],
  ['s3://bucket?region=a&region=b', '"region" twice'],
  ['s3://bucket?region=a/b', 'region is none'],
  ['s3://bucket?path-style=yes', 'neither true nor false'],
  ['s3://bucket?endpoint=s3.example', 'endpoint is'],
  ['s3://bucket?endpoint=ftp://s3.example', 'not https'],
  ['s3://bucket?endpoint=https://user:secret-of-somebody@s3.example', 'more than'],
  ['s3://bucket?endpoint=https://s3.example/path', 'more than'],
])('refuses %s, and says why without what may be secret', async (address, why) => {
  const error = await readS3Address(address, NOTHING).then(
    () => null,
    (thrown: unknown) => thrown as Error,
  );
  expect(error).toMatchObject({ code: 'OBJECT_STORE_ADDRESS_INVALID' });
  expect(error?.message).toContain(why);
  expect(JSON.stringify(error) + error!.message).not.toContain('secret-of-somebody');
});

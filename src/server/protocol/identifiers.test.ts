/** Names and bytes from outside: the longest that is taken, and one more. */
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { ToolError } from './error-codes.ts';
import {
  authToken,
  base64Length,
  chunkIndex,
  chunkText,
  clientId,
  decodeChunk,
  fileName,
  HIGHEST_CHUNK_BYTES,
  keyReference,
  MAX_CHUNKS,
  modelId,
  publicKeyText,
  sessionId,
  sha256,
  sha256Of,
  totalChunks,
} from './identifiers.ts';

const HEX = '0123456789abcdef'.repeat(4);

describe.each<[string, z.ZodType, unknown[], unknown[]]>([
  [
    'a client’s name',
    clientId,
    ['a', 'Z-9_', 'x'.repeat(128)],
    ['', 'x'.repeat(129), 'a b', 'a/b', 'ä', '.', 'a\n'],
  ],
  ['a session’s name', sessionId, ['a', 'x'.repeat(128)], ['', 'x'.repeat(129), 'a/b', 'a.b']],
  [
    'a file’s name',
    fileName,
    ['a', '_', 'input-1.hect', 'x'.repeat(128)],
    ['', '.hidden', '-flag', '..', 'a/b', 'a\\b', 'x'.repeat(129), 'a\n', ' a'],
  ],
  ['a model’s name', modelId, ['m', 'ä'.repeat(200)], ['', 'm'.repeat(201)]],
  [
    'a key’s name',
    keyReference,
    [`hekey:${HEX}`],
    [HEX, `hekey:${HEX}0`, `hekey:${HEX.slice(1)}`, `xhekey:${HEX}`, `hekey:${HEX.toUpperCase()}`],
  ],
  ['a digest', sha256, [HEX], [`${HEX}0`, HEX.slice(1), HEX.toUpperCase(), `${HEX.slice(1)}g`]],
  [
    'a token',
    authToken,
    ['a'.repeat(16), 'Z9-_'.repeat(64)],
    ['a'.repeat(15), 'a'.repeat(257), `${'a'.repeat(16)}=`],
  ],
  ['an index', chunkIndex, [0, MAX_CHUNKS - 1], [-1, MAX_CHUNKS, 0.5, '0']],
  ['a number of chunks', totalChunks, [1, MAX_CHUNKS], [0, MAX_CHUNKS + 1, 1.5]],
  [
    'a public key',
    publicKeyText,
    [Buffer.alloc(44, 0xfb).toString('base64')],
    [Buffer.alloc(43).toString('base64'), Buffer.alloc(47).toString('base64'), `${'-'.repeat(59)}=`],
  ],
])('%s', (_what, schema, taken, refused) => {
  it.each(taken)('may be %j', (value) => expect(schema.safeParse(value).success).toBe(true));
  it.each(refused)('may not be %j', (value) => expect(schema.safeParse(value).success).toBe(false));
});

describe('a chunk', () => {
  const code = (text: string, maxBytes = 10): string => {
    try {
      return decodeChunk(text, maxBytes).toString('latin1');
    } catch (error) {
      return (error as ToolError).code;
    }
  };
  const bytes = (count: number): string => Buffer.alloc(count, 'a').toString('base64');

  it.each([8, 9, 10])('of %i bytes of at most ten is taken, whatever its padding', (count) => {
    expect(code(bytes(count))).toBe('a'.repeat(count));
  });

  it.each([11, 12, 13])('of %i bytes of at most ten is too large, whatever its padding', (count) => {
    expect(code(bytes(count))).toBe('ERROR_CHUNK_TOO_LARGE');
  });

  it.each([
    ['empty', ''],
    ['unpadded', 'YQ'],
    ['padded too much', 'YWFh===='],
    ['of the alphabet of URLs', '_-_-'],
    ['broken into lines', 'YWFh\nYWFh'],
    ['with bits that are not zero after its end', 'YR=='],
    ['followed by anything', 'YQ==YQ=='],
  ])('that is %s is no strict Base64', (_what, text) => {
    expect(code(text)).toBe('ERROR_CHUNK_INVALID');
  });

  it('a little too large has room in the schema, so that it gets a code of its own', () => {
    expect(base64Length(1)).toBe(4);
    expect(base64Length(3)).toBe(4);
    expect(base64Length(4)).toBe(8);
    const most = base64Length(HIGHEST_CHUNK_BYTES);
    expect(chunkText.safeParse('A'.repeat(most + 4)).success).toBe(true);
    expect(chunkText.safeParse('A'.repeat(most + 5000)).success).toBe(false);
  });
});

it('SHA-256 is that of FIPS 180-4', () => {
  expect(sha256Of(Buffer.from('abc'))).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
});

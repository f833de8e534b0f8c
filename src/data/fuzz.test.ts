/** Seeded mutations of valid files: every parser returns or throws an ArtifactError, quickly, whatever the bytes. */
import jpeg from 'jpeg-js';
import { describe, expect, it } from 'vitest';
import { ArtifactError } from '../errors.ts';
import { decodeImage } from './decode-image.ts';
import { parseIdx } from './idx.ts';
import { parseNpy } from './npy.ts';
import { gunzipBounded } from './read-file.ts';
import { parseTensorJson } from './tensor-json.ts';
import { parseTensorProto } from './tensor-proto.ts';
import { gzipSync } from 'node:zlib';
import { bytesOf, idxFile, npyFile, pngFile, tensorProtoFile } from './testing/sample-files.ts';

const floats = bytesOf(Float32Array.from({ length: 12 }, (_, i) => i / 3));
const pixels = Uint8Array.from({ length: 8 * 8 * 3 }, (_, i) => (i * 37) % 256);
const photo = jpeg.encode({ data: Buffer.alloc(16 * 16 * 4, 90), width: 16, height: 16 }, 80).data;

const TARGETS: readonly (readonly [string, Uint8Array, (bytes: Uint8Array) => unknown])[] = [
  ['npy', npyFile('<f4', [3, 4], floats), (bytes) => parseNpy(bytes, 'fuzz')],
  ['npy, Fortran order', npyFile('<f4', [3, 4], floats, true, 2), (bytes) => parseNpy(bytes, 'fuzz')],
  ['pb', tensorProtoFile([3, 4], 1, floats), (bytes) => parseTensorProto(bytes, 'fuzz')],
  [
    'json',
    Buffer.from('{"shape": [2, 2], "data": [[1, 2], [3, 4.5]]}'),
    (bytes) => parseTensorJson(bytes, 'fuzz'),
  ],
  ['idx', idxFile([2, 3, 4], new Uint8Array(24)), (bytes) => parseIdx(bytes, 3, 'fuzz')],
  ['gzip', gzipSync(floats), (bytes) => gunzipBounded(bytes, 1000, 'fuzz')],
  ['png', pngFile(8, 8, 3, pixels), (bytes) => decodeImage(bytes, 'fuzz')],
  ['jpeg', photo, (bytes) => decodeImage(bytes, 'fuzz')],
];

const ROUNDS = 400;

describe('parsers of untrusted bytes', () => {
  it.each(TARGETS)('%s: mutated files are read or refused, never crash', (_name, valid, parse) => {
    expect(() => parse(valid)).not.toThrow();
    const random = randomSource(7);
    let refused = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const mutated = mutate(valid, random);
      try {
        parse(mutated);
      } catch (error) {
        expect(error, `round ${round}: ${String(error)}`).toBeInstanceOf(ArtifactError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(ROUNDS / 20);
  });
});

function mutate(valid: Uint8Array, random: (below: number) => number): Uint8Array {
  const bytes = Buffer.from(valid);
  switch (random(4)) {
    case 0:
      return bytes.subarray(0, random(bytes.length));
    case 1:
      return Buffer.concat([bytes, Buffer.alloc(1 + random(20), random(256))]);
    case 2:
      for (let i = random(4); i >= 0; i--) bytes[random(bytes.length)]! ^= 1 << random(8);
      return bytes;
    default:
      for (let i = random(8); i >= 0; i--)
        bytes[random(Math.min(bytes.length, 64))] = [0, 0xff, 0x7f, 0x80][random(4)]!;
      return bytes;
  }
}

function randomSource(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

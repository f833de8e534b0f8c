import { describe, expect, it } from 'vitest';
import { parseNpy } from './npy.ts';
import { bytesOf, npyFile } from './testing/sample-files.ts';

const values = [1, 2, 3, 4, 5, 6];

describe('parseNpy', () => {
  it.each([
    ['<f4', new Float32Array(values)],
    ['<f8', new Float64Array(values)],
    ['|u1', new Uint8Array(values)],
    ['|i1', new Int8Array(values)],
    ['<i4', new Int32Array(values)],
    ['<i8', new BigInt64Array(values.map(BigInt))],
  ])('reads %s', (descr, data) => {
    const tensor = parseNpy(npyFile(descr, [2, 3], bytesOf(data)), 'x.npy');
    expect(tensor.shape).toEqual([2, 3]);
    expect([...tensor.values]).toEqual(values);
    expect(tensor.values instanceof Uint8Array).toBe(descr === '|u1');
    expect(tensor.type).toBe(descr.includes('f') ? 'float' : 'int');
  });

  it.each([1, 2, 3])('reads version %i', (version) => {
    const file = npyFile('<f4', [6], bytesOf(new Float32Array(values)), false, version);
    expect([...parseNpy(file, 'x.npy').values]).toEqual(values);
  });

  it('reads big-endian numbers', () => {
    const data = Buffer.alloc(8);
    data.writeFloatBE(1.5, 0);
    data.writeFloatBE(-2, 4);
    expect([...parseNpy(npyFile('>f4', [2], data), 'x.npy').values]).toEqual([1.5, -2]);
  });

  it('turns Fortran order into row-major order', () => {
    // a[i][j][k] = 100 i + 10 j + k, stored with the first index fastest
    const stored: number[] = [];
    for (let k = 0; k < 4; k++)
      for (let j = 0; j < 3; j++) for (let i = 0; i < 2; i++) stored.push(100 * i + 10 * j + k);
    const tensor = parseNpy(npyFile('<f8', [2, 3, 4], bytesOf(new Float64Array(stored)), true), 'x.npy');
    expect(tensor.values[0]).toBe(0);
    expect(tensor.values[1]).toBe(1);
    expect(tensor.values[4]).toBe(10);
    expect(tensor.values[12 + 2 * 4 + 3]).toBe(123);
  });

  it('does not read 64-bit integers that doubles cannot hold', () => {
    const data = bytesOf(new BigInt64Array([2n ** 60n]));
    expect(() => parseNpy(npyFile('<i8', [1], data), 'x.npy')).toThrow(/2\^53/);
  });

  it.each([
    ['trailing bytes', npyFile('<f4', [1], new Uint8Array(5)), 'NPY_DAMAGED'],
    ['too few bytes', npyFile('<f4', [2], new Uint8Array(4)), 'NPY_DAMAGED'],
    ['a huge shape', npyFile('<f4', [2 ** 31, 2 ** 31], new Uint8Array(4)), 'NPY_DAMAGED'],
    ['no signature', new Uint8Array(100), 'NPY_DAMAGED'],
    ['objects', npyFile('|O', [1], new Uint8Array(8)), 'NPY_UNSUPPORTED'],
    ['NaN', npyFile('<f4', [1], bytesOf(new Float32Array([Number.NaN]))), 'DATA_NOT_FINITE'],
  ])('refuses %s', (_what, file, code) => {
    expect(() => parseNpy(file, 'x.npy')).toThrow(expect.objectContaining({ code }));
  });
});

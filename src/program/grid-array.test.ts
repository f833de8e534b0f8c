import { describe, expect, it } from 'vitest';
import { describeGrid, expandGrid } from './grid-array.ts';

function grid(outer: number, inner: number, at: (i: number, k: number) => number): Int32Array {
  return Int32Array.from({ length: outer * inner }, (_, e) => at(Math.floor(e / inner), e % inner));
}

describe('grid arrays', () => {
  it.each([
    ['a batch in slots', grid(100, 50, (i, k) => 4096 * k + i)],
    ['row-major order', grid(1, 784, (_, k) => k)],
    ['rows with gaps', grid(28, 28, (i, k) => 7 + 32 * i + k)],
    ['a constant', grid(1, 99, () => 5)],
    ['steps down', grid(10, 10, (i, k) => 1000 - 50 * i - k)],
  ])('describes %s in five numbers', (_, array) => {
    const description = describeGrid(array);
    expect(description).toHaveLength(5);
    expect(expandGrid(JSON.parse(JSON.stringify(description)), () => undefined)).toEqual(array);
  });

  it.each([
    ['short arrays', Int32Array.from({ length: 63 }, (_, i) => i)],
    ['the empty array', new Int32Array(0)],
    ['three nested steps', grid(100, 10, (i, k) => 1000 * Math.floor(i / 10) + 17 * (i % 10) + k)],
    ['one element out of place', grid(10, 10, (i, k) => (i === 9 && k === 9 ? 0 : 100 * i + k))],
    ['a row too short', grid(1, 65, (_, k) => (k < 64 ? k : 0))],
  ])('leaves %s alone', (_, array) => {
    expect(describeGrid(array)).toBeNull();
  });

  it.each([
    ['no list', 'x'],
    ['four numbers', [0, 1, 1, 1]],
    ['fractions', [0, 1.5, 1, 2, 1]],
    ['words', [0, 1, 1, 2, 'x']],
    ['negative counts', [0, -2, 1, -2, 1]],
    ['more than any layout holds', [0, 2 ** 20, 1, 2 ** 20, 1]],
  ])('refuses %s', (_, description) => {
    expect(expandGrid(description, () => undefined)).toBeNull();
  });
});

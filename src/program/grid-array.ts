/** Arrays of integers that count in two nested steps, described by a handful of numbers. */

/** Shorter arrays are not worth it. */
const LEAST_LENGTH = 64;

/** No honest layout has more elements. */
const MAX_LENGTH = 2 ** 28;

/** start + i · outerStep + k · innerStep for i < outerCount and, faster, k < innerCount. */
export type GridDescription = [
  start: number,
  outerCount: number,
  outerStep: number,
  innerCount: number,
  innerStep: number,
];

/** Null if the array is too short or does not count in such steps. */
export function describeGrid(array: Int32Array): GridDescription | null {
  const { length } = array;
  if (length < LEAST_LENGTH) return null;
  const start = array[0]!;
  const innerStep = array[1]! - start;
  let innerCount = 2;
  while (innerCount < length && array[innerCount]! - array[innerCount - 1]! === innerStep) innerCount++;
  if (length % innerCount !== 0) return null;
  const outerCount = length / innerCount;
  const outerStep = outerCount === 1 ? 0 : array[innerCount]! - start;
  for (let i = 0, at = 0; i < outerCount; i++) {
    for (let k = 0; k < innerCount; k++, at++) {
      if (array[at] !== start + i * outerStep + k * innerStep) return null;
    }
  }
  return [start, outerCount, outerStep, innerCount, innerStep];
}

/**
 * In shared memory, as all arrays of a program that was read; null if an untrusted description is none.
 * @param take is told how many bytes it will have, and may throw
 */
export function expandGrid(description: unknown, take: (bytes: number) => void): Int32Array | null {
  if (!Array.isArray(description) || description.length !== 5) return null;
  const numbers = description as unknown[];
  if (!numbers.every((entry) => Number.isInteger(entry) && Math.abs(entry as number) < 2 ** 31)) return null;
  const [start, outerCount, outerStep, innerCount, innerStep] = numbers as GridDescription;
  if (outerCount < 1 || innerCount < 1 || outerCount * innerCount > MAX_LENGTH) return null;
  take(4 * outerCount * innerCount);
  const array = new Int32Array(new SharedArrayBuffer(4 * outerCount * innerCount));
  for (let i = 0, at = 0; i < outerCount; i++) {
    for (let k = 0; k < innerCount; k++) array[at++] = start + i * outerStep + k * innerStep;
  }
  return array;
}

import { expect, it } from 'vitest';
import { galoisElement } from './galois-element.ts';

it('is 3 to the step, modulo 2N', () => {
  expect([0, 1, 2, 3].map((step) => galoisElement(step, 8192))).toEqual([1, 3, 9, 27]);
  expect(galoisElement(10, 8192)).toBe(59049 % 16384);
});

it('names every rotation differently, and a whole turn is none', () => {
  const slots = 512;
  const elements = Array.from({ length: slots }, (_, step) => galoisElement(step, 2 * slots));
  expect(new Set(elements).size).toBe(slots);
  expect(galoisElement(slots, 2 * slots)).toBe(1);
});

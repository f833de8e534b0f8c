import { expect, it } from 'vitest';
import {
  formatBits,
  formatBytes,
  formatCount,
  formatEscapes,
  formatMs,
  formatPercent,
  formatSignificant,
} from './format.ts';

it('writes numbers as people read them', () => {
  expect(formatBytes(23_600_000)).toBe('23.6 MB');
  expect(formatBytes(999_600)).toBe('1 MB');
  expect(formatBytes(12)).toBe('12 B');
  expect(formatMs(0.0421)).toBe('42.1 µs');
  expect(formatMs(2140)).toBe('2.14 s');
  expect(formatMs(240_000)).toBe('4 min');
  expect(formatMs(null)).toBe('–');
  expect(formatSignificant(0.000012345, 2)).toBe('1.2e-5');
  expect(formatSignificant(1200, 3)).toBe('1200');
  expect(formatSignificant(2.5, 4)).toBe('2.5');
  expect(formatPercent(0.98765)).toBe('98.77 %');
  expect(formatBits(17.42)).toBe('17.4 bits');
  expect(formatBits(Number.POSITIVE_INFINITY)).toBe('–');
  expect(formatCount(16384)).toBe('16\u2009384');
});

it('says how often values escape, and from where they are refused', () => {
  expect(formatEscapes({ inputsWithEscapes: 0.0025 })).toBe('0.25 %');
  expect(formatEscapes({ inputsWithEscapes: 0, escapeBound: 0.003 })).toBe('0.00 % (at most 0.3 %)');
  expect(formatEscapes({ inputsWithEscapes: 0, refusedFrom: 1.28 })).toBe(
    '0.00 %, refused from 1.3 × the range',
  );
});

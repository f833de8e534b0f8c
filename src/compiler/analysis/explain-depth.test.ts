import { expect, it } from 'vitest';
import { explainDepth } from './explain-depth.ts';

const EMPTY = { name: 'empty', nodes: [], outputs: [], levels: [], length: { depth: 0, refreshed: null } };

it('says how many levels are needed, and how many there are', () => {
  const demand = { depth: 200, outputBound: 8, security: 128, precision: 10 } as const;
  const { code, message, hint } = explainDepth(EMPTY, demand, 'seal');
  expect(code).toBe('DEPTH_EXCEEDED');
  expect(message).toMatch(/needs 200 levels; .* the longest chain \(N = \d+\) has \d\d$/);
  expect(hint).toContain('--precision below 10');
});

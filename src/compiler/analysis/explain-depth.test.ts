import { expect, it } from 'vitest';
import { explainDepth } from './explain-depth.ts';

const EMPTY = { name: 'empty', nodes: [], outputs: [] };

it('blames outputs that leave no room for any chain', () => {
  const demand = { depth: 3, outputBound: 2 ** 90, security: 128, precision: 10 } as const;
  const { code, hint } = explainDepth(EMPTY, [], demand, 'seal');
  expect(code).toBe('DEPTH_EXCEEDED');
  expect(hint).toContain('outputs of up to 2^90');
});

it('does not where the model is only deep', () => {
  const demand = { depth: 200, outputBound: 8, security: 128, precision: 10 } as const;
  expect(explainDepth(EMPTY, [], demand, 'seal').hint).not.toContain('outputs of up to');
});

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ONNX_OPERATORS } from './operators.ts';
import { supportedOperatorsMarkdown } from './supported-ops.ts';

const FILE = new URL('../../../SUPPORTED-OPS.md', import.meta.url);

it('SUPPORTED-OPS.md is what the descriptions say (else run scripts/generate-supported-ops.ts)', () => {
  expect(readFileSync(FILE, 'utf8')).toBe(supportedOperatorsMarkdown());
});

it('lists every operator once', () => {
  const text = supportedOperatorsMarkdown();
  for (const { name } of ONNX_OPERATORS) expect(text.split(`| [${name}](`).length, name).toBe(2);
});

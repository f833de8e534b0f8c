import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { federationMarkdown } from '../scripts/federation-document.ts';
import { parsePolicy } from '../src/server/federation/policy-file.ts';

const DOCUMENT = readFileSync(new URL('../docs/federation.md', import.meta.url), 'utf8');

it('docs/federation.md has the tables that the code decides by; run node scripts/generate-federation-docs.ts', () => {
  expect(federationMarkdown(DOCUMENT)).toBe(DOCUMENT);
  // Something stands between the marks.
  expect(DOCUMENT).toContain('| `health`');
});

it('docs/federation.md has a policy file that is taken', () => {
  const [, policy] = /```json\n(\{\n {2}"federation"[^]*?)```/u.exec(DOCUMENT)!;
  expect(parsePolicy(policy!)).toMatchObject({ federation: 'retina', protection: { epsilon: 4 } });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROTOCOL_MANIFEST } from './protocol-manifest.ts';

const ROOT = join(import.meta.dirname, '..');
const LINES = 29;

it('the manifest has every numbered line once, in order', () => {
  expect(PROTOCOL_MANIFEST.map(({ id }) => id)).toEqual(Array.from({ length: LINES }, (_, i) => i + 1));
});

it.each(PROTOCOL_MANIFEST.map((line) => [`${line.id} ${line.section} ${line.sentence}`, line] as const))(
  '%s',
  (_name, { tests }) => {
    expect(tests.length).toBeGreaterThan(0);
    for (const [file, title] of tests) {
      expect(readFileSync(join(ROOT, file), 'utf8').includes(title), `"${title}" in ${file}`).toBe(true);
    }
  },
);

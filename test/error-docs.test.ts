import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { collectCodes, errorsMarkdown } from '../scripts/error-codes.ts';
import { ERROR_TABLE } from '../src/server/protocol/error-codes.ts';

it('docs/errors.md is what the sources say (else run scripts/generate-error-docs.ts)', () => {
  expect(readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8')).toBe(errorsMarkdown());
});

it('every code of the protocol’s table has a place where it is raised, or stands for an error of the library', () => {
  const raised = collectCodes().protocol;
  const translation = readFileSync(
    new URL('../src/server/protocol/translate-error.ts', import.meta.url),
    'utf8',
  );
  for (const code of Object.keys(ERROR_TABLE)) {
    expect(raised.has(code) || translation.includes(`'${code}'`), code).toBe(true);
  }
});

it('finds codes of every kind of error', () => {
  const { library } = collectCodes();
  const classes = new Set([...library.values()].flatMap((code) => [...code.classes]));
  expect(classes.size).toBe(7);
  expect(library.size).toBeGreaterThan(50);
});

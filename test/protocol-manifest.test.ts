import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROTOCOL_MANIFEST } from './protocol-manifest.ts';
import { activeTitles } from './test-titles.ts';

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
      const titles = activeTitles(readFileSync(join(ROOT, file), 'utf8'));
      expect(
        titles.some((active) => active.includes(title)),
        `"${title}" among the tests of ${file} that run`,
      ).toBe(true);
    }
  },
);

describe('a line is not held by', () => {
  it.each([
    ['a skipped test', `it.skip('held', () => {});`],
    ['a test that is to be written', `it.todo('held');`],
    ['a test that is expected to fail', `it.fails('held', () => {});`],
    ['a test that may be skipped', `it.skipIf(true)('held', () => {});`],
    ['a skipped table of tests', `it.skip.each(['held'])('%s', () => {});`],
    ['a test of a skipped suite', `describe.skip('suite', () => { it('held', () => {}); });`],
    [
      'a test deep in a skipped suite',
      `describe.skip('suite', () => { describe('inner', () => { it('held', () => {}); }); });`,
    ],
    ['a test with the option to skip it', `it('held', { skip: true }, () => {});`],
    ['a test that skips itself', `it('held', (context) => { context.skip(); });`],
    ['a test without a body', `it('held');`],
    ['a comment', `// it('held', () => {});`],
    ['a text elsewhere', `const text = 'held'; it('other', () => {});`],
    ['a test beside the only one', `it.only('other', () => {}); it('held', () => {});`],
  ])('%s', (_what, source) => {
    expect(activeTitles(source)).not.toContain('held');
  });

  it.each([
    ['a test', `it('held', () => {});`],
    [
      'a test of a suite',
      `describeNative('suite', () => { describe('inner', () => { test('held', async () => {}); }); });`,
    ],
    ['a row of a table', `it.each([['held', 1], ['other', 2]])('%s', (name) => {});`],
    [
      'a row of a table of its own',
      `const rows: [string, number][] = [['held', 1]]; it.each(rows)('%s', (name) => {});`,
    ],
    ['the title of a table', `it.each([1, 2])('held', (n) => {});`],
  ])('but by %s', (_what, source) => {
    expect(activeTitles(source)).toContain('held');
  });
});

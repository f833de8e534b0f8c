import { expect, it } from 'vitest';
import { ImportError } from '../../src/errors.ts';
import { presentError } from './present-error.ts';
import { printable } from './printable.ts';

it('leaves ordinary text alone, whatever its script', () => {
  const text = 'wrote Modell-ünï-模型.hemodel (12 kB)\n  to do: nothing … █░';
  expect(printable(text)).toBe(text);
});

it('makes control characters and turned writing visible', () => {
  expect(printable('Foo\u001b[2J\rok\u009b1m\u202egnp')).toBe('Foo\\u001b[2J\\u000dok\\u009b1m\\u202egnp');
});

it('shortens words that no path is as long as', () => {
  const shown = printable(`node ${'n'.repeat(20_000)}_7 fails`);
  expect(shown.length).toBeLessThan(300);
  expect(shown).toMatch(/^node n+…n+_7 fails$/);
});

it('guards the text of errors, not their JSON document', () => {
  const error = new ImportError('UNSUPPORTED_OPERATOR', 'operator Foo\u001b[2J is not supported', {
    node: 'evil\u001b[2J',
  });
  const { text, document } = presentError(error, false);
  expect(text).not.toContain('\u001b');
  expect(document.error.message).toBe(error.message);
});

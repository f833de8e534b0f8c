import { expect, it } from 'vitest';
import { oneLine } from './untrusted-text.ts';

it('words of others are one line of bounded length, without what is not seen', () => {
  expect(oneLine('a cat', 10)).toBe('a cat');
  expect(oneLine('Ångström 猫 ½', 20)).toBe('Ångström 猫 ½');
  expect(oneLine('  a\n\n# Now do this:\r\n\tcall\u2028it\u0000 ', 100)).toBe('a # Now do this: call it');
  expect(oneLine('safe\u202Eevil\u2066\u{E0041}\u200Bx\u001B[31m', 100)).toBe('safe evil x [31m');
  expect(oneLine('x'.repeat(10), 10)).toBe('x'.repeat(10));
  expect(oneLine('x'.repeat(11), 10)).toBe(`${'x'.repeat(9)}…`);
  expect([...oneLine('😺'.repeat(20), 10)]).toHaveLength(10);
  expect(oneLine(' '.repeat(1e6) + 'far', 10).length).toBeLessThanOrEqual(10);
});

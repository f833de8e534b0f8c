import { expect, it } from 'vitest';
import { readmeWithTable } from './readme-table.ts';

it('the tables of README.md say what bench/results says', () => {
  const { current, expected } = readmeWithTable();
  // Column widths are the formatter's business.
  const squeeze = (text: string): string => text.replace(/ +/g, ' ').replace(/-{3,}/g, '---');
  expect(squeeze(current)).toBe(squeeze(expected));
});

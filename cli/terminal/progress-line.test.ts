import { expect, it } from 'vitest';
import { ProgressLine } from './progress-line.ts';

function capture(isTTY: boolean): {
  stream: { isTTY: boolean; columns: number; write: (text: string) => boolean };
  text: () => string;
} {
  let written = '';
  const write = (text: string): boolean => {
    written += text;
    return true;
  };
  return { stream: { isTTY, columns: 60, write }, text: () => written };
}

it('writes a line per stage where there is no terminal', () => {
  const { stream, text } = capture(false);
  const line = new ProgressLine(stream);
  line.report('pack', 0);
  line.report('pack', 0.5);
  line.report('encode', 0);
  line.note('done');
  line.clear();
  expect(text()).toBe('pack …\nencode …\ndone\n');
});

it('redraws one line on a terminal, not too often, within its width', () => {
  const { stream, text } = capture(true);
  let now = 0;
  const line = new ProgressLine(stream, () => now);
  line.report('a very long name of a stage that does not fit on the line', 0);
  for (let i = 1; i < 100; i++) {
    now += 1;
    line.report('a very long name of a stage that does not fit on the line', i / 100);
  }
  const draws = text().split('\r\u001b[2K').slice(1);
  expect(draws).toHaveLength(2);
  for (const draw of draws) expect(draw.length).toBeLessThan(60);
  expect(text()).not.toContain('\n');
});

import { expect, it } from 'vitest';
import { worksAlone } from './works-alone.ts';

it.each([
  ['an aggregator', ['federate', '--template', 'demo', '--policy', 'p'], true],
  ['the demonstration of a federation', ['federate', 'demo', '--json'], false],
  ['with an option before it', ['--json', 'federate', 'demo'], false],
  ['a worker, which drains', ['work', '--database', 'postgres://h/d'], true],
  ['a decryptor', ['decryptor', '--key', 'k'], true],
  ['its help', ['federate', 'demo', '--help'], true],
  ['the other demonstration', ['demo'], false],
  ['a model called like a server', ['./serve'], false],
])('%s', (_what, argv, alone) => {
  expect(worksAlone(argv)).toBe(alone);
});

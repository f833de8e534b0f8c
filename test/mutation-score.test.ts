import { expect, it } from 'vitest';
import { draw } from '../scripts/mutation-sample.ts';
import { estimateOf, scoreOf } from '../scripts/mutation-score.ts';

it('a mutation score counts what no test runs as not seen, and what cannot be tried not at all', () => {
  const statuses = [
    'Killed',
    'Killed',
    'Timeout',
    'Survived',
    'NoCoverage',
    'Ignored',
    'CompileError',
    'RuntimeError',
  ];
  const mutants = statuses.map((status) => ({ status }));
  const { files, ...whole } = scoreOf({ files: { b: { mutants }, a: { mutants: [{ status: 'Killed' }] } } });
  expect(whole).toEqual({ mutants: 6, seen: 4, survived: 2, uncovered: 1, ignored: 1, score: 66.6 });
  expect(Object.keys(files)).toEqual(['a', 'b']);
  expect(files['b']).toMatchObject({ mutants: 5, seen: 3, score: 60 });
  expect(scoreOf({ files: {} }).score).toBe(100);
});

it('a sample is drawn by its seed alone, whatever the order and names of the faults, and its score has an interval', () => {
  const faults = Array.from({ length: 50 }, (_, line) => ({
    id: `${line}`,
    fileName: 'a.ts',
    location: { start: { line, column: 1 } },
    mutatorName: 'm',
    replacement: '',
  }));
  const first = draw(faults, { size: 10, seed: 1 });
  expect(first.size).toBe(10);
  expect(draw(faults.toReversed(), { size: 10, seed: 1 })).toEqual(first);
  expect(draw(faults, { size: 10, seed: 2 })).not.toEqual(first);
  expect(draw(faults, { size: 60, seed: 1 }).size).toBe(50);

  const status = (name: string, count: number) => Array.from({ length: count }, () => ({ status: name }));
  const mutants = [
    ...status('Killed', 80),
    ...status('NoCoverage', 20),
    ...status('Ignored', 7),
    ...status('CompileError', 900),
  ];
  // Wilson (1927) for 80 of 100: 71.1 % to 86.7 %.
  expect(estimateOf({ files: { a: { mutants } } }, 3)).toMatchObject({
    sample: { seed: 3, of: 1000, interval: [71.1, 86.7] },
    mutants: 100,
    score: 80,
  });
});

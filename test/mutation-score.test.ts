import { expect, it } from 'vitest';
import { scoreOf } from '../scripts/mutation-score.ts';

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

import { expect, it } from 'vitest';
import type { LocalResult } from '../../client/local-cryptography.ts';
import { resultAnswer, resultOf } from './result-answer.ts';

function result(lengths: readonly number[], labels: readonly string[] = []): LocalResult {
  const outputs = lengths.map((length, i) => ({
    name: `output ${i}`,
    shape: [1, length],
    data: Array.from({ length }, (_, k) => k),
  }));
  return { outputs, labels, winner: lengths[0]! - 1, scheme: 'CKKS', precisionBits: 10 };
}

it('a result is no larger than a host bears, and says what it leaves out', () => {
  const small = resultOf(result([10]), undefined);
  expect(small.logits).toHaveLength(10);
  expect(small).not.toHaveProperty('omitted_values');

  const large = resultOf(result([1e6], Array<string>(1e5).fill('x'.repeat(100))), 1000);
  expect(resultAnswer.parse(large)).toEqual(large);
  expect(large.logits).toHaveLength(4096);
  expect(large.omitted_values).toBe(1e6 - 4096);
  expect(JSON.stringify(large).length).toBeLessThan(300_000);
  // Of all values, not of those that are shown.
  expect(large.class).toMatchObject({ index: 1e6 - 1 });
  expect(large.top_k![0]).toMatchObject({ index: 1e6 - 1, score: 1e6 - 1 });

  const several = resultOf(result([3, 3, 3]), undefined, 4);
  expect(several.outputs!.map(({ data }) => data)).toEqual([[0, 1, 2], [0], []]);
  expect(several.omitted_values).toBe(5);
  expect(resultOf(result([3, 3]), undefined, 6)).not.toHaveProperty('omitted_values');
});

it('a result names the fields whose words are not ours', () => {
  const answer = resultOf(result([2], ['a', 'b']), 1);
  expect(answer.untrusted_text).toEqual(expect.arrayContaining(['class.label', 'top_k.label', 'labels']));
});

/** A sample of what the slow campaign does with each message of all servers. */
import { expect, it } from 'vitest';
import {
  attackAggregator,
  attackAggregatorOfSums,
  attackInferenceServer,
  attackLocalServer,
} from '../testing/mutation-world.ts';

const ROUNDS = 10;
const SEED = 20_261_121;

it.each([
  ['the inference server', attackInferenceServer],
  ['the local server', attackLocalServer],
  ['the aggregator', attackAggregator],
  ['the aggregator of encrypted sums', attackAggregatorOfSums],
] as const)(
  '10 mutations of each message: %s answers with a documented code, and works on',
  async (_which, attack) => {
    const { messages, afterwards } = await attack(ROUNDS, SEED);
    for (const { message, runs, answers } of messages) {
      const total = Object.values(answers).reduce((sum, count) => sum + count, 0);
      expect(total, message).toBe(runs);
    }
    expect(afterwards).toMatchObject({ ok: true });
  },
  300_000,
);

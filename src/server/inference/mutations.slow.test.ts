/** A thousand mutations of every message of all servers, with the memory that they cost. */
import { expect, it } from 'vitest';
import {
  attackAggregator,
  attackAggregatorOfSums,
  attackInferenceServer,
  attackLocalServer,
} from '../testing/mutation-world.ts';

const ROUNDS = 1000;
const SEED = 4;
/** Room for the collector: the largest message is 1.4 MB of text, and a thousand of them have been dropped. */
const GROWTH_MIB = 256;

it.each([
  ['the inference server', attackInferenceServer],
  ['the local server', attackLocalServer],
  ['the aggregator', attackAggregator],
  ['the aggregator of encrypted sums', attackAggregatorOfSums],
] as const)(
  'a thousand mutations of each message: %s answers with a documented code, works on, and its memory stays bounded',
  async (which, attack) => {
    const { messages, memory, seconds, afterwards } = await attack(ROUNDS, SEED);
    process.stdout.write(`${JSON.stringify({ which, rounds: ROUNDS, seconds, memory, messages })}\n`);
    for (const { message, runs, answers } of messages) {
      const total = Object.values(answers).reduce((sum, count) => sum + count, 0);
      expect(total, message).toBe(runs);
      // Damage that is never noticed would mean that nothing was damaged.
      expect(
        Object.keys(answers).some((answer) => answer !== 'ok'),
        message,
      ).toBe(true);
    }
    expect(memory.afterMiB - memory.beforeMiB).toBeLessThan(GROWTH_MIB);
    expect(afterwards).toMatchObject({ ok: true });
  },
  3_600_000,
);

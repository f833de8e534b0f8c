import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { names, roundTerms, SimulatedRound } from './testing/simulated-round.ts';
import type { LastStep } from './testing/simulated-round.ts';

interface Setting {
  readonly n: number;
  readonly half: number;
  readonly dropouts: readonly (readonly [number, LastStep])[];
  readonly seed: number;
}

/** Any integers: the sum is one modulo 2^32. */
function drawnUpdates(all: readonly string[], length: number, seed: number): Map<string, Int32Array> {
  let state = seed >>> 0;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
  return new Map(all.map((name) => [name, Int32Array.from({ length }, () => next() | 0)]));
}

function plainSum(updates: Iterable<Int32Array>, length: number): Int32Array {
  const sum = new Int32Array(length);
  for (const update of updates) update.forEach((value, i) => (sum[i] = sum[i]! + value));
  return sum;
}

const bytes = (array: Int32Array | Uint32Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

describe('a round', () => {
  it.each([10, 65_536, 65_537, 200_000])('opens the plain sum of all: %i elements', async (length) => {
    const terms = roundTerms({ form: { length, clip: 1, norm: 'l2', scale: 100_000 } });
    const all = names(5);
    const updates = drawnUpdates(all, length, 1);
    const round = new SimulatedRound(terms, all);
    const sum = await round.run((name) => updates.get(name)!);
    expect(Buffer.compare(bytes(sum), bytes(plainSum(updates.values(), length)))).toBe(0);
    expect(round.aggregator.stage).toBe('opened');
    // Nothing that was sent is near what was to be hidden.
    for (const name of all) expect(round.vectors.get(name)).not.toEqual(new Uint32Array(updates.get(name)!));
  });

  it('opens the plain sum of the survivors or none, whoever drops out where', async () => {
    const step = fc.constantFrom<LastStep>('advertise', 'share', 'mask', 'confirm', 'reveal');
    const setting = fc.record({
      n: fc.integer({ min: 5, max: 11 }),
      half: fc.integer({ min: 2, max: 6 }),
      dropouts: fc.array(fc.tuple(fc.nat(10), step), { maxLength: 3 }),
      seed: fc.integer(),
    });
    let opened = 0;
    const property = async ({ n, half, dropouts, seed }: Setting): Promise<void> => {
      const all = names(n);
      const last = new Map(dropouts.map(([who, step]) => [all[who % n]!, step]));
      const terms = roundTerms({ neighbours: 2 * half, minSurvivors: 4 });
      const updates = drawnUpdates(all, 10, seed);
      const round = new SimulatedRound(terms, all, last);
      try {
        const sum = await round.run((name) => updates.get(name)!);
        const survivors = round.at('mask').map(({ name }) => updates.get(name)!);
        expect(sum).toEqual(plainSum(survivors, 10));
        opened++;
      } catch (error) {
        expect(error).toMatchObject({ code: 'FEDERATION_ROUND_ABORTED' });
        expect(round.aggregator.stage).toBe('aborted');
        expect(round.aggregator.aborted?.reason).toMatch(/^too-few-/);
      }
    };
    await fc.assert(fc.asyncProperty(setting, property), { numRuns: 30, seed: 1 });
    expect(opened).toBeGreaterThan(8);
  }, 120_000);
});

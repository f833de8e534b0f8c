import { describe, expect, it } from 'vitest';
import { CleartextAlgebra } from './cleartext-algebra.ts';
import { SINE, evaluateSine, sineDepth, sineOf } from './evaluate-sine.ts';

/** t = I + z / 4, for all I that an ephemeral secret leaves and |z| ≤ 1. */
const ARGUMENTS = Float64Array.from({ length: 1024 }, (_, i) => (i % 31) - 15 + Math.sin(i) / 4);

describe('the sine of bootstrapping', () => {
  it('has the period of the integers, to 27 bits', () => {
    for (const t of ARGUMENTS)
      expect(Math.abs(sineOf(t / SINE.range, SINE) - Math.sin(2 * Math.PI * t))).toBeLessThan(2 ** -27);
  });

  it('is what the operations on ciphertexts compute', () => {
    const top = sineDepth(SINE) + 1;
    const primes = Array.from({ length: top + 1 }, (_, level) => 2 ** 41 * (1 + level / 1000));
    const algebra = new CleartextAlgebra(ARGUMENTS.length, primes);
    const slots = ARGUMENTS.map((t) => t / SINE.range);
    const y = evaluateSine(algebra, SINE, top, { level: top, scale: 2 ** 41, degree: 1, slots });
    expect(y).toMatchObject({ level: 1, degree: 1 });
    for (const [i, x] of slots.entries()) expect(y.slots[i]).toBeCloseTo(sineOf(x, SINE), 9);
  });
});

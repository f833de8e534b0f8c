import { describe, expect, it } from 'vitest';
import {
  sealCiphertextBytes,
  sealKeyBytes,
  sealKeyFileBytes,
  sealMemory,
  sealProcessBytes,
} from './memory-model.ts';
import { ProgramBuilder } from './testing/program-builder.ts';
import { randomLinear, seededRandom } from './testing/random-instructions.ts';
import { testParameters } from './testing/test-parameters.ts';

describe('memory model', () => {
  it('agrees with the measured size of keys and ciphertexts', () => {
    // N = 16384, 11 data primes: a seeded key was measured at 17.43 MB, half of the key in memory.
    const parameters = testParameters(16384, [40, ...Array<number>(10).fill(33)], 59, 33);
    expect(sealKeyBytes(parameters) / 2 / 1e6).toBeCloseTo(17.3, 1);
    expect(sealCiphertextBytes(parameters, 10)).toBe(2 * 11 * 16384 * 8);
  });

  it('counts keys once and what is alive at the worst moment', () => {
    const parameters = testParameters(8192, [46, 38, 38], 58, 38);
    const builder = new ProgramBuilder(parameters);
    const shape = { sources: 1, outputs: 1, babySteps: 4, giantSteps: 2, style: 'direct' as const };
    const x = builder.input(1);
    const y = builder.linear([x], randomLinear(seededRandom(1), builder.slotCount, shape));
    const program = builder.build([y]);
    const memory = sealMemory(program, parameters);
    expect(memory.keyBytes).toBeCloseTo(1.05 * 4 * sealKeyBytes(parameters), 0);
    const plaintexts = 8 * 3 * 8192 * 8;
    expect(memory.plaintextBytes).toBeCloseTo(1.05 * plaintexts, 0);
    expect(memory.ciphertextBytes).toBeGreaterThan(5 * sealCiphertextBytes(parameters, 2));
    expect(memory.totalPerWorker).toBeGreaterThan(
      memory.keyBytes + memory.ciphertextBytes + memory.contextBytes,
    );
    // Outside the heap: the process, the program twice, and the keys' files.
    const once = program.rotationKeys.length * sealKeyFileBytes(parameters);
    expect(memory.processBytes - once).toBeGreaterThan(100 * 2 ** 20 + 2 * 8 * 4096 * 8);
    const peak = (budget: number): number => sealProcessBytes(memory, memory.plaintextBytes, budget);
    // A worker for each of two threads, or only one where no more fit; what heaps grow by in advance is counted once.
    const one = peak(memory.processBytes + 1.5 * memory.totalPerWorker) - memory.processBytes;
    expect(one).toBe(memory.totalPerWorker + memory.plaintextBytes);
    expect(peak(2 ** 40) - memory.processBytes).toBe(2 * one - 96 * 2 ** 20);
    const squared = builder.build([builder.polynomial(y, [[0, 0]], { unitLeading: true })]);
    expect(sealMemory(squared, parameters).keyBytes).toBeCloseTo(1.05 * 5 * sealKeyBytes(parameters), 0);
  });
});

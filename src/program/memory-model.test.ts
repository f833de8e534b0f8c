import { describe, expect, it } from 'vitest';
import {
  lastUses,
  sealCiphertextBytes,
  sealContextBytes,
  sealKeyBytes,
  sealKeyFileBytes,
  sealLevelEncoderBytes,
  sealMemory,
  sealPlaintextBytes,
  sealProcessBytes,
  slotVectorBytes,
} from './memory-model.ts';
import { operandsOf } from './program.ts';
import { fromDense } from './slot-vector.ts';
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

describe('what SEAL holds for itself', () => {
  const parameters = testParameters(8192, [46, 38, 38], 58, 38);
  const exact = { ...parameters, plainModuli: [65537n, 114689n] };
  const LIMB = 8192 * 8;

  it('is a plaintext of one polynomial, a ciphertext of two', () => {
    expect(sealPlaintextBytes(parameters, 2)).toBe(3 * LIMB);
    expect(sealCiphertextBytes(parameters, 0)).toBe(2 * LIMB);
    expect(sealKeyBytes(parameters)).toBe(3 * 2 * 4 * LIMB);
  });

  it('is tables for every number of primes, twice for each plain modulus of exact schemes', () => {
    const tables = (4 + 3 + 2 + 1) * 8 * LIMB;
    expect(sealContextBytes(parameters)).toBe((16 + 96) * 2 ** 20 + tables);
    expect(sealContextBytes(exact)).toBe((16 + 96) * 2 ** 20 + 4 * tables);
    expect(sealLevelEncoderBytes(parameters)).toBe((3 + 5 + 7) * 8 * LIMB);
    expect(sealLevelEncoderBytes(exact)).toBe(0);
    expect(sealKeyFileBytes(exact)).toBe(sealKeyBytes(parameters));
  });

  it('is at a product two operands, their copies and what relinearization holds, and the result', () => {
    const builder = new ProgramBuilder(parameters);
    const [x, y] = [builder.input(2), builder.input(2, 1)];
    const product = builder.product(x, y);
    const program = builder.build([product]);
    const memory = sealMemory(program, parameters);
    // At level 2 one operand, at level 1 the other and four more, at level 0 the result.
    const [top, middle, bottom] = [2, 1, 0].map((level) => sealCiphertextBytes(parameters, level));
    expect(memory.ciphertextBytes).toBeCloseTo(1.05 * (2 * top! + (2 + 4) * middle! + 2 * bottom!), 0);
    expect(memory.plaintextBytes).toBe(0);
    expect(memory.keyBytes).toBeCloseTo(1.05 * sealKeyBytes(parameters), 0);
  });

  it('is no more of what nobody reads any longer', () => {
    const builder = new ProgramBuilder(parameters);
    const x = builder.input(1);
    const once = builder.product(x, x);
    const twice = builder.product(once, once);
    const program = builder.build([twice]);
    expect(lastUses(program)).toEqual([0, 1, 2]);
    expect(program.instructions.map(operandsOf)).toEqual([
      [0, 0],
      [1, 1],
    ]);
    const [top, middle, bottom] = [2, 1, 0].map((level) => sealCiphertextBytes(parameters, level));
    const expected = (1 + 4) * top! + (1 + 4) * middle! + bottom!;
    expect(sealMemory(program, parameters).ciphertextBytes).toBeCloseTo(1.05 * expected, 0);
  });

  it('is each plaintext once, however often it is used, and none for nought', () => {
    const longer = testParameters(8192, [40, 38, 38, 38], 58, 38);
    const builder = new ProgramBuilder(longer);
    const vector = fromDense(new Float64Array(builder.slotCount).fill(3));
    const sparse = fromDense(
      Float64Array.from({ length: builder.slotCount }, (_, slot) => (slot === 7 ? 1 : 0)),
    );
    const x = builder.input(1);
    const terms = [vector, vector, 0.5, sparse].map((diagonal) => ({ baby: 0, diagonal }));
    const mapped = builder.linear([x], {
      babies: [{ source: 0, step: 0, from: -1, via: [] }],
      outputs: [{ giants: [{ step: 0, into: -1, via: [], terms }], reductions: [], bias: sparse }],
    });
    const program = builder.build([builder.polynomial(mapped, [[vector, 0, 2, 2]])]);
    expect(slotVectorBytes(program)).toBe(8 * builder.slotCount + (8 + 4));
    const plaintexts = 2 * sealPlaintextBytes(longer, 3) + 2 * sealPlaintextBytes(longer, 2);
    expect(sealMemory(program, longer).plaintextBytes).toBeCloseTo(1.05 * plaintexts, 0);
  });
});

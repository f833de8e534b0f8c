import { describe, expect, it } from 'vitest';
import { fileKeyBytes, nativeKeyBytes, packedBytes } from './native-keys.ts';
import {
  type NativeMemory,
  nativeMemory,
  nativePlaintextRoom,
  nativePoolBytes,
  refreshDiagonals,
} from './native-memory.ts';
import type { LinearInstruction } from './program.ts';
import type { SlotVector } from './slot-vector.ts';
import { checkParameters, type CkksParameters } from './security.ts';
import { ProgramBuilder } from './testing/program-builder.ts';
import { randomLinear, seededRandom } from './testing/random-instructions.ts';
import { refreshableParameters, testParameters } from './testing/test-parameters.ts';

const LIMB = 8192 * 8;

describe('the native memory model', () => {
  // Five data primes in digits of 2, two special primes.
  const parameters = testParameters(8192, [33, 25, 25, 25, 25], [30, 30], 25, 3);

  it('truncates keys to the level where they are used', () => {
    expect(fileKeyBytes(parameters, 4)).toBe(3 * 2 * 7 * LIMB);
    expect(fileKeyBytes(parameters, 3)).toBe(2 * 2 * 6 * LIMB);
    expect(fileKeyBytes(parameters, 0)).toBe(1 * 2 * 3 * LIMB);
    // The prime of 33 bits takes five bytes, each of the others four.
    expect(nativeKeyBytes(parameters, 4)).toBe(3 * 2 * (5 + 6 * 4) * 8192);
    expect(nativeKeyBytes(parameters, 3)).toBe(2 * 2 * (5 + 5 * 4) * 8192);
    expect(nativeKeyBytes(parameters, 0)).toBe(1 * 2 * (5 + 2 * 4) * 8192);
  });

  it('adds up the keys that the program lists, and what its instructions hold', () => {
    const shape = { sources: 1, outputs: 1, babySteps: 4, giantSteps: 2, style: 'direct' as const };
    const builder = new ProgramBuilder(parameters);
    const x = builder.input(1);
    const y = builder.linear([x], randomLinear(seededRandom(1), builder.slotCount, shape));
    const squared = builder.polynomial(y, [[0, 0]], { unitLeading: true });
    const program = builder.build([squared]);
    expect(program.rotationKeys).toEqual([1, 2, 3, 4].map((step) => ({ step, level: 4 })));
    expect(program.relinearizationLevel).toBe(3);
    const memory = nativeMemory(program, parameters);
    expect(memory.keyBytes).toBe(4 * nativeKeyBytes(parameters, 4) + nativeKeyBytes(parameters, 3));
    // Eight diagonals in the extended basis of 7 limbs, and a bias.
    expect(memory.plaintextBytes).toBe(8 * packedBytes(parameters, 4) + 4 * LIMB);
    expect(memory.ciphertextBytes).toBe((2 * 5 + 2 * 4) * LIMB);
    expect(memory.workspaceBytes).toBeGreaterThan(2 * 7 * LIMB);
    expect(memory.total).toBeGreaterThan(memory.keyBytes + memory.ciphertextBytes + memory.workspaceBytes);
  });

  it('holds the digits of everything that is rotated on, on a way of several steps, too', () => {
    const memoryWith = (via: readonly number[]): number => {
      const builder = new ProgramBuilder(parameters);
      const x = builder.input(1);
      const shape = { sources: 1, outputs: 1, babySteps: 4, giantSteps: 2, style: 'direct' as const };
      const program = builder.build([
        builder.linear([x], randomLinear(seededRandom(1), builder.slotCount, shape)),
      ]);
      const [linear] = program.instructions as [LinearInstruction];
      const babies = linear.babies.map((baby) => (baby.step === 3 ? { ...baby, via } : baby));
      return nativeMemory({ ...program, instructions: [{ ...linear, babies }] }, parameters).workspaceBytes;
    };
    // At level 4: five limbs and three digits, and the first polynomial in the extended basis of seven.
    expect(memoryWith([1, 1, 1]) - memoryWith([3])).toBe(2 * (5 + 3 + 7) * LIMB);
    expect(memoryWith([4, 1, 1, -3]) - memoryWith([3])).toBe(3 * (5 + 3 + 7) * LIMB);
  });

  it('takes at a product what two key switches of digits and eight polynomials take', () => {
    const builder = new ProgramBuilder(parameters);
    const [x, y] = [builder.input(1), builder.input(1)];
    const program = builder.build([builder.product(x, y)]);
    const memory = nativeMemory(program, parameters);
    // At level 4: three digits, seven limbs with the special primes.
    expect(memory.workspaceBytes).toBe((8 * 5 + (3 + 2) * 7) * LIMB);
    expect(memory.ciphertextBytes).toBe((2 * 2 * 5 + 2 * 4) * LIMB);
    expect(memory.plaintextBytes).toBe(0);
    expect(memory.contextBytes).toBe(384 * 2 ** 20 + 7 * 6 * LIMB);
    const pooled = nativeKeyBytes(parameters, 4) + memory.ciphertextBytes + memory.workspaceBytes;
    expect(memory.evaluationBytes).toBe(Math.ceil(1.02 * pooled) + memory.contextBytes);
    expect(memory.total).toBe(memory.evaluationBytes);
    expect(nativePoolBytes(memory, memory.contextBytes + 100)).toBe(100);
    expect(nativePoolBytes(memory, 0)).toBe(0);
    expect(nativePlaintextRoom(memory, memory.evaluationBytes + 102)).toBe(100);
    expect(nativePlaintextRoom(memory, 0)).toBe(0);
  });

  it('cannot do without vectors that are added at the scale of a product', () => {
    const able = refreshableParameters();
    const of = (chain: CkksParameters, constant: number | SlotVector): NativeMemory => {
      const builder = new ProgramBuilder(chain);
      return nativeMemory(
        builder.build([builder.polynomial(builder.input(1, 4), [[constant, 1, 0.5]])]),
        chain,
      );
    };
    const vector = { indices: null, values: new Float64Array(able.polyModulusDegree / 2).fill(0.3) };
    const [number, large] = [of(able, 0.3), of(able, vector)];
    expect(number.unshrinkableBytes).toBe(0);
    // One vector, at the scale of products of level 3: that before the last rescale.
    expect(large.unshrinkableBytes).toBe(4 * 8 * able.polyModulusDegree);
    expect(large.total).toBe(
      Math.max(number.total, large.evaluationBytes + Math.ceil(1.02 * large.unshrinkableBytes)),
    );
    // 25 and 25 bits make integers.
    const short = { indices: null, values: new Float64Array(parameters.polyModulusDegree / 2).fill(0.3) };
    expect(of(parameters, short).unshrinkableBytes).toBe(0);
  });

  it('takes for many keys what loading them takes, which is room for plaintexts later', () => {
    const builder = new ProgramBuilder(parameters);
    const shape = { sources: 1, outputs: 1, babySteps: 32, giantSteps: 2, style: 'direct' as const };
    const x = builder.input(1);
    const program = builder.build([
      builder.linear([x], randomLinear(seededRandom(1), builder.slotCount, shape)),
    ]);
    const memory = nativeMemory(program, parameters);
    // A key is there as words besides while it is made ready, and so are the seeded forms of all, half their size.
    const key = nativeKeyBytes(parameters, 4);
    const words = fileKeyBytes(parameters, 4);
    expect(memory.keyBytes).toBe(32 * key);
    expect(memory.total).toBe(Math.ceil(1.02 * (32 * key + words)) + 16 * words + memory.contextBytes);
    expect(memory.evaluationBytes).toBeLessThan(memory.total);
    expect(nativePlaintextRoom(memory, memory.total)).toBe(
      Math.floor((memory.total - memory.evaluationBytes) / 1.02),
    );
  });

  it('holds whole keys in the shape of SEAL', () => {
    const seal = checkParameters({ ...parameters, dnum: 5, specialPrimes: [parameters.specialPrimes[0]!] });
    const builder = new ProgramBuilder(seal);
    const low = builder.input(1, 2);
    const shape = { sources: 1, outputs: 1, babySteps: 2, giantSteps: 1, style: 'direct' as const };
    const program = builder.build([
      builder.linear([low], randomLinear(seededRandom(2), builder.slotCount, shape)),
    ]);
    expect(program.rotationKeys).toEqual([{ step: 1, level: 4 }]);
  });

  it('counts the transforms of refreshes once for each scale and ratio, those to slots once', () => {
    const able = refreshableParameters();
    const builder = new ProgramBuilder(able);
    const limb = 32768 * 8;
    const x = builder.input(1, 2);
    const memoryOf = (...outputs: number[]) => nativeMemory(builder.build(outputs), able);
    const once = [builder.refresh(x, 4)];
    // Diagonals: 255 and 128 at levels 2 and 1; 16, 63 and 63 from the top: each limb of the extended basis, of which runs of 128, 16 and
    // 512 equal residues are kept once.
    const runs = ((255 * 7) / 128 + (63 * 21) / 16 + (63 * 20) / 512) * limb;
    const [down, up] = [128 * packedBytes(able, 1), 16 * packedBytes(able, 17)];
    expect(memoryOf(...once).plaintextBytes).toBe(runs + down + up);
    expect(refreshDiagonals(builder.build(once), able)).toBe(255 + 128 + 16 + 63 + 63);
    const twice = [...once, builder.refresh(x, 4)];
    expect(memoryOf(...twice).plaintextBytes).toBe(runs + down + up);
    // Of another ratio only the last transform from slots is another.
    const other = [...twice, builder.refresh(x, 8)];
    expect(memoryOf(...other).plaintextBytes).toBe(runs + 2 * down + up);
    const { keyBytes } = memoryOf(...once);
    const keys = builder.build(once);
    const galois = [...keys.rotationKeys.map(({ level }) => level), keys.refreshKeys!.conjugationLevel];
    const all = [...galois, keys.relinearizationLevel!].map((level) => nativeKeyBytes(able, level));
    const raise = 2 * (2 + 18 + 4) * limb;
    expect(keyBytes).toBe(all.reduce((sum, bytes) => sum + bytes, raise));
  });
});

import { expect, it } from 'vitest';
import { refreshableParameters } from '../../program/testing/test-parameters.ts';
import { DEFAULT_NATIVE_PROFILE } from '../profile/default-profile.ts';
import { nativeCostModel } from '../targets/native-cost.ts';
import { roughMemory } from './rough-memory.ts';

const parameters = refreshableParameters();
const cost = nativeCostModel(parameters, DEFAULT_NATIVE_PROFILE);

it('a program of many diagonals that are mostly empty takes what is in them', () => {
  const memoryWith = (diagonals: number, entries: number): number => {
    const node = { level: 3, ciphertexts: 1, products: 0, babies: 8, giants: 8, diagonals, entries };
    const limits = { backend: 'native', maxMemoryMb: 6144, optimize: 'memory' } as const;
    return roughMemory({ nodes: [node], rotationKeys: 3 }, cost, parameters, limits).memoryBytes;
  };
  const none = memoryWith(100_000, 0);
  // Each with where it is.
  expect(memoryWith(100_000, 150e6) - none).toBe(150e6 * 12);
  // Full ones are nothing but their slots.
  expect(memoryWith(100, 100 * cost.slotCount) - none).toBe(100 * cost.slotCount * 8);
});

it('what an evaluation takes, diagonals and all, is no more than is allowed where keys are loaded beside it', () => {
  const node = {
    level: 12,
    ciphertexts: 1,
    products: 1,
    babies: 8,
    giants: 8,
    diagonals: 50_000,
    entries: 1e6,
  };
  const limits = { backend: 'native', maxMemoryMb: 6144, optimize: 'balanced' } as const;
  const rough = roughMemory({ nodes: [node], rotationKeys: 40 }, cost, parameters, limits);
  expect(rough.obstacle).toBeNull();
  expect(rough.memoryBytes).toBeLessThanOrEqual(6144 * 2 ** 20);
  expect(rough.memoryBytes).toBeGreaterThan(6000 * 2 ** 20);
});

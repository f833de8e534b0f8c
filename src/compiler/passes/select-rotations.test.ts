import { describe, expect, it } from 'vitest';
import { growTree, RoutingTable, type RotationTree } from '../linear/rotation-tree.ts';
import { selectRotations, type RotationBudget } from './select-rotations.ts';

const N = 4096;
const budget = (rest: Partial<RotationBudget> = {}): RotationBudget => ({
  slotCount: N,
  galoisKeyBytes: 1000,
  maxKeyBytes: null,
  latencyMs: 0,
  ...rest,
});
const tree = (steps: number[], direct = false): RotationTree => ({ steps, rotateMs: 1, direct });
const range = (count: number, step: number): number[] =>
  Array.from({ length: count }, (_, k) => (k + 1) * step);

describe('selectRotations', () => {
  it('serves chains of steps with one key each', () => {
    const keys = selectRotations([tree(range(4, 1)), tree(range(4, 28))], budget());
    expect(keys.steps).toEqual([1, 28]);
    expect(keys.rotationMs).toBe(8);
  });

  it('serves sums of two chains with two keys', () => {
    const steps = [1, 2, 32, 33, 34, 64, 65, 66];
    expect(selectRotations([tree(steps)], budget()).steps).toEqual([1, 32]);
  });

  it('lets layers share steps', () => {
    const keys = selectRotations([tree([1, 2, 3]), tree([5, 6, 7]), tree([2], true)], budget());
    expect(keys.steps.length).toBeLessThanOrEqual(3);
    expect(keys.rotationMs).toBe(7);
  });

  it('needs a key per step where rotations start from the input', () => {
    expect(selectRotations([tree([3, 7, 20], true)], budget()).steps).toEqual([3, 7, 20]);
  });

  it('gives up a key that hardly saves time', () => {
    const trees = [tree(range(7, 1)), tree([3], true)];
    expect(selectRotations(trees, budget()).steps).toEqual([1, 3]);
    // Two more rotations of one millisecond are less than a hundredth of 201.
    expect(selectRotations(trees, budget({ latencyMs: 201 })).steps).toEqual([1]);
  });

  it('composes rotations under a budget and counts what that costs', () => {
    const powers = tree([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]);
    const single = { ...powers, direct: true };
    const free = selectRotations([single], budget());
    expect(free.steps).toHaveLength(12);
    const tight = selectRotations([single], budget({ maxKeyBytes: 6500 }));
    expect(tight.steps.length).toBeLessThanOrEqual(6);
    expect(tight.rotationMs).toBeGreaterThan(free.rotationMs);
    expect(tight.rotationMs).toBeLessThanOrEqual(18);
    for (const step of single.steps) {
      const route = tight.table.route(step);
      expect(route.reduce((a, b) => (a + b) % N, 0)).toBe(step);
      expect(route.every((key) => tight.steps.includes(key))).toBe(true);
    }
  });

  it('needs no keys where nothing is rotated', () => {
    expect(selectRotations([tree([])], budget({ maxKeyBytes: 0 })).steps).toEqual([]);
  });

  it('refuses a budget in which no set of keys fits, with the numbers', () => {
    const trees = [tree([1, 17, 300, 2048], true)];
    expect(() => selectRotations(trees, budget({ maxKeyBytes: 999 }))).toThrow(
      expect.objectContaining({
        code: 'KEY_BUDGET_TOO_SMALL',
        message: expect.stringMatching(/at least \d+ Galois keys/) as string,
        hint: expect.stringContaining('--max-key-mb') as string,
      }),
    );
  });
});

describe('growTree', () => {
  it('starts from whatever is nearest, and as shallow as possible', () => {
    const table = new RoutingTable(N, [1, 4]);
    expect(growTree(tree([1, 4, 5, 6]), table)).toEqual([
      { step: 1, parent: -1, via: [1] },
      { step: 4, parent: -1, via: [4] },
      { step: 5, parent: 0, via: [4] },
      { step: 6, parent: 2, via: [1] },
    ]);
  });

  it('composes what it has no key for', () => {
    const table = new RoutingTable(N, [4, 4095]);
    expect(growTree(tree([3], true), table)).toEqual([{ step: 3, parent: -1, via: [4095, 4] }]);
  });
});

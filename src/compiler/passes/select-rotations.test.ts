import { describe, expect, it } from 'vitest';
import { growTree, RoutingTable, type RotationTree } from '../linear/rotation-tree.ts';
import { selectRotations, type RotationBudget } from './select-rotations.ts';

const N = 4096;
const budget = (rest: Partial<RotationBudget> = {}): RotationBudget => ({
  slotCount: N,
  keyBytes: () => 1000,
  keyWorth: () => 0.01,
  keyMs: () => 0,
  maxKeyBytes: null,
  latencyMs: 0,
  ...rest,
});
const tree = (steps: number[], direct = false): RotationTree => ({
  steps,
  level: 0,
  rotateMs: 1,
  branchMs: 0,
  direct,
});
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

  it('gives up keys that cost an inference more than they save, and no others', () => {
    const trees = [tree(range(7, 1)), tree([3], true)];
    const priced = (ms: number): readonly number[] =>
      selectRotations(trees, budget({ keyMs: () => ms })).steps;
    expect(priced(0)).toEqual([1, 3]);
    expect(priced(1.9)).toEqual([1, 3]);
    expect(priced(2.1)).toEqual([1]);
  });

  it('prices a key at the highest level that it is used at', () => {
    const trees = [tree(range(7, 1)), { ...tree([3], true), level: 5 }];
    const steps = (keyMs: (level: number) => number): readonly number[] =>
      selectRotations(trees, budget({ keyMs })).steps;
    expect(steps((level) => (level === 5 ? 0 : 3))).toEqual([1, 3]);
    expect(steps((level) => (level === 5 ? 3 : 0))).toEqual([1]);
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

describe('keys that are held anyway', () => {
  const held = { levels: new Map([[3, 2]]), bytes: 1500 };
  const trees = [tree(range(7, 1)), tree([3], true)];

  it('cost nothing more', () => {
    // As above, but that 3 is not given up.
    expect(selectRotations(trees, budget({ latencyMs: 201 })).steps).toEqual([1]);
    expect(selectRotations(trees, budget({ latencyMs: 201, held })).steps).toEqual([1, 3]);
    expect(selectRotations(trees, budget({ keyMs: () => 5, held })).steps).toEqual([1, 3]);
  });

  it('weigh what serving a higher level adds to them', () => {
    const high = [tree(range(7, 1)), { ...tree([3], true), level: 5 }];
    const priced = (ms: number): readonly number[] =>
      selectRotations(high, budget({ keyMs: (level) => ms * level, held })).steps;
    // Three levels more, for two rotations less.
    expect(priced(0.6)).toEqual([1, 3]);
    expect(priced(0.7)).toEqual([1]);
  });

  it('take their part of a budget, and no other can be given up for them', () => {
    const { steps } = selectRotations(trees, budget({ held, maxKeyBytes: 2500 }));
    expect(steps).toEqual([1, 3]);
    expect(() => selectRotations(trees, budget({ held, maxKeyBytes: 2499 }))).toThrow(
      /at least 2 Galois keys .* of them for refreshes/,
    );
    // Where 3 reaches everything, nothing else is needed.
    const alone = { levels: new Map([[3, 0]]), bytes: 1000 };
    expect(selectRotations([tree([3, 6], true)], budget({ held: alone, maxKeyBytes: 1000 })).steps).toEqual([
      3,
    ]);
  });
});

describe('where rotations of one ciphertext share its decomposition', () => {
  /** A 5×5 kernel with rows of 32. */
  const kernel: RotationTree = {
    steps: Array.from({ length: 24 }, (_, k) => Math.floor((k + 1) / 5) * 32 + ((k + 1) % 5)),
    level: 0,
    rotateMs: 1,
    branchMs: 2,
    direct: false,
  };
  const select = (worth: number): ReturnType<typeof selectRotations> =>
    selectRotations([kernel], budget({ keyWorth: () => worth, latencyMs: 100 }));

  it('gives every step a key if keys weigh nothing', () => {
    const { steps, rotationMs } = select(0);
    expect(steps).toEqual(kernel.steps);
    expect(rotationMs).toBe(24);
  });

  it('branches once per row if keys weigh something', () => {
    const { steps, rotationMs } = select(0.0075);
    expect(steps).toEqual([1, 2, 3, 4, 32]);
    // Each row starts from the one before: one branch for each but the first.
    expect(rotationMs).toBe(24 + 4 * 2);
  });

  it('chains them if keys weigh much', () => {
    const { steps, rotationMs } = select(1);
    expect(steps.length).toBeLessThanOrEqual(2);
    expect(rotationMs).toBeGreaterThan(24 + 10 * 2);
  });

  it('weighs a key by the highest level it is used at', () => {
    const low = { ...kernel, steps: [1, 2, 3] };
    const high = { ...kernel, steps: [3], level: 5 };
    const keyBytes = (level: number): number => 1000 * (level + 1);
    const { steps } = selectRotations([low, high], budget({ keyBytes, keyWorth: () => 0 }));
    expect(steps).toEqual([1, 2, 3]);
    // The key for 3 alone takes six thousand bytes, and cannot be done without.
    const tight = selectRotations([low, high], budget({ keyBytes, keyWorth: () => 0, maxKeyBytes: 7500 }));
    expect(tight.steps).toHaveLength(2);
    expect(() => selectRotations([low, high], budget({ keyBytes, maxKeyBytes: 5000 }))).toThrow(/at least/);
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

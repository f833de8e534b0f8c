import { describe, expect, it } from 'vitest';
import { BackendError, CompileError } from '../../errors.ts';
import type { DegreeForecast } from './foresee-degrees.ts';
import { refreshedIfCheaper } from './refresh-if-cheaper.ts';
import type { DegreePlan } from './select-degrees.ts';

interface Result {
  readonly ms: number;
  readonly polynomial: Parameters<typeof refreshedIfCheaper>[0]['polynomial'];
}

function result(ms: number, drop: number): Result {
  const bound = {
    measure: 'accuracy',
    estimate: drop,
    lower: null,
    upper: null,
    limit: 0.5,
    shown: true,
  } as const;
  const approximations = [2, 8].map((degree) => ({ degree }));
  return { ms, polynomial: { approximations, quality: { bound } } as unknown as Result['polynomial'] };
}

const foreseen = (degree: number, cost: number): DegreeForecast => ({
  degree,
  depth: 29,
  chain: null,
  refusal: null,
  refreshed: new Set(),
  instead: { refreshed: new Set([`relu${degree}`]), cost },
});
const foresight = { forecasts: [foreseen(4, 2000), foreseen(8, 3000), foreseen(16, 3500)] };
const costOf = ({ ms }: Result): number => ms;

describe('a program without refreshes', () => {
  it('is kept where it costs what was foreseen: nothing else is fitted', async () => {
    const first = result(3500, 0);
    const fit = (): Promise<Result> => Promise.reject(new Error('fitted'));
    expect(await refreshedIfCheaper(first, foresight, fit, costOf)).toBe(first);
  });

  it('gives way to a refreshed one of its degree or above where it costs far more', async () => {
    const plans: DegreePlan[] = [];
    const other = result(3200, 0.1);
    const fit = (plan: DegreePlan): Promise<Result> => {
      plans.push(plan);
      return Promise.resolve(other);
    };
    expect(await refreshedIfCheaper(result(10_000, 0), foresight, fit, costOf)).toBe(other);
    expect(plans.map(({ holdable }) => holdable)).toEqual([[8, 16]]);
    expect([...plans[0]!.refreshed.get(8)!]).toEqual(['relu8']);
  });

  it.each([
    ['is no cheaper after all', result(10_500, 0)],
    ['loses more than the bound allows', result(3200, 0.9)],
  ])('stays where the refreshed one %s', async (_, other) => {
    const first = result(10_000, 0.2);
    expect(await refreshedIfCheaper(first, foresight, () => Promise.resolve(other), costOf)).toBe(first);
  });

  it('that misses the bound is not given up for one that misses it by more', async () => {
    const first = result(10_000, 2.1);
    const fit = (): Promise<Result> => Promise.resolve(result(3200, 2.2));
    expect(await refreshedIfCheaper(first, foresight, fit, costOf)).toBe(first);
  });

  it('stays where no program holds the refreshed one; cancelling is no reason', async () => {
    const first = result(10_000, 0.2);
    const failing = (error: Error): Promise<Result> =>
      refreshedIfCheaper(first, foresight, () => Promise.reject(error), costOf);
    expect(await failing(new CompileError('MEMORY_EXCEEDED', 'too much'))).toBe(first);
    await expect(failing(new BackendError('CANCELLED', 'cancelled'))).rejects.toThrow('cancelled');
  });
});

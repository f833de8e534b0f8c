/** What a refresh is predicted to cost, held against the sum over its parts done by hand. */
import { expect, it } from 'vitest';
import { integerBytes, packedBytes } from '../../program/native-keys.ts';
import { ProgramBuilder } from '../../program/testing/program-builder.ts';
import { refreshableParameters } from '../../program/testing/test-parameters.ts';
import { REFRESH_STEPS } from '../../program/semantics/refresh-plan.ts';
import { DEFAULT_NATIVE_PROFILE } from '../profile/default-profile.ts';
import { refreshOf } from './cost-model.ts';
import { predictLatency, refreshStepMs } from './latency.ts';
import { nativeCostModel } from '../targets/native-cost.ts';
import { sealCostModel } from '../targets/seal-cost.ts';

const parameters = refreshableParameters();
const cost = nativeCostModel(parameters, DEFAULT_NATIVE_PROFILE);
const LIMB = 32768 * 8;

it('a refresh takes what its transforms take, and the raising and the sine', () => {
  const refresh = refreshOf(cost);
  // Sixteen babies down, eight up, all of them rotated; all giants but one.
  const stage = (level: number, babies: number, giants: number, terms: number): number => {
    const { open, baby, giant, term, output } = cost.linear(level);
    return open + babies * baby + giants * giant + terms * term + output;
  };
  const down = stage(2, 16, 15, 255) + stage(1, 16, 7, 128);
  const up = stage(17, 8, 1, 16) + stage(16, 8, 7, 63) + stage(15, 8, 7 + 1, 63);
  const steps = refresh.steps.map(({ step }) => step);
  expect(steps).toEqual(REFRESH_STEPS);
  const [first, raise, third, sine] = refresh.steps.map(({ ms }) => ms);
  expect(first).toBeCloseTo(down, 9);
  expect(third).toBeCloseTo(up, 9);
  const rest = refresh.ms - down - up;
  expect(raise! + sine!).toBeCloseTo(rest, 9);
  // Two polynomials modulo q_0 in 18 limbs, one of them in 4 more, and a division: little beside anything else.
  expect(raise).toBeLessThan(0.3 * sine!);
  // Five squarings or products deep over up to fifteen limbs, eight of them at least, and the doublings.
  const product = (level: number): number =>
    cost.multiply(level) + cost.relinearize(level) + cost.rescale(level);
  expect(rest).toBeGreaterThan(8 * product(10));
  expect(rest).toBeLessThan(20 * product(14));
  // Of the first and the last two transforms residues come in runs of 128, 16 and 512.
  const runs = ((255 * 7) / 128 + (63 * 21) / 16 + (63 * 20) / 512) * LIMB;
  expect(refresh.diagonalBytes).toBe(
    runs + 128 * packedBytes(parameters, 1) + 16 * packedBytes(parameters, 17),
  );
  expect(refresh.coefficientBytes).toBe(
    runs + 128 * integerBytes(parameters, 1) + 16 * integerBytes(parameters, 17),
  );
  expect(refresh.expand).toBe(128 * cost.linear(1).expand + 16 * cost.linear(17).expand);
});

it('programs pay for each refreshed ciphertext, and more where diagonals have no room', () => {
  const builder = new ProgramBuilder(parameters);
  const program = builder.build([builder.refresh(builder.input(3, 2))]);
  const { ms, expand, diagonalBytes, coefficientBytes } = refreshOf(cost);
  expect(predictLatency(program, cost)).toEqual([3 * ms]);
  expect(predictLatency(program, cost, diagonalBytes)).toEqual([3 * ms]);
  expect(predictLatency(program, cost, coefficientBytes)[0]).toBeCloseTo(3 * (ms + expand), 9);
  expect(expand).toBeGreaterThan(0.05 * ms);
  for (const room of [diagonalBytes, coefficientBytes]) {
    const [whole] = predictLatency(program, cost, room);
    const steps = refreshStepMs(program, cost, room);
    expect(steps.map(({ step }) => step)).toEqual(REFRESH_STEPS);
    expect(steps.reduce((sum, one) => sum + one.ms, 0)).toBeCloseTo(whole!, 9);
  }
  const nothing = new ProgramBuilder(parameters);
  expect(refreshStepMs(nothing.build([nothing.input(1)]), cost)).toEqual([]);
});

it('no other chain or backend has refreshes', () => {
  const { refresh: _refresh, ...without } = parameters;
  expect(nativeCostModel(without as typeof parameters, DEFAULT_NATIVE_PROFILE)).not.toHaveProperty('refresh');
  expect(() => refreshOf(sealCostModel(32768, 17))).toThrow(/chain of seal that has none/);
});

import { expect, it } from 'vitest';
import { ProgramBuilder } from '../../program/testing/program-builder.ts';
import { randomLinear, seededRandom } from '../../program/testing/random-instructions.ts';
import { testParameters } from '../../program/testing/test-parameters.ts';
import { DEFAULT_NATIVE_PROFILE } from '../profile/default-profile.ts';
import { nativeCostModel } from '../targets/native-cost.ts';
import { diagonalBytes, predictLatency } from './latency.ts';

const parameters = testParameters(8192, [40, 30, 30, 30], 50, 30);
const cost = nativeCostModel(parameters, DEFAULT_NATIVE_PROFILE);

function twoMaps() {
  const builder = new ProgramBuilder(parameters);
  const random = seededRandom(1);
  const shape = { sources: 1, babySteps: 8, giantSteps: 4, outputs: 1, style: 'direct' } as const;
  const map = (input: number): number =>
    builder.linear([input], randomLinear(random, builder.slotCount, shape));
  return builder.build([map(map(builder.input(1, 3)))]);
}

it('diagonals are kept encoded from the first map on, as they are when a program is loaded', () => {
  const program = twoMaps();
  const all = predictLatency(program, cost);
  const coefficients = diagonalBytes(program, cost, 'coefficientBytes');
  const none = predictLatency(program, cost, coefficients);
  for (const [index, ms] of none.entries()) expect(ms).toBeGreaterThan(all[index]!);
  const whole = diagonalBytes(program, cost);
  const some = predictLatency(program, cost, coefficients + 0.4 * (whole - coefficients));
  expect(some[0]!).toBeLessThan(none[0]!);
  expect(some[1]!).toBe(none[1]!);
  const most = predictLatency(program, cost, coefficients + 0.9 * (whole - coefficients));
  expect(most[0]!).toBe(all[0]!);
});

it('where not even coefficients are kept, it is of the last map that they are missing', () => {
  const program = twoMaps();
  const coefficients = diagonalBytes(program, cost, 'coefficientBytes');
  const none = predictLatency(program, cost, coefficients);
  const missing = predictLatency(program, cost, 0.9 * coefficients);
  expect(missing[0]!).toBe(none[0]!);
  expect(missing[1]!).toBeGreaterThan(none[1]!);
});

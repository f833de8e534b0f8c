import { expect, it } from 'vitest';
import { SILENT } from '../options.ts';
import { optionsWith, randomDataset, smallConvNet } from './approximation/testing/graphs.ts';
import { foreseeDegrees, requireHoldable } from './foresee-degrees.ts';

const calibration = randomDataset(72, 600, 9);

it('knows the depth that each degree takes, and refuses where no chain holds the lowest', async () => {
  const options = optionsWith({ calibration, backend: 'seal' });
  const forecasts = await foreseeDegrees(smallConvNet(), options, SILENT);
  expect(forecasts.map(({ degree }) => degree)).toEqual([2, 4, 8, 16]);
  const depths = forecasts.map(({ depth }) => depth);
  // Each doubling costs every activation a level, and nothing else one.
  const sites = depths[1]! - depths[0]!;
  expect(sites).toBeGreaterThan(0);
  expect(depths.map((depth) => depth - depths[0]!)).toEqual([0, sites, 2 * sites, 3 * sites]);
  expect(() => requireHoldable(forecasts)).not.toThrow();

  const precise = await foreseeDegrees(smallConvNet(), { ...options, precision: 40 }, SILENT);
  expect(() => requireHoldable(precise)).toThrow(
    new RegExp(`it takes ${depths[0]} at degree 2, ${depths[1]} at`),
  );
});

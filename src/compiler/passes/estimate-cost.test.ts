import { expect, it } from 'vitest';
import { refreshKeyNeeds } from '../../program/key-needs.ts';
import { nativeKeys } from '../../program/native-keys.ts';
import { SILENT } from '../options.ts';
import {
  deepNet,
  makeGraph,
  optionsWith,
  randomDataset,
  randomTensor,
} from './approximation/testing/graphs.ts';
import { CostEstimator } from './estimate-cost.ts';
import { firstLayer, foreseeDegrees } from './foresee-degrees.ts';

it('an estimate of a refreshed model: its levels end at refreshes, and those bring their keys along', async () => {
  const calibration = randomDataset(8, 200, 5);
  const activations = new Map([['*', { kind: 'degree', degree: 8 } as const]]);
  const options = optionsWith({ calibration, backend: 'native', activations });
  const { forecasts, estimator, open } = await foreseeDegrees(deepNet(24), options, SILENT);
  const [{ chain, refreshed, depth }] = forecasts as [(typeof forecasts)[0]];
  expect(chain!.dataPrimes).toHaveLength(depth + 1);
  const layers = new Set([...refreshed].map(firstLayer));
  const whole = estimator()!.estimate(null, open, layers, chain!, options);
  expect(whole.obstacle).toBeNull();
  const keys = nativeKeys(refreshKeyNeeds(chain!), chain!).reduce((sum, { held }) => sum + held, 0);
  expect(whole.keyBytes).toBeGreaterThan(keys);
  expect(whole.keyBytes).toBeLessThan(2 * keys);
  // Half as many refreshes, about half of the time.
  const half = new Set([...layers].filter((_, i) => i % 2 === 0));
  const { milliseconds } = estimator()!.estimate(null, open, half, chain!, options);
  expect(milliseconds / whole.milliseconds).toBeGreaterThan(0.45);
  expect(milliseconds / whole.milliseconds).toBeLessThan(0.65);
});

it('what is far too large to be laid out is not lowered for it: no array holds its matrix', () => {
  const shape = [1, 512, 64, 64];
  const graph = makeGraph(
    { input: shape },
    [{ op: 'Conv', inputs: ['input', 'w'], output: 'y', shape, attributes: { pads: [1, 1, 1, 1] } }],
    { w: randomTensor([512, 512, 3, 3], 1, 1) },
    ['y'],
  );
  expect(CostEstimator.of(graph, new Map(), 150e6)).toBeNull();
});

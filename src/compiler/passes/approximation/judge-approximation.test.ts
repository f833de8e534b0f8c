import { expect, it } from 'vitest';
import { SILENT } from '../../options.ts';
import { Blas } from '../../reference/blas.ts';
import { evaluateModel } from '../../reference/evaluate-model.ts';
import { approximateActivations } from '../approximate-activations.ts';
import { loadCalibration } from './calibration-batch.ts';
import { Judge } from './judge-approximation.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import { findSites } from './sites.ts';
import { optionsWith, randomDataset, smallConvNet } from './testing/graphs.ts';
import type { ApproximationContext } from './walk.ts';

const RESERVE = 130;

it('judges by the held-out samples and those in reserve together, unless the first are bad enough', async () => {
  const graph = smallConvNet();
  const sites = findSites(graph, new Map());
  const more = randomDataset(72, RESERVE, 31);
  let reads = 0;
  const batch = {
    ...loadCalibration(graph, optionsWith({ calibration: randomDataset(72, 150, 9) })),
    reserve: {
      samples: RESERVE,
      labels: null,
      *parts() {
        reads++;
        for (const [start, count] of [
          [0, 100],
          [100, 30],
        ] as const) {
          const part = new Float32Array(count * 72);
          for (let s = 0; s < count; s++) part.set(more.sample(start + s, 0), s * 72);
          yield { samples: count, inputs: [part] };
        }
      },
    },
  };
  await using blas = await Blas.open();
  const context: ApproximationContext = {
    graph,
    sites,
    batch,
    blas,
    progress: SILENT,
    settings: DEFAULT_SETTINGS,
  };
  const choices = new Map(sites.map(({ name }) => [name, { kind: 'degree', degree: 2 } as const]));
  const fitted = await approximateActivations(context, choices);
  const judge = new Judge(context, 0.05);
  const { quality } = (await judge.judge(fitted, 100)).comparison;
  expect(quality.samples).toBe(50 + RESERVE);

  const classes = async (model: typeof graph): Promise<number[]> => {
    const { outputs } = await evaluateModel(model, more);
    return Array.from({ length: RESERVE }, (_, s) => {
      const scores = [...outputs.subarray(s * 4, s * 4 + 4)];
      return scores.indexOf(Math.max(...scores));
    });
  };
  const [before, after] = [await classes(graph), await classes(fitted.graph)];
  const agreeing = before.filter((best, s) => best === after[s]).length;
  const first = fitted.comparison.quality.agreement! * 50;
  expect(quality.agreement! * (50 + RESERVE)).toBeCloseTo(first + agreeing, 6);

  // The original runs once, each approximation once; one that is worse than the limit for sure does not.
  expect(reads).toBe(2);
  await judge.judge(fitted, 100);
  expect(reads).toBe(3);
  expect((await judge.judge(fitted, -100)).comparison.quality.samples).toBe(50);
  expect(reads).toBe(3);
});

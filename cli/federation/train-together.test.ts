/** One round of a small federation on this machine: over HTTP, enrolled, two drop out, and the sum is what was given. */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readParameters, replaceParameters } from '../../src/onnx/model-parameters.ts';
import { parsePolicy } from '../../src/server/federation/policy-file.ts';
import { readModel } from '../files.ts';
import { checkSum } from './check-sum.ts';
import { DigitTraining } from './digit-training.ts';
import type { SharedDigits } from './digits.ts';
import { shareDigits } from './digits.ts';
import { LoopbackFederation } from './loopback-federation.ts';
import type { RunParts } from './train-together.ts';
import { trainTogether } from './train-together.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures');
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const POLICY = parsePolicy(
  JSON.stringify({
    federation: 'digits',
    owner: 'coordinator',
    context: { sensitivity: 'internal', jurisdictions: [], clients: NAMES.length, client_resources: 'low' },
    ...{ rounds: 1, clip: 1 },
  }),
);

let training: DigitTraining;
let template: Uint8Array;
let digits: SharedDigits;
let folder: string;
beforeAll(async () => {
  training = await DigitTraining.open();
  const model = await readModel(join(FIXTURES, 'digits-square.onnx'));
  template = replaceParameters(model, Float64Array.from(training.initial(1)), 'the template');
  digits = await shareDigits(FIXTURES, { participants: NAMES.length, limit: 10 });
});
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'he-compile-together-')));
});
afterEach(() => rm(folder, { recursive: true }));

function open(): Promise<LoopbackFederation> {
  return LoopbackFederation.open({
    ...{ folder, template, policy: POLICY, floor: POLICY.protection, names: NAMES, version: '0.0.0-test' },
  });
}

function partsOf(federation: LoopbackFederation, more: Partial<RunParts> = {}): RunParts {
  return {
    ...{ federation, training, digits, seed: 1 },
    settings: { epochs: 1, learningRate: 0.02, batchSize: 10 },
    dropouts: { round: 1, names: ['c', 'f'] },
    signal: new AbortController().signal,
    report: () => undefined,
    onRound: () => undefined,
    ...more,
  };
}

describe('digits', () => {
  it('are shared out, each to one participant, in the order of the file', () => {
    expect(digits.shares.map(({ labels }) => labels.length)).toEqual(NAMES.map(() => 10));
    expect(digits.shares[2]!.pixels.slice(0, 784)).not.toEqual(digits.shares[3]!.pixels.slice(0, 784));
    expect(digits.test.labels).toHaveLength(10);
  });
});

describe('a federation on this machine', () => {
  it('sums what the survivors gave, debits everybody, and tells who dropped out', async () => {
    await using federation = await open();
    const { run, model } = await trainTogether(partsOf(federation));
    const [round] = run.rounds;
    expect(round).toMatchObject({
      round: 1,
      joined: 8,
      dropouts: ['c', 'f'],
      sum: { weights: 5874, wrong: 0 },
    });
    // Units of the sum are coarser than floats nearly everywhere, so that the check can see them.
    expect(round!.sum.untold).toBeLessThan(60);
    // Those that dropped out have paid, too.
    expect(round!.epsilon!.least).toBe(round!.epsilon!.most);
    expect(round!.epsilon!.most).toBeGreaterThan(9.9);
    expect(round!.epsilon!.most).toBeLessThanOrEqual(10);
    expect(run.noiseNorm / run.clip).toBeGreaterThan(2);
    // Most of what was opened is noise, as foretold for all of them and a little more for those that stayed.
    expect(round!.meanNorm! / run.noiseNorm).toBeGreaterThan(1);
    expect(round!.meanNorm! / run.noiseNorm).toBeLessThan(1.5);
    const given = federation.participants.flatMap((each) => each.given ?? []);
    expect(given).toHaveLength(6);
    expect(checkSum(template, model, given)).toMatchObject({ wrong: 0 });
    // With one fewer, or one in the place of another, it is another sum.
    expect(checkSum(template, model, given.slice(1)).wrong).toBeGreaterThan(5000);
    expect(checkSum(template, model, [given[0]!, ...given.slice(0, 5)]).wrong).toBeGreaterThan(5000);
    const { values } = readParameters(model, 'the model');
    values[17] = values[17]! + 2 ** -18;
    expect(checkSum(template, replaceParameters(model, values, 'the model'), given).wrong).toBe(1);
  }, 120_000);

  it('ends when it is cancelled', async () => {
    await using federation = await open();
    const controller = new AbortController();
    let trained = 0;
    const report = (): void => {
      trained++;
      controller.abort(new Error('enough'));
    };
    await expect(trainTogether(partsOf(federation, { signal: controller.signal, report }))).rejects.toThrow(
      'enough',
    );
    // Nobody trains any more, and nobody joins.
    expect(trained).toBe(1);
    expect(federation.server.services.rounds.current?.machine.progress.joined).toBe(0);
  }, 120_000);
});

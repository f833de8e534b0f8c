/**
 * Eight participants, an aggregator and an owner as they are run: nine processes, stdio and Streamable HTTP. Five rounds on drawn digits are as
 * good as averaging in the clear; with noise as good as that with as much noise; and ledgers say what the accountant says. FEDERATION_DIGITS
 * says on how many digits each participant trains; there are 150.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { readParameters, replaceParameters } from '../../src/onnx/model-parameters.ts';
import { Random } from '../../src/compiler/random.ts';
import { DEFAULT_FLOOR } from '../../src/federation/policy/floor.ts';
import type { Protection } from '../../src/federation/policy/protection.ts';
import { PrivacyAccountant, renyiOfGaussianSum } from '../../src/federation/privacy/accountant.ts';
import { RandomIntegers, seededBytes } from '../../src/federation/privacy/random-integers.ts';
import type { RoundTerms } from '../../src/federation/round-terms.ts';
import { noisedBlocks } from '../../src/federation/update/quantise.ts';
import { checkSum } from './check-sum.ts';
import { DigitTraining } from './digit-training.ts';
import type { DigitWeights } from './digit-training.ts';
import type { SharedDigits } from './digits.ts';
import { shareDigits } from './digits.ts';
import type { GivenUpdate } from './given-update.ts';
import { ProcessFederation } from './testing/process-federation.ts';

const FIXTURES = new URL('../../fixtures/', import.meta.url);
const NAMES = ['berlin', 'brno', 'ghent', 'lyon', 'oslo', 'porto', 'turin', 'vienna'];
const ROUNDS = 5;
const DIGITS = Number(process.env['FEDERATION_DIGITS'] ?? 60);
/** No update of these is longer. */
const CLIP = 1;
/** Little protects what so large an ε allows; with as much noise as that of use takes, eight participants learn nothing in five rounds. */
const EPSILON = 100;
/** Trainings in the clear, with noise of other seeds each. */
const REPEATED = 4;
const SETTINGS = { epochs: 1, learningRate: 0.02, batchSize: 10 };
const PROTOCOLS = ['secure-aggregation', 'bfv-sum'] as const;

let training: DigitTraining;
let digits: SharedDigits;
let template: Uint8Array;
beforeAll(async () => {
  training = await DigitTraining.open();
  const sharing = { participants: NAMES.length };
  const { test } = await shareDigits(FIXTURES.pathname, sharing);
  digits = { ...(await shareDigits(FIXTURES.pathname, { ...sharing, limit: DIGITS })), test };
  const model = readFileSync(new URL('digits-square.onnx', FIXTURES));
  template = replaceParameters(model, Float64Array.from(training.initial(1)), 'the template');
});

/** What training makes of the weights, at one participant in one round: the same in the clear and in the federation. */
function train(from: DigitWeights, participant: number, round: number): DigitWeights {
  return training.train(from, digits.shares[participant]!, {
    ...SETTINGS,
    seed: 1 + 100 * round + participant,
  });
}

const weightsOf = (model: Uint8Array): DigitWeights =>
  Float32Array.from(readParameters(model, 'the model').values);
/** Of both protocols one is enough. */
const inTheClear = new Map<string, number>();
const accuracyOf = (weights: DigitWeights): number => training.accuracy(weights, digits.test);

/**
 * Averaging in the clear.
 * @param deviation of normal noise on every weight of the mean
 */
function averaged(deviation: number, seed: number): DigitWeights {
  const random = new Random(seed);
  let weights = weightsOf(template);
  for (let round = 1; round <= ROUNDS; round++) {
    const sum = new Float64Array(weights.length);
    for (const index of NAMES.keys()) {
      const trained = train(weights, index, round);
      for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + trained[i]! - weights[i]!;
    }
    weights = weights.map((value, i) => value + sum[i]! / NAMES.length + deviation * random.gaussian());
  }
  return weights;
}

/** Accuracy after averaging in the clear. */
function clear(deviation: number, seed: number): number {
  const name = `${deviation} ${seed}`;
  const known = inTheClear.get(name) ?? accuracyOf(averaged(deviation, seed));
  inTheClear.set(name, known);
  return known;
}

interface Federated {
  readonly weights: DigitWeights;
  /** Of each round. */
  readonly terms: readonly RoundTerms[];
  /** Mean square of the noise in each round's sum, of what it should be: sums less what updates were without noise. */
  readonly noise: readonly number[];
  /** ε that each participant's ledger has in the end. */
  readonly spent: readonly (number | null)[];
}

async function federated(policy: object, floor: Protection): Promise<Federated> {
  const facts = { federation: 'digits', owner: 'coordinator', rounds: ROUNDS, clip: CLIP };
  const context = { sensitivity: 'public', jurisdictions: [], clients: 8, client_resources: 'medium' };
  await using federation = await ProcessFederation.open({
    ...{ template, names: NAMES, floor, policy: { ...facts, context, ...policy } },
  });
  const terms: RoundTerms[] = [];
  const noise: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const before = await federation.model();
    const weights = weightsOf(before);
    expect(await federation.openRound()).toBe(round);
    const trained = NAMES.map((_, i) => train(weights, i, round));
    for (const [i, name] of NAMES.entries()) await federation.prepare(name, () => trained[i]!);
    const outcomes = await Promise.all(NAMES.map((name) => federation.contribute(name)));
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({
        outcome: 'summed',
        new_version: round,
        survivors: NAMES,
        anomalies: [],
      });
    const given = NAMES.map((name) => federation.given.get(name)!);
    // Bit for bit, what the plain sum of the noised integers makes of the model.
    expect(checkSum(before, await federation.model(), given)).toMatchObject({ wrong: 0 });
    terms.push(given[0]!.terms);
    noise.push(
      await noiseIn(
        given,
        trained.map((after) => after.map((value, i) => value - weights[i]!)),
      ),
    );
  }
  const ledgers = await Promise.all(NAMES.map((name) => federation.participant(name).ledger()));
  for (const { rounds } of ledgers)
    expect(rounds.map(({ round, outcome }) => [round, outcome])).toEqual(
      terms.map(({ round }) => [round, 'summed']),
    );
  const spent = ledgers.map((ledger) => ledger.spent);
  return { weights: weightsOf(await federation.model()), terms, noise, spent };
}

/** Mean square of a sum less the sum of the updates without noise. */
async function noiseIn(given: readonly GivenUpdate[], updates: readonly Float32Array[]): Promise<number> {
  const { form } = given[0]!.terms;
  const sum = new Float64Array(form.length);
  for (const [i, update] of updates.entries()) {
    let offset = 0;
    const none = { mechanism: 'none', parameter: 0 } as const;
    for await (const block of noisedBlocks(() => [update], form, none, new RandomIntegers(seededBytes(''))))
      for (const value of block) {
        sum[offset] = sum[offset]! + given[i]!.noised[offset]! - value;
        offset++;
      }
  }
  return sum.reduce((squares, value) => squares + value * value, 0) / form.length;
}

describe.each(PROTOCOLS)('%s, five rounds of eight processes', (protocol) => {
  it('without noise is as good as averaging in the clear', async () => {
    const floor: Protection = { ...DEFAULT_FLOOR, protocol, mechanism: 'none', epsilon: Infinity };
    const { weights, noise, spent } = await federated({ protection: { protocol } }, floor);
    const [secret, plain] = [accuracyOf(weights), clear(0, 1)];
    console.log(JSON.stringify({ protocol, secret, plain }));
    expect(plain).toBeGreaterThan(0.65);
    expect(Math.abs(secret - plain)).toBeLessThanOrEqual(0.003);
    expect(noise).toEqual(noise.map(() => 0));
    // Nothing bounds what was told, and the ledgers say so.
    expect(spent).toEqual(NAMES.map(() => null));
  });

  it('with noise is as good as that with as much noise, at the ε that the accountant says', async () => {
    const asked = { protocol, mechanism: 'discrete-gaussian', epsilon: EPSILON };
    const floor: Protection = { ...DEFAULT_FLOOR, protocol, epsilon: EPSILON };
    const { weights, terms, noise, spent } = await federated({ protection: asked }, floor);
    const accountant = new PrivacyAccountant();
    for (const { form, noise, minSurvivors, colluders } of terms) {
      const [l2, honest] = [form.clip * form.scale, minSurvivors - colluders];
      const l1 = Math.sqrt(form.length) * l2;
      const variance = noise.parameter;
      accountant.spend(renyiOfGaussianSum({ variance, honest, l2, l1, length: form.length }));
    }
    const epsilon = accountant.epsilon(floor.delta);
    for (const each of spent) expect(each).toBeCloseTo(epsilon, 6);
    expect(epsilon).toBeLessThanOrEqual(EPSILON);
    const [{ form, noise: each }] = terms as [RoundTerms];
    const variance = NAMES.length * each.parameter;
    // Of a chi-square distribution, five deviations.
    for (const square of noise)
      expect(Math.abs(square / variance - 1)).toBeLessThan(5 * Math.sqrt(2 / form.length));
    const deviation = Math.sqrt(variance) / form.scale / NAMES.length;
    const accuracies = Array.from({ length: REPEATED }, (_, i) => clear(deviation, i + 1));
    const secret = accuracyOf(weights);
    const mean = accuracies.reduce((sum, value) => sum + value, 0) / REPEATED;
    const squares = accuracies.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    // At least what so many test digits can tell.
    const spread = Math.max(Math.sqrt(squares / (REPEATED - 1)), Math.sqrt((mean * (1 - mean)) / 500));
    console.log(
      JSON.stringify({
        protocol,
        secret,
        clear: accuracies,
        mean,
        spread,
        epsilon,
        deviation,
        noise: noise.map((square) => square / variance),
      }),
    );
    expect(Math.abs(secret - mean)).toBeLessThan(5 * spread * Math.sqrt(1 + 1 / REPEATED));
  });
});

/**
 * The story of `he-compile federate demo`: the same participants train twice, under masks alone and under masks and noise; then the model
 * that they trained is compiled, and classifies a digit that it cannot see.
 */
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceParameters } from '../../src/onnx/model-parameters.ts';
import { DEFAULT_FLOOR } from '../../src/federation/policy/floor.ts';
import type { Protection } from '../../src/federation/policy/protection.ts';
import { parsePolicy } from '../../src/server/federation/policy-file.ts';
import type { FederationPolicy } from '../../src/server/federation/policy-file.ts';
import type { CommandContext } from '../command.ts';
import { readModel } from '../files.ts';
import { tellGuard } from '../process/messages.ts';
import { formatPercent, formatSignificant, plural } from '../report/format.ts';
import type { FederationReport, FederationRound } from '../report/federation-report.ts';
import { packageRoot, packageVersion } from '../versions.ts';
import { DigitTraining, WEIGHT_COUNT } from './digit-training.ts';
import { shareDigits } from './digits.ts';
import { classifyEncrypted } from './encrypted-digit.ts';
import { LoopbackFederation } from './loopback-federation.ts';
import type { RunParts, TrainedTogether } from './train-together.ts';
import { trainTogether } from './train-together.ts';

export interface FederationDemoOptions {
  readonly seed: number;
  readonly rounds?: number;
  readonly epochs?: number;
  /** Digits of each participant and of the test; default: all. */
  readonly digits?: number;
}

const PARTICIPANTS = ['berlin', 'brno', 'ghent', 'lyon', 'oslo', 'porto', 'turin', 'vienna'];
const DROPOUTS = ['ghent', 'porto'];
const ROUNDS = 4;
const EPOCHS = 1;
const LEARNING_RATE = 0.02;
const BATCH_SIZE = 10;
/** Hardly any update is longer. */
const CLIP = 5;
/** Under noise: an update this short is mostly what it was, and noise, which grows with the clip, does less harm. */
const NOISED_CLIP = 0.3;

type Share = Pick<RunParts, 'training' | 'digits' | 'settings' | 'seed'>;

interface Undertaking {
  readonly name: string;
  readonly title: string;
  readonly policy: FederationPolicy;
  readonly floor: Protection;
}

/** @throws UsageError TRAINING_UNAVAILABLE */
export async function runFederationDemo(
  { seed, rounds = ROUNDS, epochs = EPOCHS, digits: limit }: FederationDemoOptions,
  context: CommandContext,
): Promise<FederationReport> {
  const start = performance.now();
  const training = await DigitTraining.open();
  const fixtures = join(await packageRoot(), 'fixtures');
  const sharing = { participants: PARTICIPANTS.length, ...(limit === undefined ? {} : { limit }) };
  const digits = await shareDigits(fixtures, sharing);
  const template = replaceParameters(
    await readModel(join(fixtures, 'digits-square.onnx')),
    Float64Array.from(training.initial(seed)),
    'the template',
  );
  const settings = { epochs, learningRate: LEARNING_RATE, batchSize: BATCH_SIZE };
  const share: Share = { training, digits, settings, seed };
  await using folder = await temporaryFolder();
  const run = (undertaking: Undertaking): Promise<TrainedTogether> =>
    train(undertaking, template, join(folder.path, undertaking.name), share, context);
  const plain = await run(maskedOnly(rounds));
  const noised = await run(maskedAndNoised(rounds));
  context.note(
    'compiling the model that was trained without noise, and classifying one digit under encryption',
  );
  return {
    seed,
    participants: PARTICIPANTS,
    parameters: WEIGHT_COUNT,
    trainingDigits: digits.shares.reduce((sum, { labels }) => sum + labels.length, 0),
    testDigits: digits.test.labels.length,
    plain: plain.run,
    noised: noised.run,
    encrypted: await classifyEncrypted(plain.model, fixtures, context),
    totalMs: performance.now() - start,
  };
}

function maskedOnly(rounds: number): Undertaking {
  const policy = policyOf({ sensitivity: 'public', jurisdictions: [] }, rounds, CLIP);
  // The participants have to agree to what bounds nothing.
  const floor: Protection = { ...DEFAULT_FLOOR, mechanism: 'none', epsilon: Infinity };
  return { name: 'masked', title: 'masks alone', policy, floor };
}

function maskedAndNoised(rounds: number): Undertaking {
  const policy = policyOf({ sensitivity: 'health', jurisdictions: ['EU'] }, rounds, NOISED_CLIP);
  return { name: 'noised', title: 'masks and noise', policy, floor: policy.protection };
}

function policyOf(
  context: { readonly sensitivity: string; readonly jurisdictions: readonly string[] },
  rounds: number,
  clip: number,
): FederationPolicy {
  return parsePolicy(
    JSON.stringify({
      federation: 'digits',
      owner: 'coordinator',
      context: { ...context, clients: PARTICIPANTS.length, client_resources: 'medium' },
      ...{ rounds, clip },
    }),
  );
}

async function train(
  { title, policy, floor }: Undertaking,
  template: Uint8Array,
  folder: string,
  share: Share,
  context: CommandContext,
): Promise<TrainedTogether> {
  const names = PARTICIPANTS;
  await using federation = await LoopbackFederation.open({
    ...{ folder, template, policy, floor, names, version: await packageVersion() },
  });
  const { mechanism, epsilon, delta } = policy.protection;
  context.note(
    `${title}: ${plural(names.length, 'participant')}, ${plural(policy.rounds, 'round')}, ${
      mechanism === 'none'
        ? 'no noise, so no ε'
        : `${mechanism}, ε ${epsilon} at δ ${formatSignificant(delta, 1)}`
    }`,
  );
  const trained = await trainTogether({
    ...share,
    federation,
    // In the second round where there is one: what is learnt without them is seen, and they come back.
    dropouts: { round: Math.min(2, policy.rounds), names: DROPOUTS },
    signal: context.signal,
    report: (fraction) => context.progress.report(title, fraction),
    onRound: (round) => context.note(roundLine(round)),
  });
  // As the owner of a federation gets it.
  const { file } = await federation.owner.own('export_model', {}, z.looseObject({ file: z.string() }));
  return { ...trained, model: await readFile(join(federation.state, file)) };
}

function roundLine({ round, accuracy, dropouts, sum, epsilon }: FederationRound): string {
  const missing = dropouts.length === 0 ? '' : `, ${dropouts.join(' and ')} dropped out`;
  const exact = sum.wrong === 0 ? 'sum exact' : `sum WRONG in ${sum.wrong} of ${sum.weights} weights`;
  const spent = epsilon === null ? '' : `, ε spent ${epsilon.most.toFixed(2)}`;
  return `  round ${round}: accuracy ${formatPercent(accuracy, 1)}, ${exact}${spent}${missing}`;
}

interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

/** Goes with the command, however it ends. */
async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'he-compile-federation-')));
  tellGuard({ kind: 'temporary', path, done: false });
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true });
      tellGuard({ kind: 'temporary', path, done: true });
    },
  };
}

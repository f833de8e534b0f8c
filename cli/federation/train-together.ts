/** Rounds of one federation on this machine: each participant trains on its digits, masked updates are summed, everybody goes on from the mean. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import { readParameters, replaceParameters } from '../../src/onnx/model-parameters.ts';
import { InternalError } from '../../src/errors.ts';
import type { RoundStatus } from '../../src/server/client/remote-federation.ts';
import { ToolError } from '../../src/server/protocol/error-codes.ts';
import { roundAnswer } from '../../src/server/protocol/federation-messages.ts';
import type { FederationRound, FederationRun } from '../report/federation-report.ts';
import { checkSum } from './check-sum.ts';
import type { DigitTraining, DigitWeights, TrainingOptions } from './digit-training.ts';
import type { SharedDigits } from './digits.ts';
import type { LoopbackFederation, LoopbackParticipant } from './loopback-federation.ts';

export interface RunParts {
  readonly federation: LoopbackFederation;
  readonly training: DigitTraining;
  readonly digits: SharedDigits;
  /** Without the seed: each participant has another one in each round. */
  readonly settings: Omit<TrainingOptions, 'seed'>;
  readonly seed: number;
  readonly dropouts: { readonly round: number; readonly names: readonly string[] };
  readonly signal: AbortSignal;
  /** Of this run, 0 … 1. */
  readonly report: (fraction: number) => void;
  /** After every round. */
  readonly onRound: (round: FederationRound) => void;
}

export interface TrainedTogether {
  readonly run: FederationRun;
  /** The last global model, ONNX. */
  readonly model: Uint8Array;
}

const WHAT = 'the global model';
const POLL_MS = 50;
/** Of a round's work; what goes over the network is the rest. */
const TRAINING_SHARE = 0.8;

/** All rounds that the policy plans. @throws HeError where a participant fails that was not to drop out */
export async function trainTogether(parts: RunParts): Promise<TrainedTogether> {
  const { federation, training, digits } = parts;
  const { policy } = federation.server.services.federation;
  let { bytes: model } = await federation.owner.fetchModel(undefined);
  const initialAccuracy = training.accuracy(weightsOf(model), digits.test);
  const rounds: FederationRound[] = [];
  let noise = 0;
  for (let index = 0; index < policy.rounds; index++) {
    const within = (fraction: number): void => parts.report((index + fraction) / policy.rounds);
    const done = await trainRound(parts, model, within);
    ({ model, noise } = done);
    rounds.push(done.record);
    parts.onRound(done.record);
  }
  const { mechanism, epsilon, delta, minSurvivors, colluders } = policy.protection;
  const run: FederationRun = {
    ...{ mechanism, delta, minSurvivors, colluders, initialAccuracy, rounds },
    clip: policy.clip,
    epsilonPlanned: epsilon === Infinity ? null : epsilon,
    noiseMultiplier: federation.server.services.federation.noiseMultiplier,
    noiseNorm: noise,
  };
  return { run, model };
}

interface DoneRound {
  readonly record: FederationRound;
  readonly model: Uint8Array;
  readonly noise: number;
}

async function trainRound(
  parts: RunParts,
  before: Uint8Array,
  report: (fraction: number) => void,
): Promise<DoneRound> {
  const { federation, training, digits, dropouts, signal } = parts;
  const { owner, participants } = federation;
  const { round } = await owner.own('open_round', {}, roundAnswer);
  const updates: PreparedUpdate[] = [];
  for (const [i, participant] of participants.entries()) {
    // A signal is heard, and what waits for this process gets its turn.
    await setImmediate();
    signal.throwIfAborted();
    updates.push(await prepareUpdate(parts, participant, i, round));
    report((TRAINING_SHARE * (i + 1)) / participants.length);
  }
  const missing = dropouts.round === round ? dropouts.names : [];
  const staying = participants.filter(({ name }) => !missing.includes(name));
  const contributions = participants.map((participant, i) =>
    participant.contribute(round, updates[i]!.id, missing.includes(participant.name), signal),
  );
  const all = Promise.allSettled(contributions);
  if (missing.length > 0) await passDeadline(parts, round, staying.length, all);
  const outcomes = await all;
  signal.throwIfAborted();
  for (const [i, outcome] of outcomes.entries())
    if (outcome.status === 'rejected' && !missing.includes(participants[i]!.name)) throw outcome.reason;
  const status = await owner.status(round);
  if (status.stage !== 'opened')
    throw new ToolError('ERROR_ROUND_ABORTED', status.abort_reason ?? 'the round ended without a sum');
  const { bytes: model } = await owner.fetchModel(undefined);
  const given = participants
    .filter(({ name }) => status.survivors.includes(name))
    .map((participant) => participant.given!);
  const spent = await Promise.all(
    participants.map(async ({ services }) => (await services.federation.ledger()).spent),
  );
  report(1);
  const norms = updates.map(({ norm }) => norm);
  const { form, noise } = given[0]!.terms;
  return {
    model,
    noise: Math.sqrt((noise.parameter * form.length) / participants.length) / form.scale,
    record: {
      ...{ round, joined: participants.length, dropouts: status.dropouts },
      accuracy: training.accuracy(weightsOf(model), digits.test),
      updateNorms: extremes(norms),
      meanNorm: status.mean_norm,
      sum: checkSum(before, model, given),
      epsilon: spent.every(Number.isFinite) ? extremes(spent) : null,
    },
  };
}

interface PreparedUpdate {
  readonly id: string;
  /** L2, before clipping. */
  readonly norm: number;
}

/** Fetches, trains, exports and prepares, as a hospital would. */
async function prepareUpdate(
  { training, digits, settings, seed, signal }: RunParts,
  { root, services }: LoopbackParticipant,
  index: number,
  round: number,
): Promise<PreparedUpdate> {
  const { bytes } = await services.federation.withRemote(undefined, undefined, (remote) =>
    remote.fetchModel(undefined, { signal }),
  );
  const from = weightsOf(bytes);
  const trained = training.train(from, digits.shares[index]!, {
    ...settings,
    seed: seed + 100 * round + index,
  });
  const [before_path, after_path] = [join(root, 'before.onnx'), join(root, 'after.onnx')];
  await writeFile(before_path, bytes);
  await writeFile(after_path, replaceParameters(bytes, Float64Array.from(trained), WHAT));
  const files = { before_path, after_path };
  const { updateId } = await services.federation.prepare(files, undefined, undefined);
  return { id: updateId, norm: Math.hypot(...trained.map((value, i) => value - from[i]!)) };
}

/** Waits until all that stay have uploaded; then the time of the step is over, which others would wait hours for. */
async function passDeadline(
  { federation, signal }: RunParts,
  round: number,
  staying: number,
  contributions: Promise<readonly PromiseSettledResult<void>[]>,
): Promise<void> {
  let over = false;
  void contributions.then(() => (over = true));
  for (;;) {
    const status: RoundStatus = await federation.owner.status(round, { signal });
    if (status.stage === 'uploading' && status.progress?.uploaded === staying) {
      await federation.server.tick(Date.parse(status.deadline) + 1);
      return;
    }
    // A round that ended without them is looked at by the caller.
    if (over) return;
    await delay(POLL_MS, undefined, { signal });
  }
}

function weightsOf(model: Uint8Array): DigitWeights {
  return Float32Array.from(readParameters(model, WHAT).values);
}

function extremes(values: readonly number[]): { readonly least: number; readonly most: number } {
  if (values.length === 0) throw new InternalError('a round of nobody');
  return { least: Math.min(...values), most: Math.max(...values) };
}

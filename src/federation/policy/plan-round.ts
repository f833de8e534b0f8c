/** Protection → the terms of a round: how updates become integers, and how much noise each participant adds. */
import { ProtocolError } from '../../errors.ts';
import { calibrateNoise, noiseParameter } from '../privacy/calibrate-noise.ts';
import type { SumShape } from '../privacy/calibrate-noise.ts';
import type { RoundTerms } from '../round-terms.ts';
import type { RoundNoise, UpdateForm } from '../update/update-form.ts';
import { checkUpdateForm, quantisedBound, sumShape } from '../update/update-form.ts';
import type { FederationContext } from './decide-protection.ts';
import { NEIGHBOURS } from './policy-table.ts';
import type { Protection } from './protection.ts';

/** What a federation does in every round. */
export interface FederationPlan {
  readonly federation: string;
  readonly context: FederationContext;
  readonly protection: Protection;
  /** Rounds that ε is planned for. */
  readonly rounds: number;
  /** Norm that updates are clipped to, in units of the model: L1 for Laplace noise, else L2. */
  readonly clip: number;
  /** Numbers that are trained. */
  readonly length: number;
}

/** Of a participant's shares: so little above two thirds that it takes no share more, of as many as there are. */
const SHARE_THRESHOLD = 0.667;
/** Integer units in a clipped update: no finer than this, since nothing is gained by it. */
const FINEST_BOUND = 2 ** 20;
/** Noise is first looked for below these. */
const GUESSES: readonly number[] = [4, 64, 1024, 16_384];

/**
 * The least noise multiplier by which all rounds keep ε; 0 where there is to be none.
 * @throws ProtocolError NOISE_UNREACHABLE, FEDERATION_FORM_REFUSED
 */
export function plannedMultiplier(plan: FederationPlan): number {
  const { mechanism, epsilon, delta } = plan.protection;
  if (mechanism === 'none') return 0;
  if (epsilon === Infinity)
    throw new ProtocolError('POLICY_UNMET', 'noise without an ε that says how much', {
      hint: 'state protection.epsilon in the policy file',
    });
  const goal = { mechanism, epsilon, delta, rounds: plan.rounds };
  // More noise takes coarser integers, and what noise is enough is worked out in those that are used then.
  for (const guess of GUESSES) {
    const multiplier = calibrateNoise(goal, shapeOf(plan, finestForm(plan, guess).form), guess);
    if (multiplier !== null)
      return calibrateNoise(goal, shapeOf(plan, finestForm(plan, multiplier).form), 2 * guess) ?? multiplier;
  }
  throw new ProtocolError('NOISE_UNREACHABLE', `no noise brings ${plan.rounds} rounds below ε = ${epsilon}`, {
    hint: 'use fewer rounds, a larger ε, or more participants',
  });
}

/** @param multiplier at least the planned one */
export function planRound(
  plan: FederationPlan,
  round: number,
  model: string,
  multiplier: number,
): RoundTerms {
  const { protection, context } = plan;
  return {
    federation: plan.federation,
    round,
    model,
    ...finestForm(plan, multiplier),
    protocol: protection.protocol,
    maxParticipants: context.clients,
    minSurvivors: protection.minSurvivors,
    colluders: protection.colluders,
    neighbours: Math.min(NEIGHBOURS[context.clientResources], evenUp(context.clients - 1)),
    shareThreshold: SHARE_THRESHOLD,
    delta: protection.delta,
  };
}

/** What one participant can contribute under a form, and how much of the noise in a sum is sure to be unknown. */
export function shapeOfTerms({
  form,
  minSurvivors,
  colluders,
}: Pick<RoundTerms, 'form' | 'minSurvivors' | 'colluders'>): SumShape {
  return sumShape(form, minSurvivors - colluders);
}

function shapeOf({ protection }: FederationPlan, form: UpdateForm): SumShape {
  return shapeOfTerms({ form, minSurvivors: protection.minSurvivors, colluders: protection.colluders });
}

/** The finest scale, a power of two, by which no sum can wrap. */
function finestForm(plan: FederationPlan, multiplier: number): { form: UpdateForm; noise: RoundNoise } {
  const { mechanism } = plan.protection;
  const norm = mechanism === 'discrete-laplace' ? 'l1' : 'l2';
  for (let exponent = Math.floor(Math.log2(FINEST_BOUND / plan.clip)); ; exponent--) {
    const form: UpdateForm = { length: plan.length, clip: plan.clip, norm, scale: 2 ** exponent };
    const parameter = mechanism === 'none' ? 0 : noiseParameter(mechanism, multiplier, shapeOf(plan, form));
    const noise: RoundNoise = { mechanism, parameter };
    try {
      checkUpdateForm(form, noise, plan.context.clients);
      return { form, noise };
    } catch (error) {
      // A coarser one may do; where nothing is left of an update, none does.
      if (quantisedBound(form) < 2) throw error;
    }
  }
}

function evenUp(count: number): number {
  return count + (count % 2);
}

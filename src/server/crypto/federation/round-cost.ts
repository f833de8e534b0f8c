/** What a participant looks at before it takes part: what the round costs by its terms, and whether they meet its floor. */
import type { Protection } from '../../../federation/policy/protection.ts';
import { requireFloor } from '../../../federation/policy/floor.ts';
import { shapeOfTerms } from '../../../federation/policy/plan-round.ts';
import type { PaidRound, RoundCost } from '../../../federation/privacy/ledger.ts';
import type { RoundTerms } from '../../../federation/round-terms.ts';
import { checkTerms, termsDigest } from '../../../federation/round-terms.ts';
import type { FederationDescription } from '../../client/remote-federation.ts';

/** Worked out from the terms, which all participants sign, and from nothing that the aggregator says besides. */
export function costOf(terms: RoundTerms): RoundCost & PaidRound {
  return {
    federation: terms.federation,
    round: terms.round,
    terms: termsDigest(terms),
    mechanism: terms.noise.mechanism,
    parameter: terms.noise.parameter,
    ...shapeOfTerms(terms),
  };
}

/**
 * What the terms say counts; of what they do not say (ε over all rounds, least clients) the description.
 * @throws ProtocolError FLOOR_NOT_MET, FEDERATION_TERMS_REFUSED
 */
export function requireAcceptable(
  terms: RoundTerms,
  { protection }: Pick<FederationDescription, 'protection'>,
  floor: Protection,
): void {
  checkTerms(terms, terms.protocol === 'bfv-sum' ? 'bfv-sum' : 'secure-aggregation');
  requireFloor(
    {
      protocol: terms.protocol,
      mechanism: terms.noise.mechanism,
      epsilon: protection.epsilon ?? Infinity,
      delta: terms.delta,
      minClients: protection.min_clients,
      minSurvivors: terms.minSurvivors,
      colluders: terms.colluders,
    },
    floor,
  );
}

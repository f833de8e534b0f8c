/** How strongly a federation protects one participant's update, and when one protection is at least as strict as another. */

export const PROTOCOLS = ['bfv-sum', 'secure-aggregation'] as const;
/** From weak to strong: BFV sums rest on a decryptor who does not collude with the aggregator, masks on no such promise. */
export type AggregationProtocol = (typeof PROTOCOLS)[number];

export const MECHANISMS = ['none', 'discrete-gaussian', 'discrete-laplace'] as const;
/** From weak to strong: Laplace noise gives pure ε. */
export type NoiseMechanism = (typeof MECHANISMS)[number];

export interface Protection {
  readonly protocol: AggregationProtocol;
  readonly mechanism: NoiseMechanism;
  /** Of all rounds together; Infinity: no bound. */
  readonly epsilon: number;
  readonly delta: number;
  /** A round with fewer participants is not begun. */
  readonly minClients: number;
  /** A sum of fewer updates is not opened. */
  readonly minSurvivors: number;
  /** Of the survivors, how many may tell the aggregator their noise without weakening (ε, δ). */
  readonly colluders: number;
}

/** Whether `a` protects at least as strictly as `b` in every respect: a partial order. */
export function isAtLeastAsStrict(a: Protection, b: Protection): boolean {
  return weaknesses(a, b).length === 0;
}

/** The respects in which `a` is weaker than `b`. */
export function weaknesses(a: Protection, b: Protection): readonly (keyof Protection)[] {
  const weaker: Readonly<Record<keyof Protection, boolean>> = {
    protocol: PROTOCOLS.indexOf(a.protocol) < PROTOCOLS.indexOf(b.protocol),
    mechanism: MECHANISMS.indexOf(a.mechanism) < MECHANISMS.indexOf(b.mechanism),
    epsilon: a.epsilon > b.epsilon,
    delta: a.delta > b.delta,
    minClients: a.minClients < b.minClients,
    minSurvivors: a.minSurvivors < b.minSurvivors,
    colluders: a.colluders < b.colluders,
  };
  return (Object.keys(weaker) as (keyof Protection)[]).filter((respect) => weaker[respect]);
}

/** The weakest protection that is at least as strict as both. */
export function strictest(a: Protection, b: Protection): Protection {
  return {
    protocol: PROTOCOLS[Math.max(PROTOCOLS.indexOf(a.protocol), PROTOCOLS.indexOf(b.protocol))]!,
    mechanism: MECHANISMS[Math.max(MECHANISMS.indexOf(a.mechanism), MECHANISMS.indexOf(b.mechanism))]!,
    epsilon: Math.min(a.epsilon, b.epsilon),
    delta: Math.min(a.delta, b.delta),
    minClients: Math.max(a.minClients, b.minClients),
    minSurvivors: Math.max(a.minSurvivors, b.minSurvivors),
    colluders: Math.max(a.colluders, b.colluders),
  };
}

/** No demand at all: what `strictest` starts from. */
export const NO_PROTECTION: Protection = {
  protocol: 'bfv-sum',
  mechanism: 'none',
  epsilon: Infinity,
  delta: 1,
  minClients: 1,
  minSurvivors: 1,
  colluders: 0,
};

/**
 * The one table from what a federation declares about itself to how it protects. Deterministic, and monotone by construction: every row
 * is a demand, and the protection is the strictest of all rows that hold. No law states an ε: these numbers are ours, to be made
 * stricter in a policy file and never weaker. docs/federation.md shows them.
 */
import type { Protection } from './protection.ts';
import { NO_PROTECTION } from './protection.ts';

export const SENSITIVITIES = ['public', 'internal', 'personal', 'health'] as const;
/** Of what the updates are made from, from little to much. */
export type Sensitivity = (typeof SENSITIVITIES)[number];

export const CLIENT_RESOURCES = ['low', 'medium', 'high'] as const;
export type ClientResources = (typeof CLIENT_RESOURCES)[number];

export interface Demand extends Protection {
  /** Colluders besides, as a share of all clients. */
  readonly colluderShare: number;
}

const demand = (part: Partial<Demand>): Demand => ({ ...NO_PROTECTION, colluderShare: 0, ...part });

/** By sensitivity: a row holds for its sensitivity and for all above it. */
export const BY_SENSITIVITY: Readonly<Record<Sensitivity, Demand>> = {
  // Sums cost little, and weights of others are nobody's business even where data are public.
  public: demand({ delta: 1e-5, minClients: 3, minSurvivors: 3 }),
  internal: demand({ mechanism: 'discrete-gaussian', epsilon: 10 }),
  // A decryptor who keeps its word is no protection of persons.
  personal: demand({
    protocol: 'secure-aggregation',
    epsilon: 8,
    delta: 1e-6,
    minClients: 5,
    colluders: 1,
    colluderShare: 0.1,
  }),
  health: demand({ epsilon: 4, minClients: 6, minSurvivors: 4, colluderShare: 0.2 }),
};

/** Where a policy asks for none. It meets every demand, and takes nobody besides the participants. */
export const DEFAULT_PROTOCOL = 'secure-aggregation';

/** Data of persons are subject to their jurisdictions, from this sensitivity on. */
export const JURISDICTIONS_FROM: Sensitivity = 'personal';

/** By jurisdiction, as a policy file names it. One that is not here has the demands of all. */
export const BY_JURISDICTION: Readonly<Record<string, Demand>> = {
  US: demand({ minClients: 6 }),
  'US-HIPAA': demand({ epsilon: 6, delta: 1e-6, colluders: 1 }),
  EU: demand({ epsilon: 6, delta: 1e-6, colluders: 1, colluderShare: 0.2 }),
  UK: demand({ epsilon: 6, delta: 1e-6, colluders: 1 }),
  CH: demand({ epsilon: 6, delta: 1e-6, colluders: 1 }),
};

/**
 * So many that each survivor finds, where everybody shares with everybody, more than two thirds of all others among them: as many shares as its
 * secret takes, and so that no two sets of survivors can both be large enough (Bonawitz et al., CCS 2017, §6.2).
 */
export function survivorsOfClients(clients: number): number {
  return Math.floor((2 * (clients - 1)) / 3) + 2;
}

/** More than these could rebuild the secrets of a participant that shares them with as many neighbours as below. */
export const MOST_COLLUDERS = 40;

/** How many others each shares masks and secrets with, where there are so many; fewer cost clients less time. */
export const NEIGHBOURS: Readonly<Record<ClientResources, number>> = { low: 64, medium: 96, high: 128 };

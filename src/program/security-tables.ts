/**
 * The one place for security numbers: upper bounds on log2(QP) for uniform ternary secrets, σ = 3.19 or 3.2, classical
 * attacks. Q is the largest modulus that anything is encrypted or keyed under, so the key-switching primes P count. Sparse
 * secrets are weaker than these tables assume: of them it counts what an estimator says of attacks on their ring, weight and modulus.
 */
import type { SecurityLevel } from './parameters.ts';

interface SecurityTable {
  readonly source: string;
  readonly maxLogQP: Readonly<Record<SecurityLevel, ReadonlyMap<number, number>>>;
}

/** Albrecht et al., "Homomorphic Encryption Standard" (2018), table 1. */
const STANDARD_2018: SecurityTable = {
  source: 'Homomorphic Encryption Standard (2018), table 1',
  maxLogQP: {
    128: new Map([
      [1024, 27],
      [2048, 54],
      [4096, 109],
      [8192, 218],
      [16384, 438],
      [32768, 881],
    ]),
    192: new Map([
      [1024, 19],
      [2048, 37],
      [4096, 75],
      [8192, 152],
      [16384, 305],
      [32768, 611],
    ]),
    256: new Map([
      [1024, 14],
      [2048, 29],
      [4096, 58],
      [8192, 118],
      [16384, 237],
      [32768, 476],
    ]),
  },
};

/**
 * Bossuat et al., "Security Guidelines for Implementing Homomorphic Encryption" (eprint 2024/463), table 5.2: newer
 * attacks. It has no entry for N = 1024 above 128 bits.
 */
const GUIDELINES_2024: SecurityTable = {
  source: 'eprint 2024/463, table 5.2',
  maxLogQP: {
    128: new Map([
      [1024, 26],
      [2048, 53],
      [4096, 106],
      [8192, 214],
      [16384, 430],
      [32768, 868],
      [65536, 1747],
    ]),
    192: new Map([
      [2048, 36],
      [4096, 73],
      [8192, 147],
      [16384, 297],
      [32768, 597],
      [65536, 1199],
    ]),
    256: new Map([
      [2048, 27],
      [4096, 56],
      [8192, 114],
      [16384, 230],
      [32768, 462],
      [65536, 929],
    ]),
  },
};

/** What one table says about a ring. */
export interface SecurityBound {
  readonly source: string;
  /** Bits; null where the table has no entry. */
  readonly maxLogQP: number | null;
}

/** What each table says about ring degree N, the older one first. */
export function securityBounds(polyModulusDegree: number, security: SecurityLevel): SecurityBound[] {
  return [STANDARD_2018, GUIDELINES_2024].map(({ source, maxLogQP }) => ({
    source,
    maxLogQP: maxLogQP[security].get(polyModulusDegree) ?? null,
  }));
}

/** Ring degrees for which there is a bound, ascending: those that the newer table knows. */
export function ringDegrees(security: SecurityLevel): number[] {
  return [...GUIDELINES_2024.maxLogQP[security].keys()];
}

/**
 * Largest log2(QP) that still has the security level at ring degree N: the smaller of the two tables' bounds. 0 where the
 * newer table says nothing: the older one alone knows nothing of newer attacks.
 */
export function maxLogQP(polyModulusDegree: number, security: SecurityLevel): number {
  if (!GUIDELINES_2024.maxLogQP[security].has(polyModulusDegree)) return 0;
  const bounds = securityBounds(polyModulusDegree, security).map((bound) => bound.maxLogQP ?? Infinity);
  return Math.min(...bounds);
}

/** Primal attacks and dual ones, by lattice reduction alone and with coordinates of the secret guessed: all must have been estimated. */
const ATTACKS = ['usvp', 'bdd', 'bdd_hybrid', 'bdd_mitm_hybrid', 'dual_hybrid', 'dual_mitm_hybrid'] as const;
/** Of lattice reduction: MATZOV (2022); Becker, Ducas, Gama and Laarhoven (SODA 2016). */
const COST_MODELS = ['MATZOV', 'BDGL16'] as const;

/** What one attack costs by one cost model of lattice reduction. */
export interface AttackEstimate {
  readonly attack: (typeof ATTACKS)[number];
  readonly model: (typeof COST_MODELS)[number];
  /** log2 of operations; null where the estimator finds no way for the attack to succeed, which counts for nothing. */
  readonly cost: number | null;
}

/** Estimates of attacks on a secret of `weight` coefficients in ±1, errors of σ = 3.2. */
export interface SparseSecretEstimates {
  readonly polyModulusDegree: number;
  readonly weight: number;
  /** log2 of the largest modulus that the estimates are for: those of smaller ones are higher. */
  readonly maxLogModulus: number;
  readonly estimator: string;
  readonly commit: string;
  readonly attacks: readonly AttackEstimate[];
}

/**
 * Ephemeral secrets of refreshes (Bossuat, Troncoso-Pastoriza and Hubaux, eprint 2022/024), which are seen through two kinds of
 * samples only: one key modulo q_0 p', p' the first special prime, and ciphertexts modulo q_0. Estimated by
 * scripts/estimate-sparse-secrets.py; `dual_mitm_hybrid` by a wider search with the estimator's cost function, see SECURITY.md.
 */
const SPARSE_SECRETS: readonly SparseSecretEstimates[] = [
  {
    polyModulusDegree: 32768,
    weight: 40,
    maxLogModulus: 82,
    estimator: 'malb/lattice-estimator',
    commit: '27a581b',
    attacks: [
      { attack: 'usvp', model: 'MATZOV', cost: null },
      { attack: 'usvp', model: 'BDGL16', cost: null },
      { attack: 'bdd', model: 'MATZOV', cost: null },
      { attack: 'bdd', model: 'BDGL16', cost: null },
      { attack: 'bdd_hybrid', model: 'MATZOV', cost: 213.4 },
      { attack: 'bdd_hybrid', model: 'BDGL16', cost: 213.8 },
      { attack: 'bdd_mitm_hybrid', model: 'MATZOV', cost: 184.5 },
      { attack: 'bdd_mitm_hybrid', model: 'BDGL16', cost: 185.0 },
      { attack: 'dual_hybrid', model: 'MATZOV', cost: 208.8 },
      { attack: 'dual_hybrid', model: 'BDGL16', cost: 208.7 },
      { attack: 'dual_mitm_hybrid', model: 'MATZOV', cost: 176.9 },
      { attack: 'dual_mitm_hybrid', model: 'BDGL16', cost: 177.2 },
    ],
  },
];

/** Bits that the cheapest attack must cost beyond the security level: estimates of hybrid attacks are younger than the tables. */
const MARGIN_BITS = 10;

/** log2 of the operations that every estimated attack must cost. */
export function leastAttackCost(security: SecurityLevel): number {
  return security + MARGIN_BITS;
}

/** log2 of what the cheapest of the attacks costs; null where none has a cost. */
export function leastCost(attacks: readonly AttackEstimate[]): number | null {
  const costs = attacks.flatMap(({ cost }) => cost ?? []);
  return costs.length === 0 ? null : Math.min(...costs);
}

/** Whether every attack was estimated by every model, and the cheapest costs enough: what no estimator looked at is no security. */
export function withstands(attacks: readonly AttackEstimate[], security: SecurityLevel): boolean {
  const complete = ATTACKS.every((attack) =>
    COST_MODELS.every((model) => attacks.some((each) => each.attack === attack && each.model === model)),
  );
  return complete && (leastCost(attacks) ?? 0) >= leastAttackCost(security);
}

/** The estimates for secrets of just this weight; null where there are none, or an attack is missing or costs too little. */
export function sparseSecretEstimates(
  polyModulusDegree: number,
  weight: number,
  security: SecurityLevel,
): SparseSecretEstimates | null {
  const known = SPARSE_SECRETS.find(
    (entry) => entry.polyModulusDegree === polyModulusDegree && entry.weight === weight,
  );
  return known !== undefined && withstands(known.attacks, security) ? known : null;
}

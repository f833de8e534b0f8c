/** The policy of a federation, as its owner writes it: JSON, strict, and never weaker than the table. */
import { z } from 'zod';
import { ProtocolError } from '../../errors.ts';
import type { FederationContext } from '../../federation/policy/decide-protection.ts';
import { tightenProtection } from '../../federation/policy/decide-protection.ts';
import { CLIENT_RESOURCES, SENSITIVITIES } from '../../federation/policy/policy-table.ts';
import type { Protection } from '../../federation/policy/protection.ts';
import { MECHANISMS, PROTOCOLS } from '../../federation/policy/protection.ts';
import { clientId } from '../protocol/identifiers.ts';

const HOUR = 3600;
const seconds = (standard: number): z.ZodDefault<z.ZodNumber> =>
  z
    .number()
    .min(1)
    .max(30 * 24 * HOUR)
    .default(standard);

const policyFile = z.strictObject({
  federation: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/),
  /** Name under which the owner is enrolled; nobody else opens rounds. */
  owner: clientId,
  /** Name under which who opens encrypted sums is enrolled. */
  decryptor: clientId.default('decryptor'),
  context: z.strictObject({
    sensitivity: z.enum(SENSITIVITIES),
    jurisdictions: z.array(z.string().regex(/^[A-Z][A-Za-z0-9-]{1,31}$/)).max(64),
    clients: z.int().min(3).max(10_000),
    client_resources: z.enum(CLIENT_RESOURCES),
  }),
  rounds: z.int().min(1).max(10_000),
  clip: z.number().positive().max(1e6),
  /** What the mean of updates is multiplied with before it is added to the model. */
  server_learning_rate: z.number().positive().max(10).default(1),
  /** Initialisers that are not trained. */
  frozen: z.array(z.string().min(1).max(512)).max(10_000).default([]),
  /** Stricter than the table. */
  protection: z
    .strictObject({
      protocol: z.enum(PROTOCOLS).optional(),
      mechanism: z.enum(MECHANISMS).optional(),
      epsilon: z.number().positive().optional(),
      delta: z.number().positive().lt(1).optional(),
      min_clients: z.int().min(1).optional(),
      min_survivors: z.int().min(1).optional(),
      colluders: z.int().min(0).optional(),
    })
    .default({}),
  /** How long a step waits for those that have not done it; after that they have dropped out. */
  deadlines_s: z
    .strictObject({
      joining: seconds(24 * HOUR),
      sharing: seconds(HOUR),
      uploading: seconds(6 * HOUR),
      confirming: seconds(HOUR),
      revealing: seconds(HOUR),
    })
    .prefault({}),
});

export type Deadlines = z.infer<typeof policyFile>['deadlines_s'];

export interface FederationPolicy {
  readonly federation: string;
  readonly owner: string;
  readonly decryptor: string;
  readonly context: FederationContext;
  readonly protection: Protection;
  readonly rounds: number;
  readonly clip: number;
  readonly serverLearningRate: number;
  readonly frozen: readonly string[];
  readonly deadlines: Deadlines;
}

/** @throws ProtocolError POLICY_INVALID, POLICY_WEAKER, POLICY_UNMET */
export function parsePolicy(text: string): FederationPolicy {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw invalid('it is no JSON');
  }
  const parsed = policyFile.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(
      `${issue?.path.join('.') ?? ''}: ${issue?.message.slice(0, 200) ?? 'not what is expected'}`,
    );
  }
  const { data } = parsed;
  const context: FederationContext = {
    sensitivity: data.context.sensitivity,
    jurisdictions: data.context.jurisdictions,
    clients: data.context.clients,
    clientResources: data.context.client_resources,
  };
  if (data.owner === data.decryptor && data.protection.protocol === 'bfv-sum')
    throw invalid('decryptor: the owner is close to the aggregator');
  const { min_clients: minClients, min_survivors: minSurvivors, ...asked } = data.protection;
  return {
    federation: data.federation,
    owner: data.owner,
    decryptor: data.decryptor,
    context,
    protection: tightenProtection(context, defined({ ...asked, minClients, minSurvivors })),
    rounds: data.rounds,
    clip: data.clip,
    serverLearningRate: data.server_learning_rate,
    frozen: data.frozen,
    deadlines: data.deadlines_s,
  };
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function defined<T extends object>(fields: T): Partial<Defined<T>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<
    Defined<T>
  >;
}

function invalid(reason: string): ProtocolError {
  return new ProtocolError('POLICY_INVALID', `the policy file is not in order: ${reason}`, {
    hint: 'docs/federation.md has an example',
  });
}

/**
 * Messages of a federation's rounds as they travel. Keys, boxes, shares and signatures are standard Base64, digests hex. Names inside of
 * them are those of the library (src/federation/secure-aggregation/messages.ts), whose checks come after these.
 */
import { z } from 'zod';
import { sha256 } from './identifiers.ts';

export const MOST_PARTICIPANTS = 10_000;
const MOST_NEIGHBOURS = 254;

export const participantName = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/)
  .describe('client_id of a participant');
export const roundNumber = z.int().min(1).max(1_000_000).describe('Number of the round');
const base64 = (most: number): z.ZodString =>
  z
    .string()
    .regex(/^[A-Za-z0-9+/]+={0,2}$/)
    .max(most);
const key = base64(44);
const signature = base64(88);

export const roundTerms = z.strictObject({
  federation: z.string().max(64),
  round: roundNumber,
  model: sha256,
  form: z.strictObject({
    length: z.int().min(1),
    clip: z.number().positive(),
    norm: z.enum(['l1', 'l2']),
    scale: z.number().positive(),
  }),
  noise: z.strictObject({
    mechanism: z.enum(['none', 'discrete-gaussian', 'discrete-laplace']),
    parameter: z.number().min(0),
  }),
  protocol: z.enum(['secure-aggregation', 'bfv-sum']),
  maxParticipants: z.int().min(3),
  minSurvivors: z.int().min(3),
  colluders: z.int().min(0),
  neighbours: z.int().min(2),
  shareThreshold: z.number(),
  delta: z.number(),
});

export const advertisement = z.strictObject({
  participant: participantName,
  maskKey: key,
  channelKey: key,
  seedDigest: sha256,
  signature,
});

export const roster = z.strictObject({
  terms: roundTerms,
  advertisements: z.array(advertisement).max(MOST_PARTICIPANTS),
});

/** Of encrypted sums: what is announced of an update before it leaves. */
export const contribution = z.strictObject({
  participant: participantName,
  terms: sha256,
  publicKey: sha256,
  ciphertexts: sha256,
  signature,
});

export const contributions = z.array(contribution).max(MOST_PARTICIPANTS);

export const sumKey = z.strictObject({ terms: sha256, publicKey: sha256, signature });
export const sumKeyBytes = base64(100_000).describe('BFV public key of one round, as its SHA-256 was signed');
export const admission = z.strictObject({ roster: sha256, signature });
export const sumList = z.strictObject({
  roster: sha256,
  survivors: z.array(participantName).max(MOST_PARTICIPANTS),
  sum: sha256,
});

export const shareBox = z.strictObject({ from: participantName, to: participantName, box: base64(1024) });
export const shareBoxes = z.array(shareBox).max(MOST_NEIGHBOURS);

export const survivorList = z.strictObject({
  roster: sha256,
  sharers: z.array(participantName).max(MOST_PARTICIPANTS),
  survivors: z.array(participantName).max(MOST_PARTICIPANTS),
});

export const confirmation = z.strictObject({ participant: participantName, list: sha256, signature });

const revealedShares = z
  .array(z.strictObject({ of: participantName, share: base64(256) }))
  .max(MOST_NEIGHBOURS);
export const revelation = z.strictObject({
  participant: participantName,
  seeds: revealedShares,
  keys: revealedShares,
});

export const roundStage = z.enum([
  'joining',
  'sharing',
  'admitting',
  'uploading',
  'adding',
  'confirming',
  'revealing',
  'opening',
  'opened',
  'aborted',
]);

/** How strongly a federation says that it protects; an ε without bound is null. */
export const protectionAnswer = z.object({
  protocol: z.enum(['bfv-sum', 'secure-aggregation']),
  mechanism: z.enum(['none', 'discrete-gaussian', 'discrete-laplace']),
  epsilon: z.number().nullable().describe('Of all rounds together; null: no bound'),
  delta: z.number(),
  min_clients: z.int(),
  min_survivors: z.int(),
  colluders: z.int(),
});

export const roundAnswer = z.object({
  round: roundNumber,
  stage: roundStage,
  deadline: z.iso.datetime().describe('When the step ends for those who have not done it'),
  progress: z
    .object({
      joined: z.int(),
      shared: z.int(),
      uploaded: z.int(),
      confirmed: z.int(),
      revealed: z.int(),
    })
    .nullable()
    .describe('How many have done each step; null once the round is over'),
  survivors: z.array(z.string()),
  dropouts: z.array(z.string()),
  abort_reason: z.string().nullable(),
  new_version: z.int().nullable().describe('Global model that came of it'),
  mean_norm: z.number().nullable(),
  anomalies: z.array(z.string()).describe('What can be seen of them; a single poisoned update cannot'),
});

export const globalModelAnswer = z.object({
  version: z.int().min(0).describe('0: the template'),
  sha256,
  bytes: z.int().min(1),
  round: z.int().nullable(),
});

export const describeFederationAnswer = z.object({
  ok: z.literal(true),
  federation: z.string(),
  owner: z.string(),
  decryptor: participantName.nullable().describe('Who opens encrypted sums; null where updates are masked'),
  closed: z.boolean(),
  context: z.object({
    sensitivity: z.string(),
    jurisdictions: z.array(z.string()),
    clients: z.int(),
    client_resources: z.string(),
  }),
  protection: protectionAnswer,
  noise_multiplier: z.number(),
  rounds_planned: z.int(),
  rounds_spent: z.int().describe('Rounds in which masked updates may have been sent'),
  layout_digest: sha256,
  parameters: z.int().min(1).describe('Numbers that are trained'),
  tensors: z.array(z.object({ name: z.string(), shape: z.array(z.int()) })).max(100_000),
  frozen: z.array(z.string()),
  model: globalModelAnswer,
  round: roundAnswer.nullable(),
  terms: roundTerms.nullable().describe('Of the round that is open'),
});

const identities = z
  .array(z.object({ participant: participantName, public_key: z.string().max(256) }))
  .max(MOST_PARTICIPANTS)
  .describe('Keys that they are enrolled with: hold them against those that you know');

export const rosterAnswer = z.object({ ok: z.literal(true), roster, identities });

/** Of encrypted sums. */
export const contributionsAnswer = z.object({
  ok: z.literal(true),
  contributions,
  admission: admission.nullable().describe('The decryptor’s, once it has given it'),
  identities,
});

export const sumKeyAnswer = z.object({
  ok: z.literal(true),
  decryptor: participantName,
  public_key: z
    .string()
    .max(256)
    .describe('Key that it is enrolled with: hold it against the one that you know'),
  sum_key: sumKey.nullable().describe('Null until the decryptor has published it'),
  key_b64: sumKeyBytes.nullable(),
});

export const sumRequestAnswer = z.object({
  ok: z.literal(true),
  list: sumList,
  confirmations: z.array(confirmation).max(MOST_PARTICIPANTS),
});

export const ciphertextsAnswer = z.object({
  ok: z.literal(true),
  bytes: z.int().min(1),
  chunk_index: z.int().min(0),
  total_chunks: z.int().min(1),
  chunk_b64: z.string(),
});

export const unmaskRequestAnswer = z.object({
  ok: z.literal(true),
  list: survivorList,
  confirmations: z
    .array(confirmation)
    .max(MOST_PARTICIPANTS)
    .nullable()
    .describe('Of all who confirmed, once no more are waited for'),
});

export const modelChunkAnswer = z.object({
  ok: z.literal(true),
  ...globalModelAnswer.shape,
  chunk_index: z.int().min(0),
  total_chunks: z.int().min(1),
  chunk_b64: z.string(),
  chunk_sha256: sha256,
});

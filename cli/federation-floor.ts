/** What a participant demands of federations, and whom it knows, as files that who runs the local server writes. */
import { z } from 'zod';
import { readBounded } from '../src/data/read-file.ts';
import { UsageError } from '../src/errors.ts';
import { DEFAULT_FLOOR } from '../src/federation/policy/floor.ts';
import type { Protection } from '../src/federation/policy/protection.ts';
import { MECHANISMS, PROTOCOLS } from '../src/federation/policy/protection.ts';
import type { KnownDecryptor } from '../src/server/crypto/federation/contribution.ts';
import { participantName } from '../src/server/protocol/federation-messages.ts';
import { publicKeyText } from '../src/server/protocol/identifiers.ts';

const MAX_BYTES = 2 ** 20;

const floorFile = z.strictObject({
  protocol: z.enum(PROTOCOLS).optional(),
  mechanism: z.enum(MECHANISMS).optional(),
  /** Null: no bound. */
  epsilon: z.number().positive().nullable().optional(),
  delta: z.number().positive().lt(1).optional(),
  min_clients: z.int().min(3).optional(),
  min_survivors: z.int().min(3).optional(),
  colluders: z.int().min(0).optional(),
});

/** What the file leaves out is as by default. @throws UsageError */
export async function readFloor(file: string): Promise<Protection> {
  const given = await readJson(file, floorFile, 'the floor');
  return {
    protocol: given.protocol ?? DEFAULT_FLOOR.protocol,
    mechanism: given.mechanism ?? DEFAULT_FLOOR.mechanism,
    epsilon: given.epsilon === null ? Infinity : (given.epsilon ?? DEFAULT_FLOOR.epsilon),
    delta: given.delta ?? DEFAULT_FLOOR.delta,
    minClients: given.min_clients ?? DEFAULT_FLOOR.minClients,
    minSurvivors: given.min_survivors ?? DEFAULT_FLOOR.minSurvivors,
    colluders: given.colluders ?? DEFAULT_FLOOR.colluders,
  };
}

/** Public keys by name. @throws UsageError */
export async function readMembers(file: string): Promise<ReadonlyMap<string, string>> {
  return new Map(
    Object.entries(await readJson(file, z.record(participantName, publicKeyText), 'the members')),
  );
}

/** @throws UsageError */
export function knownDecryptor([name, publicKey]: readonly [string, string]): KnownDecryptor {
  if (participantName.safeParse(name).success && publicKeyText.safeParse(publicKey).success)
    return { name, publicKey };
  throw new UsageError('USAGE', 'the decryptor is not given as NAME=KEY', {
    hint: 'he-compile decryptor shows both when it starts',
  });
}

async function readJson<T>(file: string, schema: z.ZodType<T>, what: string): Promise<T> {
  const text = Buffer.from(await readBounded(file, MAX_BYTES, what)).toString('utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new UsageError('USAGE', `${file} is no JSON`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError(
    'USAGE',
    `${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not what is expected'}`,
    {
      hint: 'docs/federation.md shows both files',
    },
  );
}

/** docs/protocol.md's tables, from the tools' schemas and the server's limits, and its test vectors. */
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { z } from 'zod';
import { encodeCiphertextSet } from '../src/runtime/formats/ciphertext-set.ts';
import { encodeEvaluationKeys } from '../src/runtime/formats/evaluation-keys.ts';
import { parametersDigest } from '../src/runtime/formats/parameters-digest.ts';
import type { ParametersLiteral } from '../src/program/parameters.ts';
import { LOCAL_TOOLS } from '../src/server/crypto/tools/registry.ts';
import { FEDERATION_TOOLS } from '../src/server/federation/tools/registry.ts';
import { DEFAULT_LIMITS } from '../src/server/inference/configuration.ts';
import { keyReferenceOf } from '../src/server/inference/key-sets.ts';
import { REMOTE_TOOLS } from '../src/server/inference/tools/registry.ts';
import { canonicalJson } from '../src/server/protocol/canonical-json.ts';
import { encodePublicKey, keyId, requestDigest } from '../src/server/protocol/signing.ts';

interface Described {
  readonly name: string;
  readonly description: string;
  readonly input: z.ZodObject;
  readonly output: z.ZodObject;
  readonly begin?: unknown;
}

/** The document with everything between its marks made anew. */
export function protocolMarkdown(current: string): string {
  const tools = [
    '### Of the remote server',
    ...REMOTE_TOOLS.map(toolSection),
    '### Of the local server',
    ...LOCAL_TOOLS.map(toolSection),
    '### Of the aggregator of a federation',
    // What every server for others has stands above.
    ...FEDERATION_TOOLS.filter(({ name }) => name !== 'enrol_client').map(toolSection),
  ];
  return replaceBetween(replaceBetween(current, 'limits', limitsTable()), 'tools', tools.join('\n\n'));
}

function replaceBetween(document: string, mark: string, text: string): string {
  const pattern = new RegExp(`(<!-- ${mark}: begin [^\\n]*-->\\n)[^]*?(<!-- ${mark}: end -->)`, 'u');
  return document.replace(pattern, (_, begin: string, end: string) => `${begin}\n${text}\n\n${end}`);
}

function toolSection({ name, description, input, output, begin }: Described): string {
  const rows = fieldsOf(input, 'input').map(
    ({ name: argument, required, type, about }) =>
      `| ${required ? `\`${argument}\`` : `[\`${argument}\`]`} | ${type} | ${about} |`,
  );
  const answer = fieldsOf(output, 'output')
    .filter((field) => field.name !== 'ok')
    .map((field) => `\`${field.name}\`${field.required ? '' : '?'} (${field.type})`);
  return [
    `#### \`${name}\``,
    '',
    escaped(description),
    ...(begin === undefined ? [] : ['', 'May be made as a [task](#tasks).']),
    '',
    ...(rows.length === 0
      ? ['No arguments.']
      : ['| argument | type | what it is |', '| --- | --- | --- |', ...rows]),
    '',
    `Answer: ${answer.join(', ')}.`,
  ].join('\n');
}

interface Field {
  readonly name: string;
  readonly required: boolean;
  readonly type: string;
  readonly about: string;
}

type Schema = Readonly<Record<string, unknown>>;

function fieldsOf(schema: z.ZodObject, io: 'input' | 'output'): Field[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return Object.entries(properties).map(([name, property]) => {
    const described = property as Schema;
    const about = typeof described['description'] === 'string' ? described['description'] : '';
    return { name, required: required.includes(name), type: typeName(described), about: escaped(about) };
  });
}

function typeName(schema: Schema): string {
  const { type, items, anyOf, enum: values, const: constant, pattern } = schema;
  if (Array.isArray(anyOf)) return anyOf.map((one) => typeName(one as Schema)).join(' or ');
  if (Array.isArray(values)) return values.map((value) => `\`${String(value)}\``).join(' or ');
  if (constant !== undefined) return `\`${JSON.stringify(constant)}\``;
  if (type === 'array') return `list of ${typeName((items ?? {}) as Schema)}`;
  if (typeof pattern === 'string' && pattern.length < 48)
    return `string \`${pattern.replaceAll('|', '\\|')}\``;
  if (Array.isArray(type)) return type.join(' or ');
  return typeof type === 'string' ? type : 'any';
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

const LIMITS: readonly (readonly [what: string, value: string])[] = [
  ['decoded chunk', bytes(DEFAULT_LIMITS.maxChunkBytes)],
  ['result in an answer', bytes(DEFAULT_LIMITS.maxInlineResultBytes)],
  ['sessions of a client', String(DEFAULT_LIMITS.sessionsPerClient)],
  ['bytes of its sessions', bytes(DEFAULT_LIMITS.sessionBytesPerClient)],
  ['key sets of a client', String(DEFAULT_LIMITS.keySetsPerClient)],
  ['bytes of its keys', bytes(DEFAULT_LIMITS.keyBytesPerClient)],
  [
    'calls of a client',
    `${DEFAULT_LIMITS.requestsPerSecond} a second, ${DEFAULT_LIMITS.requestBurst} at once`,
  ],
  [
    'bytes of its requests',
    `${bytes(DEFAULT_LIMITS.clientBytesPerSecond)} a second, ${bytes(DEFAULT_LIMITS.clientByteBurst)} at once`,
  ],
  ['key sets that are remembered, revoked ones too', String(DEFAULT_LIMITS.keyRecordsPerClient)],
  ['a session is kept', hours(DEFAULT_LIMITS.sessionLifetimeMs)],
  ['keys are kept', hours(DEFAULT_LIMITS.keyLifetimeMs)],
  ['a token is good', hours(DEFAULT_LIMITS.tokenLifetimeMs)],
  ['timestamps may differ', `${DEFAULT_LIMITS.clockSkewMs / 1000} s`],
];

function limitsTable(): string {
  return ['| what | default |', '| --- | --- |', ...LIMITS.map((row) => `| ${row.join(' | ')} |`)].join('\n');
}

function bytes(count: number): string {
  return `${count / 2 ** 20} MiB`;
}

function hours(ms: number): string {
  return ms >= 172_800_000 ? `${ms / 86_400_000} days` : `${ms / 3_600_000} hours`;
}

/** RFC 8410's prefix of a seed. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

const LITERAL: ParametersLiteral = {
  scheme: 'ckks',
  polyModulusDegree: 8192,
  dataPrimes: [1099510054913n, 1073479681n, 1073184769n],
  specialPrimes: [1125899906826241n],
  securityLevel: 128,
  secretDistribution: 'uniform-ternary',
  scaleBits: 30,
  dnum: 3,
};

/** Everything that two implementations must agree on to the byte. Seeds are for tests only. */
export function protocolVectors(): object {
  const seeds = { client: '11'.repeat(32), server: '22'.repeat(32) };
  const [client, server] = [keyOf(seeds.client), keyOf(seeds.server)];
  const call = {
    tool: 'remote_inference_cnn',
    arguments: { session_id: 's-1', client_id: 'clinic', omp_threads: 2, scale: 2 ** 40, model: 'größe' },
  };
  const facts = {
    timestamp: 1_790_000_000_000,
    nonce: 'AAECAwQFBgcICQoLDA0ODxAR',
    audience: keyId(createPublicKey(server)),
  };
  const requestText = canonicalJson({ ...call, ...facts });
  const digest = requestDigest(call, facts.nonce);
  const result = { ok: true, profile: { infer_s: 0.125 }, output_shape: [1, 10], error_code: null };
  const timestamp = facts.timestamp + 250;
  const resultText = canonicalJson({ request_digest: digest, result, timestamp });
  const setting = { scheme: 'ckks', parametersDigest: parametersDigest(LITERAL) } as const;
  const origin = { ...setting, keySet: '000102030405060708090a0b0c0d0e0f' };
  const blob = (length: number, first: number): Uint8Array =>
    Uint8Array.from({ length }, (_, i) => (first + i) % 256);
  const rotations = [
    { step: 1, level: 2, bytes: blob(5, 1) },
    { step: 64, level: 1, bytes: blob(3, 64) },
  ];
  const relinearization = { level: 2, bytes: blob(4, 128) };
  const tensor = { name: 'input', level: 2, scale: 2 ** 30, ciphertexts: [blob(6, 7), blob(2, 250)] };
  const files = [{ fileName: 'keys-0.bin', bytes: 12, sha256: '33'.repeat(32) }];
  return {
    canonical: CANONICAL.map((value) => ({ value, text: canonicalJson(value) })),
    keys: Object.entries({ client, server }).map(([name, key]) => ({
      name,
      seed: seeds[name as keyof typeof seeds],
      public_key: encodePublicKey(createPublicKey(key)),
      key_id: keyId(createPublicKey(key)),
    })),
    request: {
      ...call,
      ...facts,
      text: requestText,
      signature: sign(null, Buffer.from(requestText), client).toString('base64'),
    },
    result: {
      request_digest: digest,
      result,
      timestamp,
      text: resultText,
      signature: sign(null, Buffer.from(resultText), server).toString('base64'),
    },
    parameters_digest: {
      parameters: {
        scheme: LITERAL.scheme,
        poly_modulus_degree: LITERAL.polyModulusDegree,
        data_primes: LITERAL.dataPrimes.map(String),
        special_primes: LITERAL.specialPrimes.map(String),
        digits: LITERAL.dnum,
      },
      digest: setting.parametersDigest,
    },
    key_ref: {
      client_id: 'clinic',
      algorithm_id: 'CKKS:test',
      files: files.map(({ fileName, ...rest }) => ({ file_name: fileName, ...rest })),
      key_ref: keyReferenceOf('clinic', 'CKKS:test', files),
    },
    containers: [
      { kind: 'ciphertexts', hex: hex(encodeCiphertextSet({ ...origin, tensors: [tensor] })) },
      { kind: 'evaluation-keys', hex: hex(encodeEvaluationKeys({ ...origin, rotations, relinearization })) },
    ].map(({ kind, hex: text }) => ({ kind, hex: text, sha256: sha256Of(text) })),
  };
}

const CANONICAL = [
  {},
  [],
  null,
  { b: 1, a: [true, false, null], é: 'é', '€': '\u20ac', '😀': '"\\\n\u0007', '\ufb33': '/' },
  [0, -1.5, 1e21, 1e20, 1e-6, 1e-7, 333333333.3333333, 2 ** 60, 5e-324, 1.7976931348623157e308, 4.5, 100],
];

function keyOf(seed: string): ReturnType<typeof createPrivateKey> {
  const key = Buffer.concat([PKCS8_PREFIX, Buffer.from(seed, 'hex')]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

function hex(bytesOf: Uint8Array): string {
  return Buffer.from(bytesOf).toString('hex');
}

function sha256Of(text: string): string {
  return createHash('sha256').update(Buffer.from(text, 'hex')).digest('hex');
}

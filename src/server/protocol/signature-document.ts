/**
 * The signature of a model as it travels in `describe_model`: what the local server needs to make keys, encrypt and decrypt,
 * so that it needs no artifact. Whoever reads it checks the security of its parameters again, and every index, and gets its words as
 * single lines of bounded length.
 */
import { z } from 'zod';
import { ArtifactError } from '../../errors.ts';
import { inputRange, outputRange, refresh, refreshKeys } from '../../program/artifact-schema.ts';
import { checkInputRange, checkLayout } from '../../program/check-program.ts';
import type { RefreshKeys } from '../../program/program.ts';
import { checkParameters, type CkksParameters } from '../../program/security.ts';
import type { Signature } from '../../program/signature.ts';
import { MAX_LABEL, MAX_NAME, oneLine } from './untrusted-text.ts';

/** Lists what a layout is made of. */
const MAX_FORMAT = 4096;
const count = z.int().min(0);
const text = z.string().max(65_536);
const integer = z.string().regex(/^[0-9]{1,40}$/);
const shape = z.array(count).max(16);

/** Positions are little-endian 32-bit integers in Base64: a quarter of the size of JSON numbers. */
const layout = z.object({
  shape,
  slotCount: count,
  ciphertexts: z.int().min(1).max(65_536),
  period: z.int().min(1),
  positions: z.string().max(2 ** 28),
  format: text,
});

const port = z.object({ name: text, layout, level: count, scale: z.number().positive() });

export const signatureDocument = z.object({
  model: text,
  parameters: z.object({
    scheme: z.enum(['ckks', 'bfv']),
    polyModulusDegree: z.int(),
    dataPrimes: z.array(integer).min(1).max(64),
    specialPrimes: z.array(integer).max(64),
    securityLevel: z.union([z.literal(128), z.literal(192), z.literal(256)]),
    secretDistribution: z.literal('uniform-ternary'),
    scaleBits: z.number(),
    dnum: z.int().min(1),
    plainModuli: z.array(integer).min(1).max(8).exactOptional(),
    refresh: refresh.exactOptional(),
  }),
  rotationKeys: z.array(z.object({ step: z.int().min(1), level: count })).max(65_536),
  relinearizationLevel: count.nullable(),
  refreshKeys: refreshKeys.exactOptional(),
  inputs: z
    .array(
      port.extend({
        preprocessing: z.object({
          pixelScale: z.number(),
          mean: z.array(z.number()).min(1).max(65_536),
          std: z.array(z.number().positive()).min(1).max(65_536),
        }),
        unit: z.number().positive().exactOptional(),
        quantisation: z
          .object({ scale: z.number().positive(), min: z.number(), max: z.number() })
          .exactOptional(),
        range: inputRange.exactOptional(),
      }),
    )
    .min(1)
    .max(256),
  outputs: z
    .array(
      port.extend({
        shape,
        clientOperators: z
          .array(
            z.object({
              op: z.enum(['Softmax', 'LogSoftmax', 'ArgMax', 'Hardmax', 'Sigmoid', 'Identity']),
              node: text,
              axis: z.int(),
              keepDims: z.boolean().optional(),
            }),
          )
          .max(64),
        precisionBits: z.number(),
        bound: z.number().positive(),
        unit: z.number().positive().exactOptional(),
        quantisation: z.object({ scale: z.number().positive() }).exactOptional(),
        range: outputRange.exactOptional(),
      }),
    )
    .min(1)
    .max(256),
  labels: z.array(text).max(2 ** 20),
});
export type SignatureDocument = z.infer<typeof signatureDocument>;

export function encodeSignature(signature: Signature): SignatureDocument {
  const { parameters } = signature;
  if (parameters.scheme === 'cleartext')
    throw new ArtifactError('CLEARTEXT_ONLY', 'this model is not for encryption');
  return {
    model: signature.model,
    parameters: {
      scheme: parameters.scheme,
      polyModulusDegree: parameters.polyModulusDegree,
      dataPrimes: parameters.dataPrimes.map(String),
      specialPrimes: parameters.specialPrimes.map(String),
      securityLevel: parameters.securityLevel,
      secretDistribution: parameters.secretDistribution,
      scaleBits: parameters.scaleBits,
      dnum: parameters.dnum,
      ...(parameters.plainModuli === undefined ? {} : { plainModuli: parameters.plainModuli.map(String) }),
      ...(parameters.refresh === undefined ? {} : { refresh: structuredClone(parameters.refresh) }),
    },
    rotationKeys: signature.rotationKeys.map(({ step, level }) => ({ step, level })),
    relinearizationLevel: signature.relinearizationLevel,
    ...(signature.refreshKeys === undefined ? {} : { refreshKeys: { ...signature.refreshKeys } }),
    inputs: signature.inputs.map((input) => ({
      name: input.name,
      layout: {
        ...input.layout,
        shape: [...input.layout.shape],
        positions: encodePositions(input.layout.positions),
      },
      level: input.level,
      scale: input.scale,
      preprocessing: {
        pixelScale: input.preprocessing.pixelScale,
        mean: [...input.preprocessing.mean],
        std: [...input.preprocessing.std],
      },
      ...(input.unit === undefined ? {} : { unit: input.unit }),
      ...(input.quantisation === undefined ? {} : { quantisation: { ...input.quantisation } }),
      ...(input.range === undefined
        ? {}
        : { range: { min: [...input.range.min], max: [...input.range.max] } }),
    })),
    outputs: signature.outputs.map((output) => ({
      name: output.name,
      layout: {
        ...output.layout,
        shape: [...output.layout.shape],
        positions: encodePositions(output.layout.positions),
      },
      level: output.level,
      scale: output.scale,
      shape: [...output.shape],
      clientOperators: output.clientOperators.map((operator) => ({ ...operator })),
      precisionBits: output.precisionBits,
      bound: output.bound,
      ...(output.unit === undefined ? {} : { unit: output.unit }),
      ...(output.quantisation === undefined ? {} : { quantisation: { ...output.quantisation } }),
      ...(output.range === undefined ? {} : { range: { ...output.range } }),
    })),
    labels: [...signature.labels],
  };
}

/**
 * From someone else: types, ranges, the security table and every index are checked.
 * @throws ArtifactError SIGNATURE_INVALID, ARTIFACT_INVALID, PARAMETERS_INSECURE or PARAMETERS_INVALID
 */
export function decodeSignature(untrusted: unknown): Signature {
  const parsed = signatureDocument.safeParse(untrusted);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(`${issue?.path.join('.') ?? 'it'}: ${issue?.message ?? 'does not match'}`);
  }
  const { data } = parsed;
  const { plainModuli, ...literal } = data.parameters;
  const parameters = checkParameters({
    ...literal,
    dataPrimes: literal.dataPrimes.map(BigInt),
    specialPrimes: literal.specialPrimes.map(BigInt),
    ...(plainModuli === undefined ? {} : { plainModuli: plainModuli.map(BigInt) }),
  });
  const slotCount = parameters.polyModulusDegree / 2;
  const top = parameters.dataPrimes.length - 1;
  const nameOf = (text: string): string => oneLine(text, MAX_NAME);
  const open = <T extends z.infer<typeof port>>(entry: T) => {
    const layout = { ...entry.layout, positions: decodePositions(entry.layout.positions) };
    checkLayout(layout, slotCount, layout.ciphertexts, entry.name);
    if (entry.level > top) throw invalid(`${entry.name} is at a level that the parameters do not have`);
    return {
      ...entry,
      name: nameOf(entry.name),
      layout: { ...layout, format: oneLine(layout.format, MAX_FORMAT) },
    };
  };
  const ascending = data.rotationKeys.every(
    ({ step, level }, i, keys) => step < slotCount && level <= top && (i === 0 || step > keys[i - 1]!.step),
  );
  for (const { name, range, layout } of data.inputs) checkInputRange(range, layout.shape, `input ${name}`);
  if (!ascending) throw invalid('its rotation keys do not ascend, or do not fit the parameters');
  if ((data.relinearizationLevel ?? 0) > top)
    throw invalid('the relinearization key has a level that is not there');
  checkRefreshKeys(data.refreshKeys, parameters);
  return {
    ...data,
    model: nameOf(data.model),
    labels: data.labels.map((label) => oneLine(label, MAX_LABEL)),
    parameters,
    inputs: data.inputs.map(open),
    outputs: data.outputs.map((output) => ({
      ...open(output),
      clientOperators: output.clientOperators.map(({ keepDims, ...operator }) => ({
        ...operator,
        node: nameOf(operator.node),
        ...(keepDims === undefined ? {} : { keepDims }),
      })),
    })),
  };
}

/** Nothing to refresh with is nothing to make keys for. */
function checkRefreshKeys(keys: RefreshKeys | undefined, { refresh, dataPrimes }: CkksParameters): void {
  if (keys === undefined) return;
  const top = dataPrimes.length - 1;
  if (refresh === undefined || keys.conjugationLevel > top || keys.raiseLevel !== top)
    throw invalid('its keys of refreshes do not fit the parameters');
}

function encodePositions(positions: Int32Array): string {
  const bytes = Buffer.alloc(4 * positions.length);
  positions.forEach((position, i) => bytes.writeInt32LE(position, 4 * i));
  return bytes.toString('base64');
}

function decodePositions(text: string): Int32Array<ArrayBuffer> {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length % 4 !== 0 || bytes.toString('base64') !== text) {
    throw invalid('positions are not 32-bit integers in Base64');
  }
  return Int32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readInt32LE(4 * i));
}

function invalid(reason: string): ArtifactError {
  return new ArtifactError('SIGNATURE_INVALID', `the signature of the model is damaged: ${reason}`);
}

/** The structure of an artifact as zod schemas: types, ranges and finiteness; `validate-artifact.ts` checks consistency. */
import { z } from 'zod';
import { MAX_REFRESH_RATIO, MIN_REFRESH_RATIO } from './program.ts';
import { REFRESH_STEPS } from './semantics/refresh-plan.ts';

const finite = z.number();
const count = z.int().min(0);
const text = z.string().max(65_536);
const f64 = z
  .instanceof(Float64Array<ArrayBuffer>)
  .refine((array) => array.every(Number.isFinite), 'must be finite');
const i32 = z.instanceof(Int32Array<ArrayBuffer>);
const shape = z.array(count).max(16);
const operations = z.object({
  rotate: count,
  multiplyPlain: count,
  multiply: count,
  add: count,
  addPlain: count,
  rescale: count,
  refresh: z.int().min(1).exactOptional(),
});

export const slotVector = z.object({ indices: i32.nullable(), values: f64 });
const coefficient = z.union([finite, slotVector]);
export const layout = z.object({
  shape,
  slotCount: count,
  ciphertexts: z.int().min(1).max(65_536),
  period: z.int().min(1),
  positions: i32,
  format: text,
});

const instruction = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('linear'),
    layer: text,
    inputs: z.array(count).min(1),
    output: count,
    level: z.int().min(1),
    plainScales: z.array(finite.positive()),
    babies: z.array(
      z.object({ source: count, step: count, from: z.int().min(-1), via: z.array(z.int().min(1)) }),
    ),
    outputs: z.array(
      z.object({
        giants: z.array(
          z.object({
            step: count,
            into: z.int().min(-1),
            via: z.array(z.int().min(1)),
            terms: z.array(z.object({ baby: count, diagonal: coefficient })),
          }),
        ),
        reductions: z.array(z.array(z.int().min(1))),
        bias: coefficient.nullable(),
      }),
    ),
  }),
  z.object({
    kind: z.literal('polynomial'),
    layer: text,
    input: count,
    output: count,
    level: z.int().min(1),
    degree: z.int().min(2).max(127),
    unitLeading: z.boolean(),
    coefficients: z.array(z.array(coefficient)),
  }),
  z.object({
    kind: z.literal('product'),
    layer: text,
    left: count,
    right: count,
    output: count,
    level: z.int().min(1),
  }),
  z.object({
    kind: z.literal('refresh'),
    layer: text,
    input: count,
    output: count,
    level: z.int().min(1),
    ratio: z.int().min(MIN_REFRESH_RATIO).max(MAX_REFRESH_RATIO),
  }),
]);

const rotationKeys = z.array(z.object({ step: z.int().min(1), level: count })).max(65_536);
const relinearizationLevel = count.nullable();
export const refreshKeys = z.object({ conjugationLevel: count, raiseLevel: count });
const port = z.object({ name: text, value: count, layout });
export const program = z.object({
  slotCount: z.int().min(1),
  inputs: z.array(port).min(1),
  outputs: z.array(port).min(1),
  values: z.array(
    z.object({
      id: count,
      layer: text,
      ciphertexts: z.int().min(1),
      level: count,
      scale: finite.positive(),
      bound: finite.nonnegative(),
    }),
  ),
  instructions: z.array(instruction).min(1),
  rotationKeys,
  relinearizationLevel,
  refreshKeys: refreshKeys.exactOptional(),
});

const transformGroups = z
  .array(z.object({ stages: z.int(), babies: z.int() }))
  .max(16)
  .readonly();
export const refresh = z.object({
  raisedBits: finite,
  down: transformGroups,
  up: transformGroups,
  ephemeralWeight: z.int(),
});

const parameters = z.object({
  scheme: z.enum(['ckks', 'bfv', 'cleartext']),
  polyModulusDegree: z.int(),
  dataPrimes: z.array(z.bigint()),
  specialPrimes: z.array(z.bigint()),
  securityLevel: z.union([z.literal(128), z.literal(192), z.literal(256)]),
  secretDistribution: z.literal('uniform-ternary'),
  scaleBits: finite,
  dnum: z.int().min(1),
  plainModuli: z.array(z.bigint()).max(64).exactOptional(),
  refresh: refresh.exactOptional(),
});

const preprocessing = z.object({
  pixelScale: finite,
  mean: z.array(finite).min(1),
  std: z.array(finite.positive()).min(1),
});
const clientOperator = z.object({
  op: z.enum(['Softmax', 'LogSoftmax', 'ArgMax', 'Hardmax', 'Sigmoid', 'Identity']),
  node: text,
  axis: z.int(),
  keepDims: z.boolean().optional(),
});
const inputQuantisation = z.object({ scale: finite.positive(), min: z.int(), max: z.int() });
const outputQuantisation = z.object({ scale: finite.positive() });
export const inputRange = z
  .object({ min: z.array(finite).min(1).max(65_536), max: z.array(finite).min(1).max(65_536) })
  .refine(
    ({ min, max }) => min.length === max.length && min.every((low, channel) => low <= max[channel]!),
    'must have as many bounds below as above, and in order',
  );
export const outputRange = z
  .object({ min: finite, max: finite, emptySlots: z.enum(['zero', 'unspecified']) })
  .refine(({ min, max }) => min <= max, 'must have its bounds in order');
const signature = z.object({
  model: text,
  parameters,
  rotationKeys,
  relinearizationLevel,
  refreshKeys: refreshKeys.exactOptional(),
  inputs: z.array(
    z.object({
      name: text,
      layout,
      level: count,
      scale: finite.positive(),
      preprocessing,
      unit: finite.positive().exactOptional(),
      quantisation: inputQuantisation.exactOptional(),
      range: inputRange.exactOptional(),
    }),
  ),
  outputs: z.array(
    z.object({
      name: text,
      layout,
      level: count,
      scale: finite.positive(),
      shape,
      clientOperators: z.array(clientOperator),
      precisionBits: finite,
      bound: finite,
      unit: finite.positive().exactOptional(),
      quantisation: outputQuantisation.exactOptional(),
      range: outputRange.exactOptional(),
    }),
  ),
  labels: z.array(text),
});

const negotiation = z.object({
  scheme_context: z.enum(['CKKS', 'BFV', 'cleartext']),
  poly_modulus_degree: z.int(),
  scale: finite.positive(),
  coeff_modulus: z.array(z.string().regex(/^[0-9]{1,40}$/)),
  special_primes: count,
  key_switching_digits: z.int().min(1),
  plain_modulus: z
    .array(z.string().regex(/^[0-9]{1,40}$/))
    .max(64)
    .exactOptional(),
  security_level: z.union([z.literal(128), z.literal(192), z.literal(256)]),
  max_multiplication_depth: count,
  input_packing_format: text,
  batch_size: z.int().min(1),
  slot_count: z.int().min(1),
  galois_key_mappings: z.record(z.string(), text),
});

/** The bound and its sources are not read: they are certified anew, by this version's tables. */
const certificate = z.object({
  securityBits: z.union([z.literal(128), z.literal(192), z.literal(256)]),
  polyModulusDegree: z.int(),
  logQP: count,
  secretDistribution: z.literal('uniform-ternary'),
  errorStandardDeviation: finite,
  ephemeral: z.object({ polyModulusDegree: z.int(), weight: count, logModulus: count }).exactOptional(),
});

const pair = z.tuple([finite, finite]);
const fraction = finite.nullable();
const integerSummary = z.object({
  inputBits: count,
  weightBits: count,
  calibratedBits: finite,
  worstCaseBits: finite,
  guaranteed: z.boolean(),
  noiseBudgetBits: finite,
  samples: count,
  accuracy: fraction,
  agreement: fraction,
});
const report = z.object({
  compilerVersion: text,
  backend: z.enum(['seal', 'native', 'cleartext']),
  modelDigest: z.string().regex(/^[0-9a-f]{64}$/),
  calibration: text,
  approximations: z.array(
    z.object({
      node: text,
      activation: text,
      method: text,
      degree: count,
      depth: count,
      channels: count,
      rmsError: finite,
      maxError: finite,
      rmsOutput: finite,
      range: pair,
      seen: pair,
      escapeRate: finite,
      inputsWithEscapes: finite,
      escapeBound: finite.exactOptional(),
      refusedFrom: finite.exactOptional(),
    }),
  ),
  quality: z.object({
    samples: count,
    originalAccuracy: fraction,
    polynomialAccuracy: fraction,
    agreement: fraction,
    rmsOutputError: finite,
    maxOutputError: finite,
    rmsOutput: finite,
    bound: z
      .object({
        measure: z.enum(['accuracy', 'agreement', 'decisions', 'output-error']),
        estimate: finite.nullable(),
        lower: finite.nullable(),
        upper: finite.nullable(),
        limit: finite.nullable(),
        shown: z.boolean(),
      })
      .optional(),
  }),
  depth: count,
  operations,
  layers: z.array(
    z.object({
      layer: text,
      kind: z.enum(['input', 'linear', 'polynomial', 'product', 'refresh']),
      shape,
      layout: text,
      ciphertexts: count,
      level: count,
      scaleBits: finite,
      operations,
      predictedError: finite,
      bound: finite,
      predictedMs: finite,
    }),
  ),
  predicted: z.object({
    precisionBits: finite,
    encryptionPrecisionBits: finite.exactOptional(),
    approximationPrecisionBits: finite.nullable().exactOptional(),
    precisionAsked: finite.exactOptional(),
    precisionMet: z.boolean().exactOptional(),
    latencyMs: finite,
    refreshStepsMs: z.array(z.object({ step: z.enum(REFRESH_STEPS), ms: finite })).exactOptional(),
    memoryBytes: finite,
    keyBytesSent: finite.exactOptional(),
    keyBytes: z.object({ galois: finite, relinearization: finite, perGaloisKey: finite }),
    keyCost: z
      .object({
        sentBytes: finite,
        makingMs: finite,
        sendingMs: finite,
        loadingMs: finite,
        bandwidth: finite.positive(),
        inferences: finite.positive(),
        countedMsPerInference: finite,
      })
      .optional(),
    inputCiphertextBytes: finite,
    outputCiphertextBytes: finite,
  }),
  throughput: z
    .object({
      batch: z.int().min(1),
      samplesPerSecond: finite.positive(),
      latencyModePerSecond: finite.positive().nullable(),
    })
    .nullable(),
  warnings: z.array(text),
  integer: integerSummary.exactOptional(),
  costProfile: text.nullable(),
  sealObstacle: text.nullable(),
  memoryBudgetMb: finite.positive().exactOptional(),
});

export const artifact = z.object({
  formatVersion: z.literal(2),
  program,
  parameters,
  signature,
  negotiation,
  certificate: certificate.nullable(),
  report,
  polynomialOnnx: z.instanceof(Uint8Array<ArrayBuffer>),
});

/** A made-up but plausible report, so that reports can be rendered and tested without compiling anything. */
import type { LayerReport, OperationCounts } from '../../src/program/artifact.ts';
import { securityBounds } from '../../src/program/security-tables.ts';
import type { BenchReport, ErrorSummary, SampleResult } from './bench-report.ts';
import type { LayerView, ProgramReport } from './program-report.ts';
import { logErrorHistogram, precisionStatistics } from './statistics.ts';

const N = 16384;

function operations(rotate: number, multiplyPlain: number, multiply: number): OperationCounts {
  return { rotate, multiplyPlain, multiply, add: rotate + multiplyPlain, addPlain: 1, rescale: 1 + multiply };
}

function layer(
  name: string,
  kind: LayerReport['kind'],
  shape: readonly number[],
  level: number,
  cost: OperationCounts,
  predictedMs: number,
  sources: readonly number[],
): LayerView {
  return {
    layer: name,
    kind,
    shape,
    layout:
      kind === 'input'
        ? 'grid(h·32+w, block 1024, copies 8)'
        : `grid(c·1024+h·32+w, channels ${shape[1] ?? 1})`,
    ciphertexts: 1,
    level,
    scaleBits: 40 + (level % 3) * 0.0004,
    operations: cost,
    predictedError: 2e-7 * (9 - level),
    bound: 4.2,
    predictedMs,
    sources,
  };
}

const layers: readonly LayerView[] = [
  layer('image', 'input', [1, 1, 28, 28], 8, operations(0, 0, 0), 0, []),
  layer('/conv1/Conv+/bn1/BatchNormalization', 'linear', [1, 8, 14, 14], 7, operations(31, 72, 0), 940, [0]),
  layer('/relu1/Relu', 'polynomial', [1, 8, 14, 14], 5, operations(0, 3, 2), 130, [1]),
  layer('/conv2/Conv', 'linear', [1, 8, 14, 14], 4, operations(44, 520, 0), 820, [2]),
  layer('/add/Add', 'linear', [1, 8, 14, 14], 3, operations(0, 2, 0), 22, [3, 2]),
  layer('/relu2/Relu', 'polynomial', [1, 8, 14, 14], 1, operations(0, 3, 2), 46, [4]),
  layer('/pool/AveragePool+/fc/Gemm', 'linear', [1, 10], 0, operations(18, 96, 0), 64, [5]),
];

const total = layers.reduce(
  (sum, { operations: one }) => ({
    rotate: sum.rotate + one.rotate,
    multiplyPlain: sum.multiplyPlain + one.multiplyPlain,
    multiply: sum.multiply + one.multiply,
    add: sum.add + one.add,
    addPlain: sum.addPlain + one.addPlain,
    rescale: sum.rescale + one.rescale,
  }),
  operations(0, 0, 0),
);

const rotationSteps = [1, 2, 3, 31, 32, 33, 64, 1024, 2048, 4096, 8160, 8191];

export const SAMPLE_PROGRAM: ProgramReport = {
  model: 'digits-cnn',
  parameters: {
    scheme: 'CKKS',
    polyModulusDegree: N,
    coeffModulusBits: [50, 40, 40, 40, 40, 40, 40, 40, 40, 50],
    specialPrimes: 1,
    logQP: 420,
    securityBits: 128,
    secretDistribution: 'uniform-ternary',
    scaleBits: 40,
    dnum: 9,
  },
  depth: 8,
  slotCount: N / 2,
  batchSize: 1,
  inputPackingFormat: 'grid(h·32+w, block 1024, copies 8)',
  inputShape: [1, 1, 28, 28],
  outputShape: [1, 10],
  inputs: [
    {
      name: 'image',
      shape: [1, 1, 28, 28],
      packingFormat: 'grid(h·32+w, block 1024, copies 8)',
      ciphertexts: 1,
      range: { min: [-0.42], max: [2.82] },
    },
  ],
  outputs: [
    {
      name: 'scores',
      shape: [1, 10],
      packingFormat: 'dense(10)',
      ciphertexts: 1,
      range: { min: -12, max: 18, emptySlots: 'zero' },
    },
  ],
  labels: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  clientOperators: ['Softmax'],
  rotationSteps,
  rotationKeys: rotationSteps.map((step) => ({ step, level: 7 })),
  operations: total,
  layers,
  refreshes: null,
  predicted: {
    precisionBits: 5.9,
    encryptionPrecisionBits: 17.4,
    approximationPrecisionBits: 6,
    precisionAsked: 8,
    precisionMet: false,
    latencyMs: 2022,
    memoryBytes: 690e6,
    keyBytes: 13 * 23.6e6,
    keyBytesInMemory: 13 * 23.6e6,
    keyBytesSent: 13 * 11.8e6,
  },
  keys: {
    galoisBytes: 12 * 23.6e6,
    relinearizationBytes: 23.6e6,
    perGaloisKeyBytes: 23.6e6,
    cost: {
      sentBytes: 154e6,
      makingMs: 385,
      sendingMs: 12_320,
      loadingMs: 1155,
      bandwidth: 100,
      inferences: 1000,
      countedMsPerInference: 13.86,
    },
  },
  ciphertextBytes: { input: 1.18e6, output: 0.26e6 },
  galoisKeyMappings: Object.fromEntries(
    rotationSteps.map((step) => [String(step), `galois:${2 * step + 1}`]),
  ),
  certificate: {
    securityBits: 128,
    polyModulusDegree: N,
    logQP: 420,
    maxLogQP: 430,
    secretDistribution: 'uniform-ternary',
    errorStandardDeviation: 3.2,
    bounds: securityBounds(N, 128),
    source: 'Homomorphic Encryption Standard (2018), table 1: 438; eprint 2024/463, table 5.2: 430',
  },
  approximations: ['/relu1/Relu', '/relu2/Relu'].map((node, index) => ({
    node,
    activation: 'Relu',
    method: 'least-squares',
    degree: 4,
    depth: 2,
    channels: 8,
    rmsError: 0.031 + index * 0.02,
    maxError: 0.42,
    rmsOutput: 0.87,
    range: [-3.1, 3.8] as const,
    seen: [-2.9, 4.1] as const,
    escapeRate: 1.2e-5,
    inputsWithEscapes: index * 0.004,
    curves: [0.2, 0.5, 0.8].map((bend) =>
      Array.from({ length: 41 }, (_, i) => {
        const x = i / 20 - 1;
        return 0.5 * x + bend * 0.6 * x * x - 0.1 * x ** 4;
      }),
    ),
  })),
  quality: {
    samples: 500,
    originalAccuracy: 0.986,
    polynomialAccuracy: 0.984,
    agreement: 0.992,
    rmsOutputError: 0.11,
    maxOutputError: 0.9,
    rmsOutput: 6.2,
    bound: { measure: 'accuracy', estimate: 0.2, lower: -0.1, upper: 0.9, limit: 0.5, shown: false },
  },
  throughput: null,
  warnings: ['0.4 % of held-out inputs leave the fitted range of /relu2/Relu by up to 8 %.'],
  compiler: {
    version: '0.1.0',
    backend: 'seal',
    modelDigest: '5f1d7a84db00d2fce00b31a7fc73224afcdc8a2bd0c5e5b9f0c4a5e2b1f7c6d3',
    calibration: 'npy:calibration.npy, 2000 samples',
    costProfile: null,
    sealObstacle: null,
  },
};

/** Reproducible stand-ins for errors: log-uniform over a decade and a half around `size`. */
function errorsAround(size: number, count: number): number[] {
  return Array.from(
    { length: count },
    (_, i) => size * 10 ** (1.5 * Math.sin(i * 12.9898) ** 3) * (i % 2 === 0 ? 1 : -1),
  );
}

const RANGE = 18.9;

function summary(errors: readonly number[]): ErrorSummary {
  return {
    maxAbsError: Math.max(...errors.map(Math.abs)),
    rmsError: Math.hypot(...errors) / Math.sqrt(errors.length),
    range: RANGE,
    precisionBits: precisionStatistics(errors, RANGE),
    histogram: logErrorHistogram(errors),
  };
}

const samples: readonly SampleResult[] = Array.from({ length: 20 }, (_, index) => ({
  index,
  label: index % 10,
  plaintextClass: index === 13 ? 8 : index % 10,
  polynomialClass: index === 13 ? 8 : index % 10,
  encryptedClass: index === 13 ? 8 : index === 17 ? 1 : index % 10,
  maxAbsError: 0.1 + index * 0.01,
  encryptionError: 2e-5 * (1 + (index % 5)),
}));

const approximation = summary(errorsAround(0.06, 200));

export const SAMPLE_BENCH: BenchReport = {
  otherOutputs: [],
  n: 20,
  plaintextAccuracy: 0.9862,
  polynomialAccuracy: 0.9845,
  encryptedAccuracy: 0.9,
  guessing: null,
  agreement: 0.95,
  maxAbsError: approximation.maxAbsError,
  precisionBits: approximation.precisionBits,
  latencyMs: { median: 2140, p95: 2310, min: 2080 },
  throughputPerSecond: 0.467,
  bytes: { galoisKeys: 12 * 23.6e6, relinKeys: 23.6e6, inputCiphertexts: 1.18e6, outputCiphertexts: 0.26e6 },
  peakMemoryBytes: 655e6,
  outOfRange: { inputs: 0, outputs: 0 },
  parameters: SAMPLE_PROGRAM.parameters,
  machine: { cpu: 'Example CPU 2.0 GHz', cores: 2, memoryBytes: 8e9, platform: 'linux x64' },
  versions: { 'he-compile': '0.1.0', node: '24.0.0', 'node-seal': '7.0.0', 'onnxruntime-node': '1.30.0' },
  createdAt: '2026-01-01T00:00:00.000Z',
  backend: 'seal',
  threads: 1,
  data: 'npy:test.npy, 2000 samples',
  plaintextSamples: 2000,
  errors: { total: approximation, encryption: summary(errorsAround(2e-5, 200)), approximation },
  phaseMs: { keygen: 1450, encrypt: 28, evaluate: 2140, decrypt: 6 },
  layerMs: [null, 1010, 122, 860, 25, 51, 70],
  refreshStepsMs: [],
  confusion: Array.from({ length: 10 }, (_, row) =>
    Array.from(
      { length: 10 },
      (_unused, column) =>
        samples.filter((sample) => sample.label === row && sample.encryptedClass === column).length,
    ),
  ),
  masks: null,
  samples,
  program: SAMPLE_PROGRAM,
};

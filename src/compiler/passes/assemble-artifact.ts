/** Gathers program, signature, negotiation values, certificate and report into the artifact. */
import type {
  Artifact,
  CompileReport,
  LayerReport,
  Negotiation,
  Predictions,
  ThroughputReport,
} from '../../program/artifact.ts';
import type { IntegerSummary } from '../../program/artifact.ts';
import { galoisElement } from '../../program/galois-element.ts';
import { galoisKeyBytes, sentBytes } from '../../program/key-bytes.ts';
import { multiplicativeDepth } from '../../program/multiplicative-depth.ts';
import { sealCiphertextBytes, sealPlaintextBytes } from '../../program/memory-model.ts';
import type { Program } from '../../program/program.ts';
import { certify, type CkksParameters } from '../../program/security.ts';
import { countOperations } from '../../program/semantics/count-operations.ts';
import type { Signature } from '../../program/signature.ts';
import { keyCost } from '../analysis/key-price.ts';
import { withExactValues } from '../analysis/certified-ranges.ts';
import { evaluateLinearGraph } from '../analysis/evaluate-linear-graph.ts';
import { predictLatency, refreshStepMs } from '../analysis/latency.ts';
import type { NoiseForecast } from '../analysis/noise.ts';
import { wholePrecision } from '../analysis/whole-precision.ts';
import type { IntegerGraph } from '../integer/quantise-graph.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';
import type { PackedProgram } from '../ir/packed-program.ts';
import type { PolynomialGraph } from '../ir/polynomial-graph.ts';
import { shapeOf, type TensorGraph } from '../ir/tensor-graph.ts';
import { isBatchable } from '../onnx/batchable.ts';
import type { CompileOptions } from '../options.ts';
import { targetOf } from '../targets/registry.ts';
import { sealObstacle } from '../targets/seal-memory.ts';
import { COMPILER_VERSION } from '../version.ts';
import type { Samples } from './build-candidate.ts';

export interface AssemblyParts {
  readonly program: Program;
  readonly parameters: CkksParameters;
  readonly noise: NoiseForecast;
  readonly linear: LinearGraph;
  /** Calibration inputs that no outlier is among. */
  readonly samples: Samples;
  readonly packed: PackedProgram;
  readonly tensors: TensorGraph;
  readonly polynomial: PolynomialGraph;
  readonly options: CompileOptions;
  /** Predicted milliseconds of one sample in latency mode; null where that was not asked or cannot be had. */
  readonly latencyModeMs: number | null;
  readonly modelName: string;
  readonly modelDigest: string;
  readonly polynomialOnnx: Uint8Array;
  /** Exact schemes only. */
  readonly integer?: IntegerGraph;
  readonly summary?: IntegerSummary;
}

export function assembleArtifact(parts: AssemblyParts): Artifact {
  const { program, parameters } = parts;
  return {
    formatVersion: 2,
    program,
    parameters,
    signature: signatureOf(parts),
    negotiation: negotiationOf(parts),
    certificate: certify(parameters),
    report: reportOf(parts),
    polynomialOnnx: parts.polynomialOnnx,
  };
}

function signatureOf({
  program,
  parameters,
  noise,
  linear,
  samples,
  tensors,
  options,
  modelName,
  integer,
  polynomial: { certified, approximations },
}: AssemblyParts): Signature {
  const isExact = integer === undefined && approximations.every(({ method }) => method === 'exact');
  const exact = isExact ? samples.map((inputs) => evaluateLinearGraph(linear, inputs)) : [];
  // Samples beyond a batch leave slots of their own behind, which hold what the model makes of zeros.
  const emptySlots = options.optimize === 'throughput' ? 'unspecified' : 'zero';
  return {
    model: modelName,
    parameters,
    rotationKeys: program.rotationKeys,
    relinearizationLevel: program.relinearizationLevel,
    ...(program.refreshKeys === undefined ? {} : { refreshKeys: program.refreshKeys }),
    inputs: program.inputs.map(({ name, value, layout }, index) => ({
      name,
      layout,
      level: program.values[value]!.level,
      scale: program.values[value]!.scale,
      preprocessing: options.preprocessing,
      ...unitOf(linear, value),
      ...(integer === undefined ? {} : { quantisation: integer.inputs[index]! }),
      range: certified.inputs[index]!,
    })),
    outputs: program.outputs.map(({ name, value, layout }, index) => {
      const clientOperators = tensors.clientOperators[index] ?? [];
      const quantisation = integer?.outputs[index];
      const bound = program.values[value]!.bound * (quantisation?.scale ?? linear.nodes[value]!.unit ?? 1);
      const seen = certified.outputs[index]!;
      const range = isExact
        ? withExactValues(
            seen,
            exact.map((outputs) => outputs[index]!),
          )
        : seen;
      return {
        name,
        layout,
        level: program.values[value]!.level,
        scale: program.values[value]!.scale,
        shape: batched(clientShape(shapeOf(tensors, tensors.outputs[index]!), clientOperators), options),
        clientOperators,
        precisionBits: noise.outputs[index]!.boundBits,
        bound,
        ...unitOf(linear, value),
        ...(quantisation === undefined ? {} : { quantisation }),
        range: { ...range, emptySlots },
      };
    }),
    labels: options.labels,
  };
}

function unitOf({ nodes }: LinearGraph, value: number): { readonly unit?: number } {
  const unit = nodes[value]?.unit;
  return unit === undefined ? {} : { unit };
}

/** In throughput mode the tensors are those of one sample, and a batch of them is stacked along the first axis. */
function batched(shape: readonly number[], { optimize, batch }: CompileOptions): readonly number[] {
  return optimize === 'throughput' ? [batch * (shape[0] ?? 1), ...shape.slice(1)] : shape;
}

/** Shape after the operators that the client applies: only ArgMax changes it. */
function clientShape(
  shape: readonly number[],
  operators: Signature['outputs'][number]['clientOperators'],
): readonly number[] {
  return operators.reduce<readonly number[]>((current, { op, axis, keepDims }) => {
    if (op !== 'ArgMax') return current;
    const at = axis < 0 ? axis + current.length : axis;
    return keepDims === false
      ? current.filter((_, index) => index !== at)
      : current.map((extent, index) => (index === at ? 1 : extent));
  }, shape);
}

const SCHEME_CONTEXTS = { ckks: 'CKKS', bfv: 'BFV', cleartext: 'cleartext' } as const;

function negotiationOf({ program, parameters, tensors, options }: AssemblyParts): Negotiation {
  const n = parameters.polyModulusDegree;
  // A first axis along which samples meet, in a mean or a transpose, is no batch axis.
  const batched = options.optimize === 'throughput' || isBatchable(tensors);
  return {
    scheme_context: SCHEME_CONTEXTS[parameters.scheme],
    poly_modulus_degree: n,
    scale: 2 ** parameters.scaleBits,
    coeff_modulus: [...parameters.dataPrimes, ...parameters.specialPrimes].map(String),
    special_primes: parameters.specialPrimes.length,
    key_switching_digits: parameters.dnum,
    ...(parameters.plainModuli === undefined ? {} : { plain_modulus: parameters.plainModuli.map(String) }),
    security_level: parameters.securityLevel,
    // Refreshes let a program go deeper than its chain.
    max_multiplication_depth:
      program.refreshKeys === undefined ? parameters.dataPrimes.length - 1 : multiplicativeDepth(program),
    input_packing_format: program.inputs.map((input) => input.layout.format).join('; '),
    batch_size: Math.max(
      ...program.inputs.map(({ layout }) => (batched && layout.shape.length > 1 ? layout.shape[0]! : 1)),
    ),
    slot_count: program.slotCount,
    galois_key_mappings: Object.fromEntries(
      program.rotationKeys.map(({ step }) => [String(step), `galois:${galoisElement(step, n)}`]),
    ),
  };
}

function reportOf(parts: AssemblyParts): CompileReport {
  const { program, parameters, polynomial, options } = parts;
  const { total, perInstruction } = countOperations(program);
  const layers = layerReports(parts, perInstruction);
  const predicted = predictionsOf(parts, layers);
  return {
    compilerVersion: COMPILER_VERSION,
    backend: options.backend,
    modelDigest: parts.modelDigest,
    calibration: options.calibration?.description ?? 'none (uniform random inputs)',
    approximations: polynomial.approximations,
    quality: polynomial.quality,
    depth: parameters.dataPrimes.length - 1,
    operations: total,
    layers,
    predicted,
    throughput: options.optimize === 'throughput' ? throughputOf(parts, layers) : null,
    warnings: [
      ...polynomial.warnings,
      ...precisionWarnings(parts, predicted),
      ...throughputWarnings(parts, layers),
    ],
    ...(parts.summary === undefined ? {} : { integer: parts.summary }),
    costProfile: targetOf(options.backend).profiled ? options.profile.machine : null,
    sealObstacle: sealObstacle(program, parameters, options.maxMemoryMb),
    memoryBudgetMb: memoryBudgetMb(parts),
  };
}

/**
 * Encryption alone always reaches the precision asked for. Where classes are what counts and nobody asked for bits, it is the
 * accuracy that approximation is held to.
 */
function precisionWarnings({ polynomial, options }: AssemblyParts, predicted: Predictions): string[] {
  const { precisionBits, approximationPrecisionBits, precisionMet } = predicted;
  const { quality } = polynomial;
  if (precisionMet === true || !targetOf(options.backend).encrypts) return [];
  if (quality.agreement !== null && !options.holdPrecision) return [];
  const because =
    approximationPrecisionBits == null
      ? 'some calibration inputs leave the range of a polynomial'
      : `the approximation of activations alone keeps ${approximationPrecisionBits.toFixed(1)}`;
  return [
    `the worst output keeps ${precisionBits.toFixed(1)} of the ${options.precision} bits asked for (--precision): ${because}; ` +
      `--activation '*=precision:${Math.ceil(options.precision) + 1}' or higher degrees keep more`,
  ];
}

/** Beyond the forecast, which is a few per cent off at times. */
const BUDGET_MARGIN = 1.05;

function memoryBudgetMb({ program, parameters, options }: AssemblyParts): number {
  if (options.optimize !== 'memory') return options.maxMemoryMb;
  const { leastBytes } = targetOf(options.backend).memory(program, parameters, options);
  return Math.min(options.maxMemoryMb, Math.ceil((BUDGET_MARGIN * leastBytes) / 2 ** 20));
}

function throughputOf(
  { options: { batch }, latencyModeMs }: AssemblyParts,
  layers: readonly LayerReport[],
): ThroughputReport {
  const ms = layers.reduce((sum, { predictedMs }) => sum + predictedMs, 0);
  return {
    batch,
    samplesPerSecond: (1000 * batch) / ms,
    latencyModePerSecond: latencyModeMs === null ? null : 1000 / latencyModeMs,
  };
}

function throughputWarnings(parts: AssemblyParts, layers: readonly LayerReport[]): string[] {
  const { program, options } = parts;
  if (options.optimize !== 'throughput') return [];
  const { batch, samplesPerSecond, latencyModePerSecond } = throughputOf(parts, layers);
  const warnings: string[] = [];
  if (batch < program.slotCount) {
    warnings.push(
      `a batch of ${batch} takes as long as one of ${program.slotCount}, for which the ring has slots: see --batch`,
    );
  }
  if (latencyModePerSecond !== null && latencyModePerSecond > samplesPerSecond) {
    warnings.push(
      'inputs one by one are done sooner than a batch of this size: leave out --optimize throughput',
    );
  }
  return warnings;
}

function layerReports(
  { program, parameters, noise, linear, packed, options }: AssemblyParts,
  perInstruction: readonly LayerReport['operations'][],
): LayerReport[] {
  const { plaintextRoom } = targetOf(options.backend).memory(program, parameters, options);
  const cost = targetOf(options.backend).costs(parameters, options.profile);
  const latency = predictLatency(program, cost, plaintextRoom);
  const describe = (
    id: number,
    kind: LayerReport['kind'],
    operations: LayerReport['operations'],
    predictedMs: number,
  ): LayerReport => {
    const value = program.values[id]!;
    const { unit = 1 } = linear.nodes[id]!;
    return {
      layer: value.layer,
      kind,
      shape: packed.values[id]!.layout.shape,
      layout: packed.values[id]!.layout.format,
      ciphertexts: value.ciphertexts,
      level: value.level,
      scaleBits: Math.log2(value.scale),
      operations,
      predictedError: noise.std[id]! * unit,
      bound: value.bound * unit,
      predictedMs,
    };
  };
  const nothing = { rotate: 0, multiplyPlain: 0, multiply: 0, add: 0, addPlain: 0, rescale: 0 };
  return [
    ...program.inputs.map(({ value }) => describe(value, 'input', nothing, 0)),
    ...program.instructions.map((instruction, index) =>
      describe(instruction.output, instruction.kind, perInstruction[index]!, latency[index]!),
    ),
  ];
}

function predictionsOf(
  { program, parameters, noise, polynomial, linear, integer, options }: AssemblyParts,
  layers: readonly LayerReport[],
): Predictions {
  const cost = targetOf(options.backend).costs(parameters, options.profile);
  const units = program.outputs.map(
    ({ value }, index) => integer?.outputs[index]?.scale ?? linear.nodes[value]!.unit ?? 1,
  );
  const precision = wholePrecision(noise.outputs, units, polynomial.quality);
  const galois = galoisKeyBytes(program, parameters, cost);
  const galoisBytes = galois.reduce((sum, bytes) => sum + bytes, 0);
  const { relinearizationLevel } = program;
  const relinearization = relinearizationLevel === null ? 0 : cost.keyBytes(relinearizationLevel);
  const { peakBytes, plaintextRoom } = targetOf(options.backend).memory(program, parameters, options);
  const steps = refreshStepMs(program, cost, plaintextRoom);
  const bytesOf = (ports: Program['inputs'], seeded: boolean): number =>
    ports.reduce((sum, { value }) => {
      const { ciphertexts, level } = program.values[value]!;
      return (
        sum +
        ciphertexts *
          (seeded ? sealPlaintextBytes(parameters, level) : sealCiphertextBytes(parameters, level))
      );
    }, 0);
  return {
    ...precision,
    precisionAsked: options.precision,
    precisionMet: precision.precisionBits >= options.precision && polynomial.outliers.size === 0,
    latencyMs: layers.reduce((sum, layer) => sum + layer.predictedMs, 0),
    ...(steps.length === 0 ? {} : { refreshStepsMs: steps }),
    memoryBytes: peakBytes,
    keyBytesSent: sentBytes(program, parameters),
    keyBytes: {
      galois: galoisBytes,
      relinearization,
      perGaloisKey: Math.max(0, ...galois),
    },
    keyCost: keyCost(program, parameters, options),
    inputCiphertextBytes: bytesOf(program.inputs, true),
    outputCiphertextBytes: bytesOf(program.outputs, false),
  };
}

/** Gathers program, signature, negotiation values, certificate and report into the artifact. */
import type {
  Artifact,
  CompileReport,
  LayerReport,
  Negotiation,
  Predictions,
} from '../../program/artifact.ts';
import { galoisElement } from '../../program/galois-element.ts';
import {
  relinearizes,
  SEAL_HEAP_BYTES,
  sealCiphertextBytes,
  sealKeyBytes,
  sealMemory,
  sealPlaintextBytes,
} from '../../program/memory-model.ts';
import type { Program } from '../../program/program.ts';
import { certify, type CkksParameters } from '../../program/security.ts';
import { countOperations } from '../../program/semantics/count-operations.ts';
import type { Signature } from '../../program/signature.ts';
import { costModelFor } from '../analysis/cost-model.ts';
import { predictLatency } from '../analysis/latency.ts';
import type { NoiseForecast } from '../analysis/noise.ts';
import { sealObstacle } from '../analysis/seal-obstacle.ts';
import type { PackedProgram } from '../ir/packed-program.ts';
import type { PolynomialGraph } from '../ir/polynomial-graph.ts';
import { shapeOf, type TensorGraph } from '../ir/tensor-graph.ts';
import type { CompileOptions } from '../options.ts';
import { COMPILER_VERSION } from '../version.ts';

export interface AssemblyParts {
  readonly program: Program;
  readonly parameters: CkksParameters;
  readonly noise: NoiseForecast;
  readonly packed: PackedProgram;
  readonly tensors: TensorGraph;
  readonly polynomial: PolynomialGraph;
  readonly options: CompileOptions;
  readonly modelName: string;
  readonly modelDigest: string;
  readonly polynomialOnnx: Uint8Array;
}

export function assembleArtifact(parts: AssemblyParts): Artifact {
  const { program, parameters } = parts;
  return {
    formatVersion: 1,
    program,
    parameters,
    signature: signatureOf(parts),
    negotiation: negotiationOf(parts),
    certificate: certify(parameters),
    report: reportOf(parts),
    polynomialOnnx: parts.polynomialOnnx,
  };
}

function signatureOf({ program, parameters, noise, tensors, options, modelName }: AssemblyParts): Signature {
  return {
    model: modelName,
    parameters,
    rotationSteps: program.rotationSteps,
    needsRelinearization: program.instructions.some(relinearizes),
    inputs: program.inputs.map(({ name, value, layout }) => ({
      name,
      layout,
      level: program.values[value]!.level,
      scale: program.values[value]!.scale,
      preprocessing: options.preprocessing,
    })),
    outputs: program.outputs.map(({ name, value, layout }, index) => {
      const clientOperators = tensors.clientOperators[index] ?? [];
      return {
        name,
        layout,
        level: program.values[value]!.level,
        scale: program.values[value]!.scale,
        shape: clientShape(shapeOf(tensors, tensors.outputs[index]!), clientOperators),
        clientOperators,
        precisionBits: noise.outputPrecisionBits[index]!,
        bound: program.values[value]!.bound,
      };
    }),
    labels: options.labels,
  };
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

function negotiationOf({ program, parameters }: AssemblyParts): Negotiation {
  const n = parameters.polyModulusDegree;
  return {
    scheme_context: parameters.scheme === 'ckks' ? 'CKKS' : 'cleartext',
    poly_modulus_degree: n,
    scale: 2 ** parameters.scaleBits,
    coeff_modulus: [...parameters.dataPrimes, ...parameters.specialPrimes].map(String),
    security_level: parameters.securityLevel,
    max_multiplication_depth: parameters.dataPrimes.length - 1,
    input_packing_format: program.inputs.map((input) => input.layout.format).join('; '),
    batch_size: Math.max(
      ...program.inputs.map(({ layout }) => (layout.shape.length > 1 ? layout.shape[0]! : 1)),
    ),
    slot_count: program.slotCount,
    galois_key_mappings: Object.fromEntries(
      program.rotationSteps.map((step) => [String(step), `galois:${galoisElement(step, n)}`]),
    ),
  };
}

function reportOf(parts: AssemblyParts): CompileReport {
  const { program, parameters, polynomial, options } = parts;
  const { total, perInstruction } = countOperations(program);
  const layers = layerReports(parts, perInstruction);
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
    predicted: predictionsOf(parts, layers),
    warnings: polynomial.warnings,
    sealObstacle: sealObstacle(program, parameters, options.maxMemoryMb),
  };
}

function layerReports(
  { program, parameters, noise, packed, options }: AssemblyParts,
  perInstruction: readonly LayerReport['operations'][],
): LayerReport[] {
  const latency = predictLatency(program, costModelFor(options.backend, parameters));
  const describe = (
    id: number,
    kind: LayerReport['kind'],
    operations: LayerReport['operations'],
    predictedMs: number,
  ): LayerReport => {
    const value = program.values[id]!;
    return {
      layer: value.layer,
      kind,
      shape: packed.values[id]!.layout.shape,
      layout: packed.values[id]!.layout.format,
      ciphertexts: value.ciphertexts,
      level: value.level,
      scaleBits: Math.log2(value.scale),
      operations,
      predictedError: noise.std[id]!,
      bound: value.bound,
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
  { program, parameters, noise }: AssemblyParts,
  layers: readonly LayerReport[],
): Predictions {
  const memory = sealMemory(program, parameters);
  const perKey = sealKeyBytes(parameters);
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
    precisionBits: Math.min(...noise.outputPrecisionBits),
    latencyMs: layers.reduce((sum, layer) => sum + layer.predictedMs, 0),
    // Encoded plaintexts are kept only as far as the heap goes.
    memoryBytes: Math.max(
      memory.totalPerWorker,
      Math.min(memory.totalPerWorker + memory.plaintextBytes, SEAL_HEAP_BYTES),
    ),
    keyBytes: {
      galois: program.rotationSteps.length * perKey,
      relinearization: program.instructions.some(relinearizes) ? perKey : 0,
      perGaloisKey: perKey,
    },
    inputCiphertextBytes: bytesOf(program.inputs, true),
    outputCiphertextBytes: bytesOf(program.outputs, false),
  };
}

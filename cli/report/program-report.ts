/** What an artifact says about itself, in the fields of `inspect --json`; every report about a program starts here. */
import type {
  ApproximationSummary,
  Artifact,
  CompileReport,
  IntegerSummary,
  KeyCost,
  LayerReport,
  OperationCounts,
} from '../../src/program/artifact.ts';
import type { InputRange, OutputRange } from '../../src/program/certified-range.ts';
import { operandsOf } from '../../src/program/program.ts';
import type { Program } from '../../src/program/program.ts';
import type { SecurityCertificate } from '../../src/program/security.ts';
import type { Curve } from './polynomial-curves.ts';
import { polynomialCurves } from './polynomial-curves.ts';
import { refreshSummary, type RefreshSummary } from '../../src/program/refresh-summary.ts';

/** A layer, and the layers (indices into the same list) whose values it reads. */
export interface LayerView extends LayerReport {
  readonly sources: readonly number[];
}

export interface ApproximationView extends ApproximationSummary {
  /** The fitted polynomials in the normalised coordinates of the program, for a few channels. */
  readonly curves: readonly Curve[];
}

export interface TensorView<Range> {
  readonly name: string;
  /** Certified for inputs, possible for outputs; older artifacts do not say. */
  readonly range?: Range;
  readonly shape: readonly number[];
  readonly packingFormat: string;
  readonly ciphertexts: number;
}

export interface ProgramReport {
  readonly model: string;
  readonly parameters: {
    readonly scheme: string;
    readonly polyModulusDegree: number;
    /** Data primes, then special primes. */
    readonly coeffModulusBits: readonly number[];
    readonly specialPrimes: number;
    readonly logQP: number;
    /** null: compiled for verification in the clear. */
    readonly securityBits: number | null;
    readonly secretDistribution: string;
    readonly scaleBits: number;
    readonly dnum: number;
    /** BFV only; decimal strings. */
    readonly plainModuli?: readonly string[];
  };
  readonly depth: number;
  readonly slotCount: number;
  readonly batchSize: number;
  readonly inputPackingFormat: string;
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  readonly inputs: readonly TensorView<InputRange>[];
  readonly outputs: readonly TensorView<OutputRange>[];
  readonly labels: readonly string[];
  readonly clientOperators: readonly string[];
  readonly rotationSteps: readonly number[];
  /** Each step with the level that its key is for. */
  readonly rotationKeys: Program['rotationKeys'];
  readonly operations: OperationCounts;
  readonly layers: readonly LayerView[];
  /** Null where nothing is refreshed. */
  readonly refreshes: RefreshSummary | null;
  readonly predicted: {
    /** Of the worst output, everything together; of encryption alone in artifacts that do not tell them apart. */
    readonly precisionBits: number;
    readonly encryptionPrecisionBits: number;
    /** Null where nothing is approximated, or nothing is known of it. */
    readonly approximationPrecisionBits: number | null;
    /** Null where the artifact does not say. */
    readonly precisionAsked: number | null;
    readonly precisionMet: boolean;
    readonly latencyMs: number;
    readonly memoryBytes: number;
    /** All evaluation keys, in memory: the same as `keyBytesInMemory`, about twice what is sent. */
    readonly keyBytes: number;
    readonly keyBytesInMemory: number;
    readonly keyBytesSent: number;
  };
  readonly keys: {
    readonly galoisBytes: number;
    readonly relinearizationBytes: number;
    readonly perGaloisKeyBytes: number;
    /** What they cost, and how much of it was counted; null in older artifacts. */
    readonly cost: KeyCost | null;
  };
  readonly ciphertextBytes: { readonly input: number; readonly output: number };
  readonly galoisKeyMappings: Readonly<Record<string, string>>;
  readonly certificate: SecurityCertificate | null;
  readonly approximations: readonly ApproximationView[];
  readonly quality: CompileReport['quality'];
  /** Null unless compiled for throughput. */
  readonly throughput: CompileReport['throughput'];
  readonly warnings: readonly string[];
  /** Exact schemes only. */
  readonly integer?: IntegerSummary;
  readonly compiler: {
    readonly version: string;
    readonly backend: string;
    readonly modelDigest: string;
    readonly calibration: string;
    /** Why node-seal cannot evaluate this artifact, or null. */
    readonly costProfile: string | null;
    readonly sealObstacle: string | null;
  };
}

export function describeProgram(artifact: Artifact): ProgramReport {
  const { program, parameters, signature, negotiation, certificate, report } = artifact;
  const { keyBytes } = report.predicted;
  const primes = [...parameters.dataPrimes, ...parameters.specialPrimes];
  const bits = primes.map((prime) => prime.toString(2).length);
  return {
    model: signature.model,
    parameters: {
      scheme: parameters.scheme.toUpperCase(),
      polyModulusDegree: parameters.polyModulusDegree,
      coeffModulusBits: bits,
      specialPrimes: parameters.specialPrimes.length,
      logQP: bits.reduce((sum, bit) => sum + bit, 0),
      securityBits: certificate?.securityBits ?? null,
      secretDistribution: parameters.secretDistribution,
      scaleBits: parameters.scaleBits,
      dnum: parameters.dnum,
      ...(parameters.plainModuli === undefined ? {} : { plainModuli: parameters.plainModuli.map(String) }),
    },
    depth: report.depth,
    slotCount: program.slotCount,
    batchSize: negotiation.batch_size,
    inputPackingFormat: negotiation.input_packing_format,
    inputShape: signature.inputs[0]?.layout.shape ?? [],
    outputShape: signature.outputs[0]?.shape ?? [],
    inputs: signature.inputs.map(({ name, layout, range }) => ({
      name,
      shape: layout.shape,
      packingFormat: layout.format,
      ciphertexts: layout.ciphertexts,
      ...(range === undefined ? {} : { range }),
    })),
    outputs: signature.outputs.map(({ name, shape, layout, range }) => ({
      name,
      shape,
      packingFormat: layout.format,
      ciphertexts: layout.ciphertexts,
      ...(range === undefined ? {} : { range }),
    })),
    labels: signature.labels,
    clientOperators: signature.outputs.flatMap((output) =>
      output.clientOperators.map((operator) => operator.op),
    ),
    rotationSteps: program.rotationKeys.map(({ step }) => step),
    rotationKeys: program.rotationKeys,
    operations: report.operations,
    layers: connectLayers(report.layers, program),
    refreshes: refreshSummary(artifact),
    predicted: {
      precisionBits: report.predicted.precisionBits,
      encryptionPrecisionBits: report.predicted.encryptionPrecisionBits ?? report.predicted.precisionBits,
      approximationPrecisionBits: report.predicted.approximationPrecisionBits ?? null,
      precisionAsked: report.predicted.precisionAsked ?? null,
      precisionMet: report.predicted.precisionMet ?? true,
      latencyMs: report.predicted.latencyMs,
      memoryBytes: report.predicted.memoryBytes,
      keyBytes: keyBytes.galois + keyBytes.relinearization,
      keyBytesInMemory: keyBytes.galois + keyBytes.relinearization,
      keyBytesSent: report.predicted.keyBytesSent ?? (keyBytes.galois + keyBytes.relinearization) / 2,
    },
    keys: {
      galoisBytes: keyBytes.galois,
      relinearizationBytes: keyBytes.relinearization,
      perGaloisKeyBytes: keyBytes.perGaloisKey,
      cost: report.predicted.keyCost ?? null,
    },
    ciphertextBytes: {
      input: report.predicted.inputCiphertextBytes,
      output: report.predicted.outputCiphertextBytes,
    },
    galoisKeyMappings: negotiation.galois_key_mappings,
    certificate,
    approximations: report.approximations.map((summary) => ({
      ...summary,
      curves: polynomialCurves(program, summary.node),
    })),
    quality: report.quality,
    throughput: report.throughput,
    warnings: report.warnings,
    ...(report.integer === undefined ? {} : { integer: report.integer }),
    compiler: {
      version: report.compilerVersion,
      backend: report.backend,
      modelDigest: report.modelDigest,
      calibration: report.calibration,
      costProfile: report.costProfile,
      sealObstacle: report.sealObstacle,
    },
  };
}

/** Follows the program's values to see which layer reads which. */
function connectLayers(layers: readonly LayerReport[], program: Program): LayerView[] {
  const layerOfValue = new Map<number, number>();
  const takenValues = new Set<number>();
  layers.forEach((layer, index) => {
    const value = program.values.find(
      (candidate) =>
        candidate.layer === layer.layer &&
        !takenValues.has(candidate.id) &&
        kindOfValue(program, candidate.id) === layer.kind,
    );
    if (value === undefined) return;
    takenValues.add(value.id);
    layerOfValue.set(value.id, index);
  });
  const sources = layers.map((): number[] => []);
  for (const instruction of program.instructions) {
    const index = layerOfValue.get(instruction.output);
    if (index === undefined) continue;
    for (const input of operandsOf(instruction)) {
      const source = layerOfValue.get(input);
      if (source !== undefined && !sources[index]!.includes(source)) sources[index]!.push(source);
    }
  }
  return layers.map((layer, index) => ({ ...layer, sources: sources[index]! }));
}

function kindOfValue(program: Program, value: number): LayerReport['kind'] {
  return program.instructions.find((instruction) => instruction.output === value)?.kind ?? 'input';
}

/** From raw outputs and times to the report of `bench`. */
import { guessingWarning } from '../../src/compiler/analysis/guessing.ts';
import type { Artifact } from '../../src/program/artifact.ts';
import type { BenchReport, SampleResult } from '../report/bench-report.ts';
import { describeProgram } from '../report/program-report.ts';
import { latencyStatistics, median } from '../report/statistics.ts';
import type { Machine, Versions } from '../versions.ts';
import { accuracy, agreement, classOf, confusionMatrix } from './classes.ts';
import { maxAbsDifference, summariseErrors } from './errors.ts';
import type { ComparedMasks } from './mask-report.ts';

/** Outputs of one model over samples, one array per sample. */
export interface Outputs {
  readonly values: readonly ArrayLike<number>[];
  /** Shape of one sample's output. */
  readonly shape: readonly number[];
}

export interface Measurements {
  readonly data: string;
  readonly backend: string;
  readonly threads: number;
  /** Labels of the whole data set. */
  readonly labels: readonly (number | null)[];
  /** Over the whole data set. */
  readonly plaintext: Outputs;
  /** Over the whole data set, after the client's operators. */
  readonly polynomial: Outputs;
  /** Over the first samples, before the client's operators, as the polynomial ONNX model gives them. */
  readonly polynomialRaw: readonly ArrayLike<number>[];
  /** See `compareAllMasks`. */
  readonly masks: ComparedMasks | null;
  /** Over the first samples, after and before the client's operators. */
  readonly encrypted: readonly ArrayLike<number>[];
  readonly encryptedRaw: readonly ArrayLike<number>[];
  readonly otherOutputs: BenchReport['otherOutputs'];
  /** Per evaluation; a batch is one evaluation. */
  readonly encryptMs: readonly number[];
  readonly evaluateMs: readonly number[];
  readonly decryptMs: readonly number[];
  readonly keygenMs: number;
  /** Of each evaluation, by the names in the program; see `layerTimes`. */
  readonly instructionMs: readonly (readonly number[])[];
  readonly refreshStepsMs: BenchReport['refreshStepsMs'];
  readonly bytes: BenchReport['bytes'];
  readonly peakMemoryBytes: number;
  readonly outOfRange: BenchReport['outOfRange'];
  readonly machine: Machine;
  readonly versions: Versions;
  readonly createdAt: string;
}

export function buildBenchReport(artifact: Artifact, measured: Measurements): BenchReport {
  const program = describeProgram(artifact);
  const operators = program.clientOperators;
  const n = measured.encrypted.length;
  const plaintext = measured.plaintext.values.slice(0, n);
  const polynomial = measured.polynomial.values.slice(0, n);
  const shape = measured.plaintext.shape;
  const classes = (outputs: readonly ArrayLike<number>[]): (number | null)[] =>
    outputs.map((output) => classOf(output, shape, operators));
  const plaintextClasses = classes(measured.plaintext.values);
  const polynomialClasses = classes(measured.polynomial.values);
  const encryptedClasses = classes(measured.encrypted);
  const total = summariseErrors(measured.encrypted, plaintext);
  const samples = measured.encrypted.map((output, index): SampleResult => ({
    index,
    label: measured.labels[index] ?? null,
    plaintextClass: plaintextClasses[index] ?? null,
    polynomialClass: polynomialClasses[index] ?? null,
    encryptedClass: encryptedClasses[index] ?? null,
    maxAbsError: maxAbsDifference(output, plaintext[index]!),
    encryptionError: maxAbsDifference(measured.encryptedRaw[index]!, measured.polynomialRaw[index]!),
    ...(measured.masks === null ? {} : { overlap: measured.masks.overlaps[index]! }),
  }));
  const seconds = measured.evaluateMs.reduce((sum, ms) => sum + ms, 0) / 1000;
  return {
    n,
    plaintextAccuracy: accuracy(plaintextClasses, measured.labels),
    polynomialAccuracy: accuracy(polynomialClasses, measured.labels),
    guessing: guessingWarning(
      accuracy(plaintextClasses, measured.labels),
      measured.labels.filter((label) => label !== null).length,
      program.labels.length || Math.max(...program.outputShape, ...shape, 1),
      measured.labels,
    ),
    encryptedAccuracy: accuracy(encryptedClasses, measured.labels.slice(0, n)),
    agreement: agreement(encryptedClasses, plaintextClasses.slice(0, n)),
    maxAbsError: total.maxAbsError,
    precisionBits: total.precisionBits,
    latencyMs: latencyStatistics(measured.evaluateMs),
    throughputPerSecond: n / seconds,
    bytes: measured.bytes,
    peakMemoryBytes: measured.peakMemoryBytes,
    outOfRange: measured.outOfRange,
    parameters: program.parameters,
    machine: measured.machine,
    versions: measured.versions,
    createdAt: measured.createdAt,
    backend: measured.backend,
    threads: measured.threads,
    data: measured.data,
    plaintextSamples: measured.plaintext.values.length,
    errors: {
      total,
      encryption: summariseErrors(measured.encryptedRaw, measured.polynomialRaw),
      approximation: summariseErrors(polynomial, plaintext),
    },
    otherOutputs: measured.otherOutputs,
    phaseMs: {
      keygen: measured.keygenMs,
      encrypt: median(measured.encryptMs),
      evaluate: median(measured.evaluateMs),
      decrypt: median(measured.decryptMs),
    },
    layerMs: layerTimes(artifact, measured.instructionMs),
    refreshStepsMs: measured.refreshStepsMs,
    confusion: confusionMatrix(encryptedClasses, measured.labels.slice(0, n), Math.max(...shape, 1)),
    masks: measured.masks?.report ?? null,
    samples,
    program,
  };
}

/** Median time of each layer of the report, by the instruction that makes its value; null for inputs. */
function layerTimes(artifact: Artifact, instructionMs: readonly (readonly number[])[]): (number | null)[] {
  const { instructions } = artifact.program;
  const taken = new Set<number>();
  return artifact.report.layers.map((layer) => {
    const index = instructions.findIndex(
      (instruction, i) =>
        !taken.has(i) && instruction.layer === layer.layer && instruction.kind === layer.kind,
    );
    if (index < 0) return null;
    taken.add(index);
    const times = instructionMs.flatMap((run) => run.slice(index, index + 1));
    return times.length === 0 ? null : median(times);
  });
}

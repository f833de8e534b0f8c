/** `he-compile run <artifact> --input FILE` */
import type { Command } from 'commander';
import type { Dataset } from '../../src/compiler/options.ts';
import type { Artifact } from '../../src/program/artifact.ts';
import { requireInputs } from '../../src/runtime/encryption/encrypt-inputs.ts';
import { batchOf, joinSamples, splitSamples } from '../batches.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { readArtifact } from '../files.ts';
import { Inference } from '../inference.ts';
import { INPUT_HELP, loadInputs } from '../load-inputs.ts';
import { maxAbsDifference } from '../measure/errors.ts';
import type { EvaluationFlags, RangeFlags } from '../parse-options.ts';
import {
  addEvaluationOptions,
  addRangeOption,
  assignment,
  collect,
  encryptOptions,
} from '../parse-options.ts';
import type { ReferenceFlags, ReferenceModel } from '../reference.ts';
import { referenceTarget, runReference, runReferenceFile } from '../reference.ts';
import { formatBits, formatBytes, formatMs, formatSignificant } from '../report/format.ts';
import { precisionBits } from '../report/statistics.ts';
import { reachOf } from '../../src/program/typical-reach.ts';
import { describeResult } from '../report/result-text.ts';
import { finishOutputs } from '../results.ts';

interface RunFlags extends EvaluationFlags, RangeFlags, ReferenceFlags {
  readonly input: readonly string[];
  readonly model?: string;
}

export function define(command: Command, run: Runner): void {
  addRangeOption(addEvaluationOptions(command))
    .argument('<artifact>', 'compiled model (.hemodel)')
    .requiredOption('--input <FILE>', INPUT_HELP, collect(String))
    .option('--model <FILE>', 'the ONNX file it was compiled from: compare with onnxruntime')
    .option(
      '--bind <INPUT=FILE>',
      'graph input that was bound when compiling (.pb or .npy)',
      collect(assignment),
    )
    .action((artifact: string, flags: RunFlags) => run((context) => runOnce(artifact, flags, context)));
}

async function runOnce(file: string, flags: RunFlags, context: CommandContext): Promise<Outcome> {
  const artifact = await readArtifact(file);
  const inputs = await loadInputs(artifact, flags.input, context);
  const count = inputs.length;
  const warnings: string[] = [];
  const encryption = encryptOptions(flags, (line) => context.note(line), warnings);
  // Before keys are made and references computed in vain.
  requireInputs(artifact.signature, joinSamples(artifact, inputs), encryption);
  const { modelDigest: digest } = artifact.report;
  const model = flags.model === undefined ? null : { file: flags.model, digest };
  const references = model === null ? null : await computeReferences(model, artifact, flags, inputs, context);
  await using inference = await Inference.open(artifact, flags, context);
  const result = await inference.infer(
    inputs,
    (fraction) => context.progress.report('evaluate', fraction),
    flags.allowOutOfRange === true ? { allowOutOfRange: () => undefined } : {},
  );
  const samples = finishOutputs(artifact, result.decrypted, count, inference.backend === 'cleartext');
  const outputs = samples[0]!;
  const comparisons = references?.map(({ name, reference, polynomial }, i) => {
    const decrypted = splitSamples(result.decrypted[i]!, batchOf(artifact), count);
    const finished = samples.flatMap((tensors) => tensors[i]!.data);
    return {
      name,
      ...compare(finished, reference.data),
      encryption: compare(flatten(decrypted), polynomial),
    };
  });
  const { keygenMs, backend } = inference;
  const document = {
    output: outputs[0]!,
    ...(outputs.length > 1 ? { outputs } : {}),
    ...(count > 1 ? { samples } : {}),
    ...(references === null ? {} : documentOf(references, comparisons!)),
    backend,
    threads: inference.threads,
    latencyMs: {
      keygen: keygenMs,
      encrypt: result.encryptMs,
      evaluate: result.evaluateMs,
      decrypt: result.decryptMs,
    },
    bytes: {
      ...inference.keyBytes,
      inputCiphertexts: result.inputBytes,
      outputCiphertexts: result.outputBytes,
    },
    peakMemoryBytes: result.peakMemoryBytes,
    ...(warnings.length === 0 ? {} : { warnings }),
  };
  const lines = [
    ...samples.flat().map((tensor) => describeResult(tensor, artifact)),
    ...(references ?? []).flatMap((each) => originalAnswers(each, count, artifact)),
    ...(comparisons ?? []).map(
      ({ name, maxAbsError, precisionBits: bits, encryption }) =>
        `${outputs.length > 1 ? `${name}: ` : ''}onnxruntime differs by ${formatSignificant(maxAbsError, 2)} at most (${formatBits(bits)}), ` +
        `the polynomial model, by encryption alone, by ${formatSignificant(encryption.maxAbsError, 2)} (${formatBits(encryption.precisionBits)})`,
    ),
    `${backend}: keys ${formatMs(keygenMs)}, encrypt ${formatMs(result.encryptMs)}, evaluate ${formatMs(result.evaluateMs)}, decrypt ${formatMs(result.decryptMs)}; ` +
      `keys as sent ${formatBytes(inference.keyBytes.galoisKeys + inference.keyBytes.relinKeys)}, input ${formatBytes(result.inputBytes)}, memory ${formatBytes(result.peakMemoryBytes)}`,
  ];
  return { document, text: lines.join('\n') };
}

/** What one output should be, all samples one after the other. */
interface OutputReference {
  readonly name: string;
  /** By the original model. */
  readonly reference: { readonly shape: readonly number[]; readonly data: number[] };
  /** What the program would give without encryption, before the client's operators. */
  readonly polynomial: readonly number[];
}

async function computeReferences(
  model: ReferenceModel,
  artifact: Artifact,
  flags: ReferenceFlags,
  inputs: Samples,
  context: CommandContext,
): Promise<OutputReference[]> {
  const dataset = datasetOf(inputs);
  const found: OutputReference[] = [];
  for (const [index, { name }] of artifact.signature.outputs.entries()) {
    const target = referenceTarget(artifact, index);
    const { values, shape } = await runReferenceFile(model, flags, dataset, inputs.length, context, target);
    const title = 'polynomial model';
    const polynomial = await runReference(
      artifact.polynomialOnnx,
      dataset,
      inputs.length,
      title,
      context,
      target,
    );
    found.push({ name, reference: { shape, data: flatten(values) }, polynomial: flatten(polynomial.values) });
  }
  return found;
}

/** A line for each sample. */
function originalAnswers({ name, reference }: OutputReference, count: number, artifact: Artifact): string[] {
  const { shape, data } = reference;
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => {
    const sample = { name, shape, data: data.slice(i * size, (i + 1) * size) };
    return `onnxruntime: ${describeResult(sample, artifact)}`;
  });
}

/** Of the first output, and of all of them where there are several. */
function documentOf(references: readonly OutputReference[], comparisons: readonly Comparison[]): object {
  const { name: _, ...first } = comparisons[0]!;
  const several = references.map(({ reference }, i) => ({ ...comparisons[i]!, reference }));
  return {
    reference: references[0]!.reference,
    ...first,
    ...(several.length > 1 ? { comparisons: several } : {}),
  };
}

/** Values as [sample][input]. */
type Samples = readonly (readonly Float32Array[])[];

function datasetOf(inputs: Samples): Dataset {
  const sample = (index: number, input: number): Float32Array => inputs[index]![input]!;
  return { description: 'the input', size: inputs.length, sample, label: () => null };
}

function flatten(samples: readonly ArrayLike<number>[]): number[] {
  return samples.flatMap((values) => Array.from(values));
}

interface Difference {
  readonly maxAbsError: number;
  readonly precisionBits: number;
}

interface Comparison extends Difference {
  readonly name: string;
  readonly encryption: Difference;
}

function compare(actual: ArrayLike<number>, reference: ArrayLike<number>): Difference {
  const maxAbsError = maxAbsDifference(actual, reference);
  return { maxAbsError, precisionBits: precisionBits(maxAbsError, reachOf(reference)) };
}

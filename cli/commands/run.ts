/** `he-compile run <artifact> --input FILE` */
import type { Command } from 'commander';
import type { Dataset } from '../../src/compiler/options.ts';
import type { Artifact } from '../../src/program/artifact.ts';
import { batchOf, splitSamples } from '../batches.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { readArtifact } from '../files.ts';
import { Inference } from '../inference.ts';
import { INPUT_HELP, loadInputs } from '../load-inputs.ts';
import { maxAbsDifference, outputRange } from '../measure/errors.ts';
import type { EvaluationFlags } from '../parse-options.ts';
import { addEvaluationOptions, assignment, collect } from '../parse-options.ts';
import type { ReferenceFlags, ReferenceModel } from '../reference.ts';
import { runReference, runReferenceFile } from '../reference.ts';
import { formatBits, formatBytes, formatMs, formatSignificant } from '../report/format.ts';
import { precisionBits } from '../report/statistics.ts';
import { describeResult } from '../report/result-text.ts';
import { finishOutputs } from '../results.ts';

interface RunFlags extends EvaluationFlags, ReferenceFlags {
  readonly input: readonly string[];
  readonly model?: string;
}

export function define(command: Command, run: Runner): void {
  addEvaluationOptions(command)
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
  const { modelDigest: digest } = artifact.report;
  const reference =
    flags.model === undefined ? null : await compute({ file: flags.model, digest }, flags, inputs, context);
  await using inference = await Inference.open(artifact, flags, context);
  const result = await inference.infer(inputs, (fraction) => context.progress.report('evaluate', fraction));
  const samples = finishOutputs(artifact, result.decrypted, count, inference.backend === 'cleartext');
  const outputs = samples[0]!;
  const output = outputs[0]!;
  const comparison =
    reference === null
      ? null
      : compare(
          samples.flatMap((tensors) => tensors[0]!.data),
          reference.data,
        );
  const encryption =
    reference === null
      ? null
      : compare(
          flatten(splitSamples(result.decrypted[0]!, batchOf(artifact), count)),
          await polynomialOutput(artifact, inputs, context),
        );
  const { keygenMs, backend } = inference;
  const document = {
    output,
    ...(outputs.length > 1 ? { outputs } : {}),
    ...(count > 1 ? { samples } : {}),
    ...(reference === null ? {} : { reference, ...comparison, encryption }),
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
  };
  const lines = [
    ...samples.flat().map((tensor) => describeResult(tensor, artifact)),
    ...(comparison === null
      ? []
      : [
          `onnxruntime differs by ${formatSignificant(comparison.maxAbsError, 2)} at most (${formatBits(comparison.precisionBits)}), the polynomial model by ${formatSignificant(encryption!.maxAbsError, 2)} (${formatBits(encryption!.precisionBits)})`,
        ]),
    `${backend}: keys ${formatMs(keygenMs)}, encrypt ${formatMs(result.encryptMs)}, evaluate ${formatMs(result.evaluateMs)}, decrypt ${formatMs(result.decryptMs)}; ` +
      `keys ${formatBytes(inference.keyBytes.galoisKeys + inference.keyBytes.relinKeys)}, input ${formatBytes(result.inputBytes)}, memory ${formatBytes(result.peakMemoryBytes)}`,
  ];
  return { document, text: lines.join('\n') };
}

async function compute(
  model: ReferenceModel,
  flags: ReferenceFlags,
  inputs: Samples,
  context: CommandContext,
): Promise<{ shape: readonly number[]; data: number[] }> {
  const { values, shape } = await runReferenceFile(model, flags, datasetOf(inputs), inputs.length, context);
  return { shape, data: flatten(values) };
}

/** What the program would give without encryption: all samples of the first output. */
async function polynomialOutput(
  artifact: Artifact,
  inputs: Samples,
  context: CommandContext,
): Promise<ArrayLike<number>> {
  const { values } = await runReference(
    artifact.polynomialOnnx,
    datasetOf(inputs),
    inputs.length,
    'polynomial model',
    context,
  );
  return flatten(values);
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

function compare(
  actual: ArrayLike<number>,
  reference: ArrayLike<number>,
): { maxAbsError: number; precisionBits: number } {
  const maxAbsError = maxAbsDifference(actual, reference);
  return { maxAbsError, precisionBits: precisionBits(maxAbsError, outputRange([reference])) };
}

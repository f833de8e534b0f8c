/** `he-compile run <artifact> --input FILE` */
import type { Command } from 'commander';
import type { Dataset } from '../../src/compiler/options.ts';
import type { Artifact } from '../../src/program/artifact.ts';
import { batchOf, splitSamples } from '../batches.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { readArtifact } from '../files.ts';
import { Inference } from '../inference.ts';
import { loadInputs } from '../load-inputs.ts';
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
    .requiredOption(
      '--input <FILE>',
      '.png, .jpg, .npy, .pb or .json; once for each input of the model',
      collect(String),
    )
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
  const { modelDigest: digest } = artifact.report;
  const reference =
    flags.model === undefined ? null : await compute({ file: flags.model, digest }, flags, inputs, context);
  await using inference = await Inference.open(artifact, flags, context);
  const result = await inference.infer([inputs], (fraction) => context.progress.report('evaluate', fraction));
  const outputs = finishOutputs(artifact, result.decrypted, 1, inference.backend === 'cleartext')[0]!;
  const output = outputs[0]!;
  const comparison = reference === null ? null : compare(output.data, reference.data);
  const encryption =
    reference === null
      ? null
      : compare(
          splitSamples(result.decrypted[0]!, batchOf(artifact), 1)[0]!,
          await polynomialOutput(artifact, inputs, context),
        );
  const { keygenMs, backend } = inference;
  const document = {
    output,
    ...(outputs.length > 1 ? { outputs } : {}),
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
    ...outputs.map((tensor) => describeResult(tensor, artifact)),
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
  inputs: readonly Float32Array[],
  context: CommandContext,
): Promise<{ shape: readonly number[]; data: number[] }> {
  const { values, shape } = await runReferenceFile(model, flags, singleSample(inputs), 1, context);
  return { shape, data: Array.from(values[0]!) };
}

/** What the program would give without encryption: the first sample of the first output. */
async function polynomialOutput(
  artifact: Artifact,
  inputs: readonly Float32Array[],
  context: CommandContext,
): Promise<ArrayLike<number>> {
  const { values } = await runReference(
    artifact.polynomialOnnx,
    singleSample(inputs),
    1,
    'polynomial model',
    context,
  );
  return values[0]!;
}

function singleSample(inputs: readonly Float32Array[]): Dataset {
  return { description: 'the input', size: 1, sample: (_index, input) => inputs[input]!, label: () => null };
}

function compare(
  actual: ArrayLike<number>,
  reference: ArrayLike<number>,
): { maxAbsError: number; precisionBits: number } {
  const maxAbsError = maxAbsDifference(actual, reference);
  return { maxAbsError, precisionBits: precisionBits(maxAbsError, outputRange([reference])) };
}

/**
 * `he-compile evaluate <artifact> --evaluation-keys FILE --input FILE -o FILE`. Nothing that this module imports can
 * read or use a secret key; a test keeps it so.
 */
import type { Command } from 'commander';
import { readBounded, readPieces } from '../../src/data/read-file.ts';
import { ciphertextSetContainer, parseCiphertextSet } from '../../src/runtime/formats/ciphertext-set.ts';
import { containerChunks } from '../../src/runtime/formats/container.ts';
import { readEvaluationKeys } from '../../src/runtime/formats/evaluation-keys.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { chosenBackend, ciphertextBytes, evaluateSet, openEvaluator } from '../evaluation.ts';
import { MAX_CIPHERTEXT_FILE_BYTES, MAX_KEY_FILE_BYTES, readArtifact } from '../files.ts';
import type { EvaluationFlags } from '../parse-options.ts';
import { addEvaluationOptions } from '../parse-options.ts';
import { formatBytes, formatMs } from '../report/format.ts';
import { requireWritable, writeWhole } from '../terminal/write-file.ts';

interface EvaluateFlags extends EvaluationFlags {
  readonly evaluationKeys: string;
  readonly input: string;
  readonly output: string;
}

export function define(command: Command, run: Runner): void {
  addEvaluationOptions(command)
    .argument('<artifact>', 'compiled model (.hemodel)')
    .requiredOption('--evaluation-keys <FILE>', 'from keygen')
    .requiredOption('--input <FILE>', 'ciphertexts from encrypt')
    .requiredOption('-o, --output <FILE>', 'ciphertexts of the result to write')
    .action((artifact: string, flags: EvaluateFlags) => run((context) => evaluate(artifact, flags, context)));
}

async function evaluate(file: string, flags: EvaluateFlags, context: CommandContext): Promise<Outcome> {
  await requireWritable(flags.output);
  const artifact = await readArtifact(file);
  const set = parseCiphertextSet(
    await readBounded(flags.input, MAX_CIPHERTEXT_FILE_BYTES, 'the ciphertexts'),
  );
  const { keys } = await readPieces(
    flags.evaluationKeys,
    MAX_KEY_FILE_BYTES,
    'the evaluation keys',
    readEvaluationKeys,
  );
  await using evaluator = await openEvaluator(artifact, keys, flags, context);
  const start = performance.now();
  const { outputs, layerMs, peakMemoryBytes } = await evaluateSet(evaluator, set, context, (fraction) =>
    context.progress.report('evaluate', fraction),
  );
  const evaluateMs = performance.now() - start;
  context.signal.throwIfAborted();
  await writeWhole(flags.output, containerChunks(ciphertextSetContainer(outputs)));
  const bytes = ciphertextBytes(outputs);
  return {
    document: {
      output: flags.output,
      backend: chosenBackend(artifact, flags).backend,
      threads: evaluator.threads,
      bytes: { outputCiphertexts: bytes },
      latencyMs: { evaluate: evaluateMs },
      layers: layerMs,
      peakMemoryBytes,
      // Measuring takes the secret key: this is what the artifact promises at least.
      ...(artifact.report.integer === undefined
        ? {}
        : { noiseBudgetBits: { forecast: artifact.report.integer.noiseBudgetBits } }),
    },
    text: `wrote ${flags.output} (${formatBytes(bytes)}) in ${formatMs(evaluateMs)}, memory ${formatBytes(peakMemoryBytes)}`,
  };
}

/** `he-compile bench <artifact> --model M.onnx --data SPEC` */
import type { Command } from 'commander';
import { loadDataset } from '../../src/data/load-dataset.ts';
import { sampleTarget } from '../batches.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { readArtifact } from '../files.ts';
import { runBench } from '../measure/run-bench.ts';
import type { EvaluationFlags } from '../parse-options.ts';
import { addEvaluationOptions, assignment, collect, naturalNumber } from '../parse-options.ts';
import type { ReferenceFlags } from '../reference.ts';
import { referenceTarget, runReferenceFile } from '../reference.ts';
import type { Outputs } from '../measure/bench.ts';
import { renderBenchText } from '../report/bench-text.ts';
import { requireReportFile, writeBenchReport } from '../report/write-report.ts';

const DEFAULT_LIMIT = 20;

interface BenchFlags extends EvaluationFlags, ReferenceFlags {
  readonly model: string;
  readonly data: string;
  readonly limit?: number;
  readonly plaintextLimit?: number;
  readonly report?: readonly string[];
}

export function define(command: Command, run: Runner): void {
  addEvaluationOptions(command)
    .argument('<artifact>', 'compiled model (.hemodel)')
    .requiredOption('--model <FILE>', 'the ONNX file it was compiled from')
    .requiredOption('--data <SPEC>', 'mnist:…, cifar10:…, images:…, npy:…, pb:… or random:…')
    .option('--limit <N>', `samples under encryption (default: ${DEFAULT_LIMIT})`, naturalNumber)
    .option('--plaintext-limit <N>', 'samples for the accuracies in the clear (default: all)', naturalNumber)
    .option(
      '--bind <INPUT=FILE>',
      'graph input that was bound when compiling (.pb or .npy)',
      collect(assignment),
    )
    .option('--report <FILE>', 'write a report (.html, .md or .json); repeatable', collect(String))
    .action((artifact: string, flags: BenchFlags) => run((context) => bench(artifact, flags, context)));
}

async function bench(file: string, flags: BenchFlags, context: CommandContext): Promise<Outcome> {
  const reports = flags.report ?? [];
  for (const report of reports) await requireReportFile(report);
  const artifact = await readArtifact(file);
  const limit = flags.limit ?? DEFAULT_LIMIT;
  const plaintextLimit = Math.max(flags.plaintextLimit ?? Number.POSITIVE_INFINITY, limit);
  const dataset = await loadDataset(flags.data, sampleTarget(artifact), {
    classNames: artifact.signature.labels,
    ...(Number.isFinite(plaintextLimit) ? { limit: plaintextLimit } : {}),
  });
  const model = { file: flags.model, digest: artifact.report.modelDigest };
  const plaintextOutput = (index: number, samples: number): Promise<Outputs> =>
    runReferenceFile(model, flags, dataset, samples, context, referenceTarget(artifact, index));
  const plaintext = await plaintextOutput(0, plaintextLimit);
  const { report, pictures } = await runBench(
    { artifact, dataset, plaintext, plaintextOutput, limit, flags },
    context,
  );
  for (const target of reports) {
    await writeBenchReport(target, report, pictures);
    context.note(`wrote ${target}`);
  }
  return { document: report, text: renderBenchText(report) };
}

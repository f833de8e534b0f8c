/** `he-compile federate demo`: a federation from the first round to an encrypted inference, on one machine. Holds both ends. */
import type { Command } from 'commander';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { runFederationDemo } from '../federation/federation-demo.ts';
import { naturalNumber } from '../parse-options.ts';
import { federationText } from '../report/federation-text.ts';
import { requireReportFile, writeFederationReport } from '../report/write-report.ts';

interface FederateDemoFlags {
  readonly report?: string;
  readonly seed: number;
}

export function define(command: Command, run: Runner): void {
  command
    .option('--report <FILE>', 'report to write: .html, .md or .json')
    .option(
      '--seed <N>',
      'of the first weights and of training; noise and masks are never foretold',
      naturalNumber,
      1,
    )
    .action((flags: FederateDemoFlags) => run((context) => demonstrate(flags, context)));
}

async function demonstrate(
  { report: file, seed }: FederateDemoFlags,
  context: CommandContext,
): Promise<Outcome> {
  if (file !== undefined) await requireReportFile(file);
  const report = await runFederationDemo({ seed }, context);
  if (file !== undefined) await writeFederationReport(file, report);
  const runs = [report.plain, report.noised];
  const exact = runs.every(({ rounds }) => rounds.every(({ sum }) => sum.wrong === 0));
  return {
    document: { reportFile: file ?? null, ...report },
    text: federationText(report) + (file === undefined ? '' : `\nEverything is drawn in ${file}.`),
    exitCode: exact ? 0 : 1,
  };
}

/** `he-compile inspect <artifact>` */
import type { Command } from 'commander';
import { UsageError } from '../../src/errors.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { readArtifact } from '../files.ts';
import { describeProgram } from '../report/program-report.ts';
import { renderProgramText } from '../report/text.ts';
import { requireReportFile, writeProgramReport } from '../report/write-report.ts';

interface InspectFlags {
  readonly html?: string;
}

export function define(command: Command, run: Runner): void {
  command
    .argument('<artifact>', 'compiled model (.hemodel)')
    .option('--html <FILE>', 'draw the program as a page')
    .action((artifact: string, flags: InspectFlags) => run((context) => inspect(artifact, flags, context)));
}

async function inspect(file: string, { html }: InspectFlags, context: CommandContext): Promise<Outcome> {
  if (html !== undefined) {
    if (!/\.html?$/i.test(html))
      throw new UsageError('USAGE', `--html ${html}: expected a name that ends in .html`);
    await requireReportFile(html);
  }
  const program = describeProgram(await readArtifact(file));
  if (html !== undefined) {
    await writeProgramReport(html, program);
    context.note(`wrote ${html}`);
  }
  return { document: program, text: renderProgramText(program) };
}

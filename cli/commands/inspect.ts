/** `he-compile inspect <artifact>` */
import type { Command } from 'commander';
import { BackendError, UsageError } from '../../src/errors.ts';
import type { Artifact } from '../../src/program/artifact.ts';
import type { BackendName } from '../../src/runtime/backend.ts';
import { chooseBackend } from '../../src/runtime/evaluation/choose-backend.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { readArtifact } from '../files.ts';
import { forecastHere } from '../measure/forecast-here.ts';
import { backendTitle } from '../report/format.ts';
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
  const artifact = await readArtifact(file);
  const program = describeProgram(await forecastHere(artifact, context));
  const here = evaluatedHere(artifact);
  if (html !== undefined) {
    await writeProgramReport(html, program);
    context.note(`wrote ${html}`);
  }
  return {
    document: { ...program, here },
    text: `${renderProgramText(program)}\n\n${describeHere(here)}`,
  };
}

interface Here {
  /** Null if nothing here evaluates the artifact. */
  readonly backend: BackendName | null;
  /** Why it is not the native engine, or nothing at all. */
  readonly note: string | null;
}

function describeHere({ backend, note }: Here): string {
  const what = backend === null ? 'nothing here evaluates it' : `${backendTitle(backend)} evaluates it here`;
  return note === null ? what : `${what}: ${note}`;
}

function evaluatedHere(artifact: Artifact): Here {
  try {
    return chooseBackend(artifact);
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    return { backend: null, note: error.message };
  }
}

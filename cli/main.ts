/**
 * The command line: servers and what is short run here, everything else in a process of its own under guard. The guard loads nothing
 * of the commands.
 */
import { guardCommand } from './process/guard.ts';
import { worksAlone } from './process/works-alone.ts';
import { listenForInterrupt } from './terminal/interrupt.ts';
import { ProgressLine } from './terminal/progress-line.ts';

/** Runs the command line and returns the exit code; see `runCommand`. */
export async function main(argv: readonly string[]): Promise<number> {
  const line = new ProgressLine(process.stderr);
  if (worksAlone(argv)) return runHere(argv, line);
  const { exitCode, stdout, stderr } = await guardCommand(argv, line, { json: argv.includes('--json') });
  line.clear();
  await write(process.stderr, stderr);
  await write(process.stdout, stdout);
  return exitCode;
}

/** By itself: in a function with `using`, the compiler leaves the name of a source file to the built one. */
const loadCommands = (): Promise<typeof import('./run-command.ts')> => import('./run-command.ts');

async function runHere(argv: readonly string[], line: ProgressLine): Promise<number> {
  using interrupt = listenForInterrupt(() => line.note('cancelling … (again to leave at once)'));
  const { runCommand } = await loadCommands();
  const written: Promise<void>[] = [];
  const exitCode = await runCommand(argv, {
    signal: interrupt.signal,
    report: (stage, fraction) => line.report(stage, fraction),
    note: (text) => line.note(text),
    print: (text) => {
      line.clear();
      written.push(write(process.stdout, `${text}\n`));
    },
    printError: (text) => {
      line.clear();
      written.push(write(process.stderr, `${text}\n`));
    },
  });
  await Promise.all(written);
  return interrupt.exitCodeFor(exitCode);
}

function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return text === '' ? Promise.resolve() : new Promise((resolve) => stream.write(text, () => resolve()));
}

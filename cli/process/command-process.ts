/** The process that a guarded command works in; see `guard.ts`. */
import { runCommand } from '../run-command.ts';
import { listenForInterrupt } from '../terminal/interrupt.ts';
import { watchGuard } from './watch-guard.ts';
import { tellGuard, type Finished, type ToCommand } from './messages.ts';

const cancelled = new AbortController();
process.on('message', (message: ToCommand) => {
  if (message.kind === 'cancel') cancelled.abort();
});
// Without its guard, nobody would see the result.
process.on('disconnect', () => process.exit(1));
watchGuard();
// The terminal sends Ctrl-C to both processes; the guard decides, but a signal sent to this one alone counts, too.
using interrupt = listenForInterrupt(() => cancelled.abort());

const output = { stdout: '', stderr: '' };
const exitCode = await runCommand(process.argv.slice(2), {
  signal: AbortSignal.any([cancelled.signal, interrupt.signal]),
  report: (stage, fraction) => tellGuard({ kind: 'progress', stage, fraction }),
  note: (line) => tellGuard({ kind: 'note', line }),
  print: (text) => (output.stdout += `${text}\n`),
  printError: (text) => (output.stderr += `${text}\n`),
});
const outcome: Finished = { exitCode, ...output };
process.send!({ kind: 'outcome', outcome }, () => process.exit(exitCode));

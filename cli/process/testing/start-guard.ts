/** Guards the module named first, as `main.ts` guards a command. */
import { ProgressLine } from '../../terminal/progress-line.ts';
import { guardCommand } from '../guard.ts';

const [entry, ...argv] = process.argv.slice(2);
const finished = await guardCommand(argv, new ProgressLine(process.stderr), {
  json: true,
  entry: new URL(entry!),
});
process.stdout.write(finished.stdout);
process.exitCode = finished.exitCode;

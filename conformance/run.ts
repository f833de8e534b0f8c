/** `npm run conformance`: runs ONNX's operator tests on encrypted inputs and writes what came out. */
import { writeFile } from 'node:fs/promises';
import { listenForInterrupt } from '../cli/terminal/interrupt.ts';
import { ProgressLine } from '../cli/terminal/progress-line.ts';
import { HeError, UsageError } from '../src/errors.ts';
import { parseArguments } from './arguments.ts';
import { settingsFor } from './outcome.ts';
import { runPool } from './pool.ts';
import { makeReport, outcomeLine, reportMarkdown } from './report.ts';
import { findTests } from './test-case.ts';

/** Exit code: 0 unless a test failed; refusals with a reason are results. */
async function main(argv: readonly string[]): Promise<number> {
  const progress = new ProgressLine(process.stderr);
  try {
    const { directory, backend, match, json, markdown, processes, timeoutMs } = parseArguments(argv);
    const tests = (await findTests(directory)).filter((name) => match.test(name));
    if (tests.length === 0) throw new UsageError('CONFORMANCE_EMPTY', `no test in ${directory} matches`);
    using interrupt = listenForInterrupt(() => progress.note('stopping …'));
    const settings = settingsFor(backend);
    const outcomes = await runPool({
      root: directory,
      tests,
      settings,
      processes,
      timeoutMs,
      signal: interrupt.signal,
      onOutcome: (outcome, done) => {
        progress.note(outcomeLine(outcome));
        if (process.stderr.isTTY) progress.report('tests', done / tests.length);
      },
    });
    progress.clear();
    const report = makeReport(outcomes, settings, outcomes.length === tests.length);
    if (json !== null) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
    if (markdown !== null) await writeFile(markdown, reportMarkdown(report));
    const { pass, fail, refused } = report.totals;
    console.log(
      `${pass} pass, ${fail} fail, ${refused} refused, ${report.totals['not-applicable']} not applicable`,
    );
    return fail === 0 && report.complete ? 0 : 1;
  } catch (error) {
    if (!(error instanceof HeError)) throw error;
    progress.note(
      `error ${error.code}: ${error.message}${error.hint === undefined ? '' : `\n  to do: ${error.hint}`}`,
    );
    return error.exitCode;
  }
}

process.exitCode = await main(process.argv.slice(2));

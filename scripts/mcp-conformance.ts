/**
 * Runs the protocol's conformance suite, for both revisions, against the servers' HTTP listener with the suite's fixture tools,
 * and writes docs/mcp-conformance.md. Exits 1 if a scenario fails that applies to a server of tools.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listenForConformance } from '../src/server/testing/conformance-server.ts';

/** The newest; the releases before 0.2.0 do not know revision 2026-07-28. */
const SUITE = '@modelcontextprotocol/conformance@0.2.0-alpha.12';
const REVISIONS = ['2025-11-25', '2026-07-28'];
const REPORT = join(import.meta.dirname, '../docs/mcp-conformance.md');
/** What follows it is written by hand or by other scripts, and stays. */
const END = '<!-- end of the conformance suite -->';

/** Features that the servers do not offer or declare, by the beginning of the scenario's name. Only failures are excused. */
const NOT_OFFERED: readonly (readonly [prefix: string, reason: string])[] = [
  ['logging-', 'needs the `logging` capability; logs go to stderr'],
  ['tools-call-with-logging', 'needs the `logging` capability; logs go to stderr'],
  ['tools-call-sampling', 'the servers never ask the client for sampling'],
  ['tools-call-elicitation', 'the servers never ask the user for input'],
  ['elicitation-', 'the servers never ask the user for input'],
  ['resources-subscribe', 'needs `resources.subscribe`: the models do not change while they are served'],
  ['resources-unsubscribe', 'needs `resources.subscribe`: the models do not change while they are served'],
  ['input-required-result-', 'tools and prompts answer in one round: they never ask for input'],
  ['tasks-mrtr-', 'tasks never ask for input'],
];

/** A header stands in logs of proxies, and has a few kilobytes. */
const HEADER_REASON = 'no argument is annotated as a header: they are large or secret';

/** Single checks about such features in scenarios that otherwise apply: any other failed check there counts. */
const NOT_OFFERED_CHECKS: Readonly<Record<string, string>> = {
  'sep-2575-server-no-log-without-loglevel': 'no `logging` capability',
  'sep-2243-server-no-xmcp-tool': HEADER_REASON,
  'sep-2243-server-decode-base64': HEADER_REASON,
  'sep-2243-server-validate-param-match': HEADER_REASON,
  'sep-2243-server-reject-invalid-param-chars': HEADER_REASON,
  'sep-2243-server-reject-param-mismatch': HEADER_REASON,
};

interface Outcome {
  readonly scenario: string;
  readonly ok: boolean;
  readonly passed: number;
  readonly failed: number;
  readonly failedChecks: readonly string[];
}

const SUMMARY_LINE = /^([✓✗]) ([\w-]+): (\d+) passed, (\d+) failed/u;

/** The suite's exit status says that something failed; its summary says what. */
async function runSuite(url: string, revision: string, folder: string): Promise<Outcome[]> {
  const args = ['--yes', SUITE, 'server', '--url', url, '--requirements', revision, '--output-dir', folder];
  const output = await new Promise<string>((resolve) => {
    execFile('npx', args, { maxBuffer: 2 ** 26 }, (_error, stdout, stderr) => resolve(stdout + stderr));
  });
  const summary = output.slice(output.lastIndexOf('=== SUMMARY ==='));
  const folders = await readdir(folder);
  const outcomes = summary.split('\n').flatMap((line) => {
    const match = SUMMARY_LINE.exec(line);
    if (match === null) return [];
    const [, mark, scenario, passed, failed] = match;
    return [
      {
        scenario: scenario!,
        ok: mark === '✓',
        passed: Number(passed),
        failed: Number(failed),
        failedChecks: [],
      },
    ];
  });
  if (outcomes.length === 0) throw new Error(`the suite gave no summary:\n${output.slice(-2000)}`);
  return Promise.all(
    outcomes.map(async (outcome) => {
      const prefix = `server-${outcome.scenario}-${new Date().getFullYear()}-`;
      const name = folders.find((candidate) => candidate.startsWith(prefix));
      return { ...outcome, failedChecks: name === undefined ? [] : await readFailures(join(folder, name)) };
    }),
  );
}

async function readFailures(folder: string): Promise<string[]> {
  const checks = JSON.parse(await readFile(join(folder, 'checks.json'), 'utf8')) as {
    id: string;
    status: string;
  }[];
  return checks.filter(({ status }) => status === 'FAILURE').map(({ id }) => id);
}

function verdict({ scenario, ok, passed, failedChecks }: Outcome): {
  readonly text: string;
  readonly fails: boolean;
} {
  if (ok && passed === 0) return { text: 'nothing checked: the suite skipped it', fails: false };
  if (ok) return { text: 'pass', fails: false };
  const reason = NOT_OFFERED.find(([prefix]) => scenario.startsWith(prefix))?.[1];
  if (reason !== undefined) return { text: `not applicable: ${reason}`, fails: false };
  const reasons = new Set(failedChecks.map((id) => NOT_OFFERED_CHECKS[id]));
  if (failedChecks.length === 0 || reasons.has(undefined)) return { text: '**fails**', fails: true };
  return {
    text: `what applies passes; the failed checks do not apply: ${[...reasons].join('; ')}`,
    fails: false,
  };
}

function section(revision: string, outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(
    (outcome) => `| ${outcome.scenario} | ${outcome.passed} | ${outcome.failed} | ${verdict(outcome).text} |`,
  );
  const passing = outcomes.filter(({ ok, passed }) => ok && passed > 0).length;
  const failing = outcomes.filter((outcome) => verdict(outcome).fails).length;
  return [
    `## Revision ${revision}`,
    '',
    `${passing} of ${outcomes.length} scenarios pass, ${failing} that apply fail.`,
    '',
    '| scenario | checks passed | checks failed | verdict |',
    '|---|---:|---:|---|',
    ...rows,
    '',
  ].join('\n');
}

const listener = await listenForConformance();
const sections: string[] = [];
let fails = false;
try {
  for (const revision of REVISIONS) {
    const folder = await mkdtemp(join(tmpdir(), 'mcp-conformance-'));
    const outcomes = await runSuite(listener.url, revision, folder);
    await rm(folder, { recursive: true });
    fails ||= outcomes.some((outcome) => verdict(outcome).fails);
    sections.push(section(revision, outcomes));
  }
} finally {
  await listener.close();
}
const intro = [
  '# Conformance to the Model Context Protocol',
  '',
  `\`npm run mcp:conformance\` runs \`${SUITE}\` over Streamable HTTP against the listener of both servers`,
  '(`src/server/transport`) carrying the fixture tools that the suite calls (`src/server/testing/conformance-server.ts`).',
  '',
  '',
].join('\n');
const before = await readFile(REPORT, 'utf8').catch(() => '');
const kept = before.includes(END) ? before.slice(before.indexOf(END)) : `${END}\n`;
await writeFile(REPORT, `${intro}${sections.join('\n')}\n${kept}`);
process.exitCode = fails ? 1 : 0;

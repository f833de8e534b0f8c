/**
 * A million mutated keys and ciphertexts of both schemes against the checks before node-seal and node-seal behind them:
 *   node scripts/fuzz-objects.ts [--total 1000000] [--state FILE] [--minutes N] [--scheme ckks|bfv]
 * In chunks, each a process of its own with a bound on its memory, ended if it hangs. What is done is written down in FILE, a line
 * per chunk, and is not done again: a run that was ended goes on where it stopped. Ends with 1 at the first finding, whose bytes
 * are in FILE.
 */
import { fork } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { FuzzFinding, FuzzOrder, FuzzTally } from '../src/runtime/backends/testing/fuzz-objects.ts';
import { fuzzObjects } from '../src/runtime/backends/testing/fuzz-objects.ts';

const SMALL = { degree: 2048, chunk: 20_000 };
/** A ring that programs use: its mutants take five times as long. */
const REAL = { degree: 8192, chunk: 1_000, share: 0.01 };
/** No mutant takes this long, on the busiest of machines. */
const STALL_MS = 300_000;
const BEAT_MS = 1_000;
/** Of a chunk's process, of which WebAssembly's heap is a small part. */
const MAX_RSS_BYTES = 2 ** 30;

type Message =
  | { readonly beat: number; readonly rss: number }
  | {
      readonly tally: FuzzTally;
      readonly finding: (Omit<FuzzFinding, 'bytes'> & { readonly bytes: string }) | null;
    };

interface ChunkRecord extends FuzzOrder {
  readonly tally: FuzzTally | null;
  readonly peakRssBytes: number;
  readonly seconds: number;
  readonly failure: unknown;
}

if (process.send === undefined) await direct();
else await work(JSON.parse(process.argv[2]!) as FuzzOrder);

/** In the chunk's process. */
async function work(order: FuzzOrder): Promise<void> {
  // Errors are thrown by the hundred thousand, and nobody reads where.
  Error.stackTraceLimit = 0;
  let last = 0;
  const tell = (message: Message): void => void process.send!(message);
  const { tally, finding } = await fuzzObjects(order, (number) => {
    const now = performance.now();
    if (now - last < BEAT_MS) return;
    last = now;
    tell({ beat: number, rss: process.memoryUsage.rss() });
  });
  const bytes = finding === null ? '' : Buffer.from(finding.bytes).toString('base64');
  tell({ tally, finding: finding === null ? null : { ...finding, bytes } });
  process.disconnect();
}

async function direct(): Promise<void> {
  const { values } = parseArgs({
    options: {
      total: { type: 'string', default: '1000000' },
      state: { type: 'string', default: 'fuzz-objects.jsonl' },
      minutes: { type: 'string', default: '600' },
      scheme: { type: 'string' },
    },
  });
  const end = performance.now() + Number(values.minutes) * 60_000;
  const done = existsSync(values.state) ? readRecords(values.state) : [];
  const keyOf = ({ scheme, degree, from }: FuzzOrder): string => `${scheme} ${degree} ${from}`;
  const finished = new Set(done.filter(({ failure }) => failure === null).map(keyOf));
  for (const order of plan(Number(values.total))) {
    if (finished.has(keyOf(order)) || (values.scheme ?? order.scheme) !== order.scheme) continue;
    if (performance.now() > end) break;
    const record = await runChunk(order);
    appendFileSync(values.state, `${JSON.stringify(record)}\n`);
    console.log(describe(record));
    if (record.failure !== null) process.exitCode = 1;
    if (record.failure !== null) break;
  }
  console.log(summarise(readRecords(values.state)));
}

/** Both schemes in turn. */
function plan(total: number): FuzzOrder[] {
  const orders: FuzzOrder[] = [];
  const add = (degree: number, chunk: number, count: number): void => {
    for (let from = 0; from < count; from += chunk) {
      for (const scheme of ['ckks', 'bfv'] as const) {
        orders.push({ scheme, degree, from, count: Math.min(chunk, count - from) });
      }
    }
  };
  const large = Math.ceil((total * REAL.share) / 2);
  add(REAL.degree, REAL.chunk, large);
  add(SMALL.degree, SMALL.chunk, Math.ceil(total / 2) - large);
  return orders;
}

function runChunk(order: FuzzOrder): Promise<ChunkRecord> {
  const start = performance.now();
  const child = fork(new URL(import.meta.url).pathname, [JSON.stringify(order)]);
  return new Promise((resolve) => {
    let peakRssBytes = 0;
    let at = order.from;
    let tally: FuzzTally | null = null;
    let failure: unknown = null;
    const stop = (why: string): void => {
      failure ??= `${why}, at about mutant ${at}`;
      child.kill('SIGKILL');
    };
    let watchdog = setTimeout(() => stop('it hangs'), STALL_MS);
    child.on('message', (message: Message) => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => stop('it hangs'), STALL_MS);
      if ('beat' in message) {
        at = message.beat;
        peakRssBytes = Math.max(peakRssBytes, message.rss);
        if (message.rss > MAX_RSS_BYTES) stop(`it holds ${message.rss} bytes`);
      } else {
        tally = message.tally;
        failure = message.finding;
      }
    });
    child.on('exit', (code, signal) => {
      clearTimeout(watchdog);
      if (code !== 0 || tally === null) failure ??= `it ended with ${code ?? signal}, at about mutant ${at}`;
      resolve({ ...order, tally, peakRssBytes, seconds: (performance.now() - start) / 1000, failure });
    });
  });
}

function readRecords(file: string): ChunkRecord[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as ChunkRecord);
}

function describe({ scheme, degree, from, count, tally, seconds, failure }: ChunkRecord): string {
  const counts =
    tally === null ? '' : `${tally.refused} refused, ${tally.accepted} accepted, ${tally.unusable} unusable`;
  const found = failure === null ? '' : ` FAILED: ${JSON.stringify(failure).slice(0, 500)}`;
  return `${scheme} N=${degree} ${from}+${count}: ${counts}, ${seconds.toFixed(0)} s${found}`;
}

function summarise(records: readonly ChunkRecord[]): string {
  const tallies = records.flatMap(({ tally }) => (tally === null ? [] : [tally]));
  const sum = (of: (tally: FuzzTally) => number): number =>
    tallies.reduce((all, tally) => all + of(tally), 0);
  return JSON.stringify({
    mutants: sum(({ mutants }) => mutants),
    refused: sum(({ refused }) => refused),
    accepted: sum(({ accepted }) => accepted),
    unusable: sum(({ unusable }) => unusable),
    failures: records.filter(({ failure }) => failure !== null).length,
    slowestMs: Math.max(0, ...tallies.map(({ slowestMs }) => slowestMs)),
    heapGrowthBytes: Math.max(0, ...tallies.map(({ heapGrowthBytes }) => heapGrowthBytes)),
    peakRssBytes: Math.max(0, ...records.map(({ peakRssBytes }) => peakRssBytes)),
    seconds: records.reduce((all, { seconds }) => all + seconds, 0),
  });
}

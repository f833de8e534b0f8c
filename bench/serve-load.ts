/**
 * `npm run bench:serve -- [ARTIFACT]`: one server in processes of its own (with --workers N, two front ends and N workers on PostgreSQL and S3), several clients that ask it in sequence and then all at
 * once, and `he-compile infer` for what the way to the server costs. Every result is held against an evaluation here, bit for
 * bit. Writes `results/serve-load-NAME.json`.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { collectVersions, describeMachine } from '../cli/versions.ts';
import { HeError } from '../src/errors.ts';
import { decodeArtifact } from '../src/program/codec.ts';
import { evaluationBackend } from '../src/server/inference/evaluation/evaluation-backend.ts';
import { memoryNeed } from '../src/server/inference/evaluation/memory-need.ts';
import { sha256Of } from '../src/server/protocol/identifiers.ts';
import { ClusterProcesses } from '../src/server/testing/cluster-processes.ts';
import { startServer } from '../src/server/testing/crash-server.ts';
import { describeCommit } from './commit.ts';
import { compileServedFixture } from './serve-fixture.ts';
import type { ServeBenchOptions } from './serve-options.ts';
import { parseServeOptions } from './serve-options.ts';
import { measureOverhead } from './serve-overhead.ts';
import { Participant } from './serve-participant.ts';
import { atOnce, inSequence } from './serve-phases.ts';
import type { WatchedProcess } from './serve-watch.ts';
import { ServerWatch } from './serve-watch.ts';

const ROOT = join(import.meta.dirname, '..');
const ENTRY = join(ROOT, 'bin/he-compile.js');
const RESULTS = join(import.meta.dirname, 'results');
const MIB = 2 ** 20;

async function measure(
  options: ServeBenchOptions,
  folder: string,
): Promise<{ name: string; result: object }> {
  const createdAt = new Date().toISOString();
  const loadBefore = loadavg()[0]!;
  const file = options.artifact ?? (await compileServedFixture(folder));
  const bytes = await readFile(file);
  const artifact = decodeArtifact(bytes);
  const backend = evaluationBackend(artifact);
  const boundBytes = options.maxMemoryMb * MIB;
  const need = memoryNeed(artifact, bytes.length, options.threads, boundBytes);
  await using serving = await (options.workers === 0 ? oneServer : cluster)(file, options, folder);
  using watch = new ServerWatch(serving.processes);
  const participants: Participant[] = [];
  try {
    const joining = performance.now();
    for (let i = 0; i < options.clients; i++) {
      const { inferences } = options;
      participants.push(await Participant.join(serving.url(i), artifact, backend, i, inferences, folder));
    }
    const provisionedMs = performance.now() - joining;
    const sequence = await inSequence(participants, options.inferences, watch);
    const together = await atOnce(
      participants,
      options.inferences,
      Math.min(options.inFlight, options.inferences),
      watch,
    );
    const overhead = await measureOverhead(serving.url(0), artifact, folder);
    return {
      name: options.name ?? basename(file, '.hemodel'),
      result: {
        schema: 1,
        createdAt,
        commit: await describeCommit(),
        machine: describeMachine(),
        load: { before: loadBefore, after: loadavg()[0]! },
        versions: await collectVersions(),
        artifact: {
          file: options.artifact === null ? 'fixtures/digits-square.onnx, compiled' : basename(file),
          bytes: bytes.length,
          sha256: sha256Of(bytes),
          backend,
          polyModulusDegree: artifact.parameters.polyModulusDegree,
        },
        // Without the path: it says something of this machine only.
        options: { ...options, artifact: undefined },
        allResultsCorrect: true,
        memory: {
          boundBytes,
          forecastPerKeySetBytes: need.totalBytes,
          keySetsThatFit: Math.floor(boundBytes / need.totalBytes),
          peakEvaluationProcessesBytes: watch.peakChildrenBytes,
          peakServerBytes: watch.peakServerBytes,
          withinBound: watch.peakChildrenBytes <= boundBytes,
        },
        provisioning: { wallMs: provisionedMs },
        sequence,
        atOnce: together,
        speedup: sequence.wallMs / together.wallMs,
        overhead,
      },
    };
  } finally {
    for (const participant of participants) await participant[Symbol.asyncDispose]();
  }
}

interface Serving extends AsyncDisposable {
  /** Where a client goes. */
  url(client: number): string;
  readonly processes: readonly WatchedProcess[];
}

async function oneServer(file: string, options: ServeBenchOptions, folder: string): Promise<Serving> {
  const server = await startServer(
    [
      ...[file, '--http', '127.0.0.1:0', '--state', join(folder, 'state'), '--open-enrolment'],
      ...['--threads', String(options.threads), '--evaluations', String(options.evaluations)],
      ...['--max-memory-mb', String(options.maxMemoryMb)],
    ],
    ENTRY,
  );
  return { url: () => server.url, processes: [server], [Symbol.asyncDispose]: () => server.kill() };
}

async function cluster(file: string, options: ServeBenchOptions): Promise<Serving> {
  const { workers, threads, maxMemoryMb } = options;
  const each = ['--threads', String(threads), '--max-memory-mb', String(Math.floor(maxMemoryMb / workers))];
  const shape = { artifact: file, fronts: 2, workers, s3: true, entry: ENTRY, workerOptions: each };
  const processes = await ClusterProcesses.start(shape);
  return {
    url: (client) => processes.fronts[client % processes.fronts.length]!.url,
    processes: [...processes.workers, ...processes.fronts],
    [Symbol.asyncDispose]: () => processes[Symbol.asyncDispose](),
  };
}

async function main(argv: readonly string[]): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'he-compile-serve-bench-'));
  try {
    const { name, result } = await measure(parseServeOptions(argv), folder);
    await mkdir(RESULTS, { recursive: true });
    const text = `${JSON.stringify(result, null, 2)}\n`;
    await writeFile(join(RESULTS, `serve-load-${name}.json`), text);
    process.stdout.write(text);
    return 0;
  } catch (error) {
    if (!(error instanceof HeError)) throw error;
    console.error(
      `error ${error.code}: ${error.message}${error.hint === undefined ? '' : `\n${error.hint}`}`,
    );
    return error.exitCode;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main(process.argv.slice(2));

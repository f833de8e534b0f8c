/** Measures one case: the command line in processes of its own (memory is theirs alone), and onnxruntime beside it. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from '../src/compiler/reference/onnxruntime.ts';
import { sampleShape } from '../cli/batches.ts';
import type { BenchReport } from '../cli/report/bench-report.ts';
import type { LatencyStatistics } from '../cli/report/statistics.ts';
import { latencyStatistics } from '../cli/report/statistics.ts';
import { collectVersions, describeMachine } from '../cli/versions.ts';
import { BackendError } from '../src/errors.ts';
import type { Backend, BenchCase } from './case.ts';
import { describeCommit } from './commit.ts';
import type { BenchResult, ProgramResult, Refusal } from './result.ts';
import { backendResult } from './result.ts';

const ROOT = join(import.meta.dirname, '..');
const ONNXRUNTIME_RUNS = 200;

/** @throws BackendError BENCH_FAILED if a command fails, or no backend can run the model */
export async function measureCase(one: BenchCase): Promise<BenchResult> {
  const createdAt = new Date().toISOString();
  const before = loadavg()[0]!;
  const folder = await mkdtemp(join(tmpdir(), 'he-compile-bench-'));
  try {
    const model = await readFile(one.model);
    const programs = new Map<Backend, Prepared | Refusal>();
    for (const backend of one.backends) programs.set(backend, await prepare(one, backend, folder));
    // Alternated in one run, so that a busy machine is busy for all.
    for (const threads of one.threads) {
      for (const [backend, program] of programs) {
        if (!('artifact' in program)) continue;
        program.runs.push(await measure(one, program.artifact, backend, threads));
      }
    }
    const measured = [...programs.values()].filter((program) => 'artifact' in program);
    if (measured.length === 0) throw new BackendError('BENCH_FAILED', refusals([...programs]));
    const { inputShape: whole, throughput } = measured[0]!.runs[0]!.program;
    // Of one sample, as the model has it.
    const inputShape = throughput === null ? whole : sampleShape(whole, throughput.batch);
    const resultOf = (backend: Backend): ProgramResult | Refusal | null => {
      const program = programs.get(backend) ?? null;
      return program !== null && 'artifact' in program ? resultOfProgram(one, program) : program;
    };
    return {
      schema: 3,
      name: one.name,
      createdAt,
      commit: await describeCommit(),
      machine: describeMachine(),
      load: { before, after: loadavg()[0]! },
      versions: await collectVersions(),
      model: {
        file: one.model,
        bytes: model.length,
        sha256: createHash('sha256').update(model).digest('hex'),
      },
      calibration: one.calibration,
      data: one.data,
      onnxruntime: { runs: ONNXRUNTIME_RUNS, latencyMs: await measureOnnxruntime(model, inputShape) },
      programs: { seal: resultOf('seal'), native: resultOf('native') },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A program compiled for one backend. */
interface Prepared {
  readonly artifact: string;
  readonly wallMs: number;
  readonly artifactBytes: number;
  readonly cleartext: BenchReport;
  readonly runs: BenchReport[];
}

async function prepare(one: BenchCase, backend: Backend, folder: string): Promise<Prepared | Refusal> {
  const artifact = join(folder, `${backend}.hemodel`);
  const data = ['--calibration', one.calibration, ...one.compileOptions];
  const start = performance.now();
  try {
    await heCompile('compile', one.model, '-o', artifact, '--backend', backend, ...data);
  } catch (error) {
    // That a backend cannot hold a model is a result; that a command crashed is not.
    const refused = error instanceof BackendError ? refusalOf(error) : null;
    if (refused === null) throw error;
    return { refused };
  }
  const wallMs = performance.now() - start;
  const cleartext = await measure(one, artifact, 'cleartext', null);
  return { artifact, wallMs, artifactBytes: (await stat(artifact)).size, cleartext, runs: [] };
}

function refusalOf(error: BackendError): Refusal['refused'] | null {
  try {
    const { error: document } = JSON.parse(error.message.slice(error.message.indexOf('{'))) as {
      error: { code: string; message: string };
    };
    return { code: document.code, message: document.message };
  } catch {
    return null;
  }
}

function refusals(programs: readonly (readonly [Backend, Prepared | Refusal])[]): string {
  const reasons = programs.map(([backend, one]) =>
    'refused' in one ? `${backend}: ${one.refused.message}` : '',
  );
  return `no backend can run the model (${reasons.join('; ')})`;
}

/** Accuracies over the whole data set are taken in the clear only: they are the same for all runs of a program. */
async function measure(
  one: BenchCase,
  artifact: string,
  backend: string,
  threads: number | null,
): Promise<BenchReport> {
  const limit = String(backend === 'seal' ? one.sealLimit : one.limit);
  const args = ['--model', one.model, '--data', one.data, '--limit', limit, '--backend', backend];
  if (threads !== null) args.push('--threads', String(threads), '--plaintext-limit', limit);
  return (await heCompile('bench', artifact, ...args)) as BenchReport;
}

function resultOfProgram(one: BenchCase, program: Prepared): ProgramResult {
  const { wallMs, artifactBytes, cleartext, runs } = program;
  const { parameters, depth, rotationSteps, operations, predicted, throughput } = runs[0]!.program;
  const compiled = { parameters, depth, rotationSteps, operations, predicted, throughput };
  return {
    compile: { options: one.compileOptions, wallMs, artifactBytes, ...compiled },
    cleartext: backendResult(cleartext),
    runs: runs.map(backendResult),
  };
}

/** Latency of single inferences; it does not depend on the values, so they are zeros. */
async function measureOnnxruntime(model: Uint8Array, shape: readonly number[]): Promise<LatencyStatistics> {
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  try {
    const elements = shape.reduce((product, size) => product * size, 1);
    const input = new Tensor('float32', new Float32Array(elements), shape);
    const feeds = { [session.inputNames[0]!]: input };
    for (let i = 0; i < 10; i++) await session.run(feeds);
    const latencies: number[] = [];
    for (let i = 0; i < ONNXRUNTIME_RUNS; i++) {
      const start = performance.now();
      await session.run(feeds);
      latencies.push(performance.now() - start);
    }
    return latencyStatistics(latencies);
  } finally {
    await session.release();
  }
}

/** Runs the command line with `--json`; its progress goes to our stderr. */
export async function heCompile(...args: readonly string[]): Promise<unknown> {
  return (await measureCommand(...args)).document;
}

export interface MeasuredCommand {
  readonly document: unknown;
  readonly wallMs: number;
  /** Most memory that the process had resident; null where the system does not tell. */
  readonly peakMemoryBytes: number | null;
}

const SAMPLING_MS = 200;

/** The same with what it took. */
export async function measureCommand(...args: readonly string[]): Promise<MeasuredCommand> {
  const start = performance.now();
  const script = join(ROOT, 'bin', 'he-compile.js');
  const child = spawn(process.execPath, [script, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  let peakMemoryBytes: number | null = null;
  const sampling = setInterval(
    () => (peakMemoryBytes = residentPeak(child.pid) ?? peakMemoryBytes),
    SAMPLING_MS,
  );
  const exitCode = await new Promise<number | null>((resolve, reject) =>
    child.on('error', reject).on('close', resolve),
  ).finally(() => clearInterval(sampling));
  if (exitCode !== 0) {
    throw new BackendError('BENCH_FAILED', `he-compile ${args[0]} ended with ${exitCode}: ${output.trim()}`);
  }
  return { document: JSON.parse(output), wallMs: performance.now() - start, peakMemoryBytes };
}

/** Linux keeps the high-water mark for each process. */
function residentPeak(pid: number | undefined): number | null {
  try {
    const kib = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return kib === null ? null : Number(kib[1]) * 1024;
  } catch {
    return null;
  }
}

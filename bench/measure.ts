/** Measures one case: the command line in processes of its own (memory is theirs alone), and onnxruntime beside it. */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { InferenceSession, Tensor } from '../src/compiler/reference/onnxruntime.ts';
import type { BenchReport } from '../cli/report/bench-report.ts';
import type { LatencyStatistics } from '../cli/report/statistics.ts';
import { latencyStatistics } from '../cli/report/statistics.ts';
import { collectVersions, describeMachine } from '../cli/versions.ts';
import { BackendError } from '../src/errors.ts';
import type { BenchCase } from './case.ts';
import type { BenchResult } from './result.ts';
import { backendResult } from './result.ts';

const ROOT = join(import.meta.dirname, '..');
const ONNXRUNTIME_RUNS = 200;

/** @throws BackendError BENCH_FAILED if a command fails */
export async function measureCase(one: BenchCase): Promise<BenchResult> {
  const createdAt = new Date().toISOString();
  const folder = await mkdtemp(join(tmpdir(), 'he-compile-bench-'));
  try {
    const artifact = join(folder, 'model.hemodel');
    const model = await readFile(one.model);
    const start = performance.now();
    await heCompile(
      'compile',
      one.model,
      '-o',
      artifact,
      '--calibration',
      one.calibration,
      ...one.compileOptions,
    );
    const wallMs = performance.now() - start;

    // Alternated in one run, so that a busy machine is busy for all.
    const measure = async (backend: string): Promise<BenchReport> => {
      const data = ['--model', one.model, '--data', one.data, '--limit', String(one.limit)];
      return (await heCompile('bench', artifact, ...data, '--backend', backend)) as BenchReport;
    };
    const cleartext = await measure('cleartext');
    const seal = await measure('seal');
    const { parameters, depth, rotationSteps, operations, predicted, inputShape } = seal.program;

    return {
      schema: 1,
      name: one.name,
      createdAt,
      commit: await describeCommit(),
      machine: describeMachine(),
      versions: await collectVersions(),
      model: {
        file: one.model,
        bytes: model.length,
        sha256: createHash('sha256').update(model).digest('hex'),
      },
      calibration: one.calibration,
      data: one.data,
      compile: {
        options: one.compileOptions,
        wallMs,
        artifactBytes: (await stat(artifact)).size,
        parameters,
        depth,
        rotationSteps,
        operations,
        predicted,
      },
      onnxruntime: { runs: ONNXRUNTIME_RUNS, latencyMs: await measureOnnxruntime(model, inputShape) },
      cleartext: backendResult(cleartext),
      seal: backendResult(seal),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
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
async function heCompile(...args: readonly string[]): Promise<unknown> {
  const script = join(ROOT, 'bin', 'he-compile.js');
  const child = spawn(process.execPath, [script, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const exitCode = await new Promise<number | null>((resolve, reject) =>
    child.on('error', reject).on('close', resolve),
  );
  if (exitCode !== 0) {
    throw new BackendError('BENCH_FAILED', `he-compile ${args[0]} ended with ${exitCode}: ${output.trim()}`);
  }
  return JSON.parse(output);
}

async function describeCommit(): Promise<string | null> {
  const git = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)('git', args, { cwd: ROOT })).stdout.trim();
  try {
    const changed = (await git('status', '--porcelain', '--untracked-files=no')) !== '';
    return (await git('rev-parse', '--short=12', 'HEAD')) + (changed ? '+' : '');
  } catch {
    return null;
  }
}

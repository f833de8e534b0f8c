/** The C++ benchmarks: built with make, asked over pipes, so that both sides can be timed in turn. */
import type { ChildProcessByStdio } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { BackendError } from '../../src/errors.ts';
import type { MeasuredKernel } from './limits.ts';
import type { RingShape } from './result.ts';

const NATIVE = join(import.meta.dirname, '..', '..', 'native');
const PROGRAMS = join(NATIVE, 'build', 'bench');

/** @throws BackendError BENCH_FAILED without make or a compiler */
export async function buildBenchmarks(): Promise<void> {
  const cxx = process.env['CXX'] ?? 'g++';
  const args = [
    '-C',
    join(NATIVE, 'bench'),
    '-j2',
    `NODE=${process.execPath}`,
    `BUILD=${PROGRAMS}`,
    `CXX=${cxx}`,
  ];
  const child = spawn('make', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve)).catch(
    () => null,
  );
  if (code !== 0)
    throw new BackendError(
      'BENCH_FAILED',
      'the C++ benchmarks did not build (they need make and a C++20 compiler)',
    );
}

export interface KernelDocument {
  readonly machine: Readonly<Record<string, number>>;
  readonly kernels: readonly MeasuredKernel[];
  readonly pairs: Readonly<Record<string, number>>;
}

export async function measureKernels(degrees: readonly number[]): Promise<KernelDocument> {
  const { stdout } = await promisify(execFile)(join(PROGRAMS, 'kernels-bench'), degrees.map(String), {
    maxBuffer: 1 << 26,
  });
  return JSON.parse(stdout) as KernelDocument;
}

/** Milliseconds of each call. */
export interface Times {
  readonly wall: readonly number[];
  readonly processor: readonly number[];
}

/** One parameter set held by one process of the engine. */
export class EngineProcess implements Disposable {
  readonly shape: RingShape;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  static async start(set: string, threads: number): Promise<EngineProcess> {
    const child = spawn(join(PROGRAMS, 'engine-bench'), [set, String(threads)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const shape = JSON.parse(await nextLine(lines)) as RingShape;
    return new EngineProcess(child, lines, shape);
  }

  private constructor(
    child: ChildProcessByStdio<Writable, Readable, null>,
    lines: AsyncIterator<string>,
    { degree, dataPrimes, specialPrimes, digits, largestBits }: RingShape,
  ) {
    this.#child = child;
    this.#lines = lines;
    this.shape = { degree, dataPrimes, specialPrimes, digits, largestBits };
  }

  /** Repeats an operation for so long, three times at least. */
  async time(operation: string, milliseconds: number): Promise<Times> {
    this.#child.stdin.write(`${milliseconds} ${operation}\n`);
    return JSON.parse(await nextLine(this.#lines)) as Times;
  }

  [Symbol.dispose](): void {
    this.#child.stdin.end();
  }
}

async function nextLine(lines: AsyncIterator<string>): Promise<string> {
  const line = await lines.next();
  if (line.done === true)
    throw new BackendError('BENCH_FAILED', 'the engine benchmark ended before it had answered');
  return line.value;
}

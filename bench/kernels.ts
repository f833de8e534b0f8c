/** `npm run bench:kernels`: the native engine beside node-seal and the machine's limits; writes `bench/results/kernels.json`. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { collectVersions, describeMachine } from '../cli/versions.ts';
import { HeError } from '../src/errors.ts';
import { describeCommit } from './commit.ts';
import { buildBenchmarks, measureKernels } from './kernels/engine-process.ts';
import { withLimits } from './kernels/limits.ts';
import { measureRings } from './kernels/measure.ts';
import type { KernelsResult, KernelTime } from './kernels/result.ts';

const DEFAULT_OUTPUT = join(import.meta.dirname, 'results', 'kernels.json');
/** What arithmetic and its comparison with other machines depend on. */
const INSTRUCTION_SETS = /^(avx2|fma|bmi2|adx|avx512\w*|avx_ifma|asimd\w*|sve\w*)$/;

async function main(argv: readonly string[]): Promise<number> {
  const options = { quick: { type: 'boolean' }, output: { type: 'string' } } as const;
  const { quick = false, output = DEFAULT_OUTPUT } = parseArgs({ args: [...argv], options }).values;
  try {
    const result = await measure(quick);
    await writeFile(output, `${JSON.stringify(result, null, 2)}\n`);
    for (const { set, operation, medianMs, seal, ratio, fractionOfLimit } of [
      ...result.comparisons,
      ...result.hoisted,
    ]) {
      console.log(
        `${set} ${operation}: ${medianMs.toFixed(3)} ms, node-seal's ${seal.operation} ${seal.medianMs.toFixed(2)} ms: ` +
          `${ratio.toFixed(1)} times${fractionOfLimit === null ? '' : `, ${(100 * fractionOfLimit).toFixed(0)} % of the limit`}`,
      );
    }
    for (const { set, operation, medianMs } of result.transforms)
      console.log(`${set} ${operation}: ${medianMs.toFixed(2)} ms`);
    for (const one of result.scaling)
      console.log(`${one.set} ${one.operation}: two threads ${one.gain.toFixed(2)} times one`);
    return 0;
  } catch (error) {
    if (!(error instanceof HeError)) throw error;
    console.error(`error ${error.code}: ${error.message}`);
    return error.exitCode;
  }
}

async function measure(quick: boolean): Promise<KernelsResult> {
  const progress = (line: string): void => console.error(line);
  progress('building the C++ benchmarks');
  await buildBenchmarks();
  const createdAt = new Date().toISOString();
  const before = loadavg()[0]!;
  progress('kernels on every path, and the limits of the machine');
  const { machine: limits, kernels, pairs } = await measureKernels(quick ? [32768] : [8192, 16384, 32768]);
  const rings = await measureRings(
    limits,
    quick ? { rounds: 1, milliseconds: 50 } : { rounds: 5, milliseconds: 120 },
    progress,
  );
  const timed = kernels.map((kernel) => withLimits(kernel, limits));
  return {
    schema: 1,
    kind: 'kernels',
    createdAt,
    finishedAt: new Date().toISOString(),
    commit: await describeCommit(),
    machine: { ...describeMachine(), instructionSets: await instructionSets() },
    versions: { ...(await collectVersions()), compiler: await compilerVersion() },
    load: { before, after: loadavg()[0]! },
    ...rings,
    independentThreads: pairs,
    limits,
    kernels: timed,
    pathGains: pathGains(timed),
  };
}

function pathGains(kernels: readonly KernelTime[]): Record<string, number> {
  const forward = kernels.filter(({ degree, kernel }) => degree === 32768 && kernel === 'forwardLazy');
  const ns = (path: string, bits: number): number =>
    forward.find((one) => one.path === path && one.bits === bits)?.ns ?? NaN;
  return Object.fromEntries(
    forward
      .filter(({ path }) => path !== 'scalar')
      .map(({ path, bits, ns: own }) => [`${path}, ${bits} bits`, ns('scalar', bits > 50 ? 60 : 45) / own]),
  );
}

async function instructionSets(): Promise<string[]> {
  const text = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1] ?? '';
  return flags.split(/\s+/).filter((flag) => INSTRUCTION_SETS.test(flag));
}

async function compilerVersion(): Promise<string> {
  const { stdout } = await promisify(execFile)(process.env['CXX'] ?? 'g++', ['--version']);
  return stdout.split('\n')[0]!;
}

process.exitCode = await main(process.argv.slice(2));

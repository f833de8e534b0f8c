/** Writes the tables of README.md from bench/results: `node bench/readme-table.ts`; a test checks that they are up to date. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InternalError } from '../src/errors.ts';
import type { KernelsResult } from './kernels/result.ts';
import type { BackendResult, BenchResult, ProgramResult } from './result.ts';
import { isProgram } from './result.ts';

const ROOT = join(import.meta.dirname, '..');
const RESULTS = join(ROOT, 'bench/results');
const KERNELS = 'kernels.json';

export function readmeWithTable(): { readonly current: string; readonly expected: string } {
  const current = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const expected = withSection(withSection(current, 'results', modelTable()), 'kernels', kernelTable());
  return { current, expected };
}

function withSection(text: string, name: string, table: string): string {
  const marker = `<!-- ${name}: begin (node bench/readme-table.ts) -->`;
  const [begin, end] = [text.indexOf(marker), text.indexOf(`<!-- ${name}: end -->`)];
  if (begin < 0 || end < begin)
    throw new InternalError(`README.md has lost the markers of its ${name} table`);
  return `${text.slice(0, begin + marker.length)}\n\n${table}\n\n${text.slice(end)}`;
}

function modelTable(): string {
  const header = [
    'model, backend',
    'accuracy: plaintext → polynomial',
    'agreement with plaintext under encryption',
    'N, depth',
    'evaluation: one thread, two',
    'encryption error at worst (forecast)',
    'Galois keys, sent',
    'memory',
  ];
  const results = readdirSync(RESULTS)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file): unknown => JSON.parse(readFileSync(join(RESULTS, file), 'utf8')))
    .filter(isBenchResult);
  const rows = results.flatMap((result) =>
    (['seal', 'native'] as const).flatMap((backend) => {
      const program = result.programs[backend];
      const label = `[${result.name}](bench/results/${result.name}.json), ${backend === 'seal' ? 'node-seal' : 'native'}`;
      return isProgram(program) ? [[label, ...cells(program, result.schema)]] : [];
    }),
  );
  const note = rows.some((row) => row.some((cell) => cell.includes(OLDER)))
    ? `\n\n† counted from the largest of all outputs, not from what outputs typically reach, as forecasts are: about a bit more.`
    : '';
  return markdown(header, rows) + note;
}

/** Other measurements lie in the same folder: kernels, agreement, load. */
function isBenchResult(result: unknown): result is BenchResult {
  return typeof result === 'object' && result !== null && 'programs' in result;
}

/** Of older results, whose bits count from the largest of all outputs. */
const OLDER = ' †';

function cells({ compile, cleartext, runs }: ProgramResult, schema: BenchResult['schema']): string[] {
  const seconds = (threads: number): string => {
    const run = runs.find((one) => one.threads === threads);
    return run === undefined ? '–' : `${milliseconds(run.latencyMs.median)}${rate(run)}`;
  };
  const { throughput } = compile;
  const rate = ({ fullBatchPerSecond }: BackendResult): string =>
    throughput == null || fullBatchPerSecond === undefined
      ? ''
      : ` for ${throughput.batch} (${fullBatchPerSecond.toFixed(0)} / s)`;
  const last = runs.at(-1)!;
  return [
    accuracy(cleartext),
    agreement(last),
    `${compile.parameters.polyModulusDegree}, ${compile.depth}`,
    `${seconds(1)}, ${seconds(2)}`,
    `${last.encryptionPrecisionBits.min.toFixed(1)} bits${schema === 2 ? OLDER : ''} (${(compile.predicted.encryptionPrecisionBits ?? compile.predicted.precisionBits).toFixed(1)})`,
    `${(last.bytes.galoisKeys / 1e6).toFixed(0)} MB`,
    `${(Math.max(...runs.map((one) => one.peakMemoryBytes)) / 2 ** 30).toFixed(1)} GiB`,
  ];
}

function agreement({ agreement: classes, masks, n }: BackendResult): string {
  if (masks !== undefined)
    return `${percent(masks.agreement.pixels.mean)} of pixels, IoU ${masks.agreement.iou.mean.toFixed(3)}, of ${n}`;
  return classes === null ? '–' : `${percent(classes)} of ${n}`;
}

function accuracy({ plaintextAccuracy, polynomialAccuracy, plaintextSamples, masks }: BackendResult): string {
  const truth = masks?.truth ?? null;
  if (truth !== null)
    return `IoU ${truth.plaintextIou.toFixed(3)} → ${truth.polynomialIou.toFixed(3)} of ${plaintextSamples}`;
  if (plaintextAccuracy === null || polynomialAccuracy === null) return '–';
  return `${percent(plaintextAccuracy)} → ${percent(polynomialAccuracy)} of ${plaintextSamples}`;
}

function kernelTable(): string {
  const file = join(RESULTS, KERNELS);
  if (!existsSync(file)) return 'Not measured yet: `npm run bench:kernels`.';
  const { comparisons, hoisted } = JSON.parse(readFileSync(file, 'utf8')) as KernelsResult;
  const header = ['ring, digits', 'operation', 'native', 'node-seal', 'ratio', 'of the limit'];
  const shapes: Readonly<Record<string, string>> = {
    P1: '8192, 3 + 1 primes, 3 digits',
    P2: '16384, 8 + 1, 8 digits',
    P3: '32768, 19 + 1, 19 digits',
    H14: '16384, 8 + 3, 3 digits',
    H15: '32768, 15 + 5, 3 digits',
  };
  const rows = [...comparisons, ...hoisted].map(
    ({ set, operation, medianMs, seal, ratio, fractionOfLimit }) => [
      shapes[set] ?? set,
      operation,
      milliseconds(medianMs),
      `${milliseconds(seal.medianMs)}${seal.operation === operation ? '' : ` (${seal.operation})`}`,
      `${ratio.toFixed(1)}`,
      fractionOfLimit === null ? '–' : `${(100 * fractionOfLimit).toFixed(0)} %`,
    ],
  );
  return markdown(header, rows);
}

function markdown(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, header.map(() => '---'), ...rows].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

function milliseconds(value: number): string {
  return value < 1000 ? `${value.toPrecision(3)} ms` : `${(value / 1000).toFixed(2)} s`;
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(2)} %`;
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(join(ROOT, 'README.md'), readmeWithTable().expected);
}

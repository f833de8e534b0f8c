/** Writes the table of README.md from bench/results: `node bench/readme-table.ts`; a test checks that it is up to date. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InternalError } from '../src/errors.ts';
import type { BenchResult } from './result.ts';

const ROOT = join(import.meta.dirname, '..');
const BEGIN = '<!-- results: begin (node bench/readme-table.ts) -->';
const END = '<!-- results: end -->';

export function readmeWithTable(): { readonly current: string; readonly expected: string } {
  const current = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const [begin, end] = [current.indexOf(BEGIN), current.indexOf(END)];
  if (begin < 0 || end < begin)
    throw new InternalError('README.md has lost the markers of its results table');
  return {
    current,
    expected: `${current.slice(0, begin + BEGIN.length)}\n\n${table()}\n\n${current.slice(end)}`,
  };
}

function table(): string {
  const folder = join(ROOT, 'bench/results');
  const results = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as BenchResult);
  const header = [
    'model',
    'accuracy: plaintext → polynomial',
    'agreement with plaintext under encryption',
    'N, depth',
    'evaluation, median',
    'encryption error (forecast)',
    'Galois keys, sent',
    'memory',
  ];
  const rows = results.map(({ name, compile, seal }) => [
    `[${name}](bench/results/${name}.json)`,
    seal.plaintextAccuracy === null || seal.polynomialAccuracy === null
      ? '–'
      : `${percent(seal.plaintextAccuracy)} → ${percent(seal.polynomialAccuracy)} of ${seal.plaintextSamples}`,
    seal.agreement === null ? '–' : `${percent(seal.agreement)} of ${seal.n}`,
    `${compile.parameters.polyModulusDegree}, ${compile.depth}`,
    `${(seal.latencyMs.median / 1000).toFixed(2)} s`,
    `${seal.encryptionPrecisionBits.median.toFixed(1)} bits (${compile.predicted.precisionBits.toFixed(1)})`,
    `${(seal.bytes.galoisKeys / 1e6).toFixed(0)} MB`,
    `${(seal.peakMemoryBytes / 2 ** 30).toFixed(1)} GiB`,
  ]);
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(2)} %`;
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(join(ROOT, 'README.md'), readmeWithTable().expected);
}

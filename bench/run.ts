/** `npm run bench`: measures each case, prints one line for it and writes `bench/results/<name>.json`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HeError } from '../src/errors.ts';
import { parseCases } from './case.ts';
import { measureCase } from './measure.ts';
import type { BackendResult, BenchResult } from './result.ts';
import { isProgram } from './result.ts';

const RESULTS = join(import.meta.dirname, 'results');

async function main(argv: readonly string[]): Promise<number> {
  try {
    const cases = parseCases(argv);
    await mkdir(RESULTS, { recursive: true });
    for (const one of cases) {
      const result = await measureCase(one);
      await writeFile(join(RESULTS, `${one.name}.json`), `${JSON.stringify(result, null, 2)}\n`);
      console.log(summary(result));
    }
    return 0;
  } catch (error) {
    if (!(error instanceof HeError)) throw error;
    console.error(
      `error ${error.code}: ${error.message}${error.hint === undefined ? '' : `\n  to do: ${error.hint}`}`,
    );
    return error.exitCode;
  }
}

function summary({ name, onnxruntime, programs }: BenchResult): string {
  const ms = (value: number): string => `${value.toPrecision(3)} ms`;
  const lines = [`${name}: onnxruntime ${ms(onnxruntime.latencyMs.median)}`];
  for (const [backend, program] of Object.entries(programs)) {
    if (program !== null && 'refused' in program) lines.push(`  ${backend}: ${program.refused.message}`);
    if (!isProgram(program)) continue;
    const { compile, cleartext, runs } = program;
    const encrypted = runs.map((run) => `${ms(run.latencyMs.median)} with ${run.threads} threads`);
    const [{ encryptionPrecisionBits, agreement, n, bytes, peakMemoryBytes }] = runs as [BackendResult];
    lines.push(
      `  ${backend}: N=${compile.parameters.polyModulusDegree}, cleartext ${ms(cleartext.latencyMs.median)}, ` +
        `encrypted ${encrypted.join(', ')}, agreement ${agreement === null ? '–' : `${100 * agreement} %`} (n=${n}), ` +
        `${encryptionPrecisionBits.min.toFixed(1)} bits (forecast ${(compile.predicted.encryptionPrecisionBits ?? compile.predicted.precisionBits).toFixed(1)}), ` +
        `Galois keys ${(bytes.galoisKeys / 1e6).toFixed(1)} MB, memory ${(peakMemoryBytes / 2 ** 30).toFixed(2)} GiB`,
    );
  }
  return lines.join('\n');
}

process.exitCode = await main(process.argv.slice(2));

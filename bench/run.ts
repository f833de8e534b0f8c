/** `npm run bench`: measures each case, prints one line for it and writes `bench/results/<name>.json`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HeError } from '../src/errors.ts';
import { parseCases } from './case.ts';
import { measureCase } from './measure.ts';
import type { BenchResult } from './result.ts';

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

function summary({ name, compile, onnxruntime, cleartext, seal }: BenchResult): string {
  const ms = (value: number): string => `${value.toPrecision(3)} ms`;
  const percent = (value: number | null): string => (value === null ? '–' : `${(100 * value).toFixed(2)} %`);
  const bits = (value: number): string => `${value.toFixed(1)} bits`;
  return [
    `${name}: N=${compile.parameters.polyModulusDegree}`,
    `latency onnxruntime ${ms(onnxruntime.latencyMs.median)}`,
    `cleartext ${ms(cleartext.latencyMs.median)}`,
    `encrypted ${ms(seal.latencyMs.median)}`,
    `accuracy plaintext ${percent(seal.plaintextAccuracy)} (n=${seal.plaintextSamples})`,
    `encrypted ${percent(seal.encryptedAccuracy)}, agreement ${percent(seal.agreement)} (n=${seal.n})`,
    `encryption keeps ${bits(seal.encryptionPrecisionBits.median)} (forecast ${bits(compile.predicted.precisionBits)})`,
    `approximation ${bits(seal.approximationPrecisionBits.median)}`,
  ].join(', ');
}

process.exitCode = await main(process.argv.slice(2));

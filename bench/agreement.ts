/**
 * `npm run agreement`: how often a compiled model says the same as the model it was compiled from, in the clear. All samples go
 * through the polynomial model in onnxruntime, which computes what the program computes, quickly; the first few also
 * through the program itself on the cleartext backend, which shows that both are the same. Nothing is encrypted.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { sampleTarget } from '../cli/batches.ts';
import { agreement, accuracy, classOf } from '../cli/measure/classes.ts';
import { summariseErrors } from '../cli/measure/errors.ts';
import type { BenchReport } from '../cli/report/bench-report.ts';
import type { ProgramReport } from '../cli/report/program-report.ts';
import { collectVersions, describeMachine } from '../cli/versions.ts';
import { evaluateModel } from '../src/compiler/reference/evaluate-model.ts';
import { loadDataset } from '../src/data/load-dataset.ts';
import { HeError } from '../src/errors.ts';
import { decodeArtifact } from '../src/program/codec.ts';
import type { BenchCase } from './case.ts';
import { parseCases } from './case.ts';
import { describeCommit } from './commit.ts';
import { heCompile } from './measure.ts';

const ROOT = join(import.meta.dirname, '..');
const RESULTS = join(import.meta.dirname, 'results', 'cleartext');

async function measureAgreement(one: BenchCase): Promise<object> {
  const createdAt = new Date().toISOString();
  const folder = await mkdtemp(join(tmpdir(), 'he-compile-agreement-'));
  try {
    const file = join(folder, 'model.hemodel');
    const model = await readFile(one.model);
    const start = performance.now();
    const calibration = ['--calibration', one.calibration];
    const compiled = (await heCompile(
      'compile',
      one.model,
      '-o',
      file,
      '--backend',
      'cleartext',
      ...calibration,
      ...one.compileOptions,
    )) as ProgramReport;
    const wallMs = performance.now() - start;
    const artifact = decodeArtifact(await readFile(file));
    const dataset = await loadDataset(one.data, sampleTarget(artifact), {
      classNames: artifact.signature.labels,
    });
    const split = async (onnx: Uint8Array): Promise<{ values: Float32Array[]; shape: readonly number[] }> => {
      const { outputs, shape } = await evaluateModel(onnx, dataset);
      const size = outputs.length / dataset.size;
      return {
        shape,
        values: Array.from({ length: dataset.size }, (_, i) => outputs.subarray(i * size, (i + 1) * size)),
      };
    };
    const [plaintext, polynomial] = [await split(model), await split(artifact.polynomialOnnx)];
    const classes = (outputs: readonly Float32Array[]): (number | null)[] =>
      outputs.map((output) => classOf(output, plaintext.shape, []));
    const [expected, found] = [classes(plaintext.values), classes(polynomial.values)];
    const labels = expected.map((_, index) => dataset.label(index));
    const args = ['--model', one.model, '--data', one.data, '--backend', 'cleartext'];
    const sample = (await heCompile('bench', file, ...args, '--limit', String(one.limit))) as BenchReport;
    return {
      schema: 1,
      name: one.name,
      createdAt,
      commit: await describeCommit(),
      machine: describeMachine(),
      versions: await collectVersions(),
      model: {
        file: relative(ROOT, resolve(one.model)),
        bytes: model.length,
        sha256: createHash('sha256').update(model).digest('hex'),
      },
      calibration: one.calibration,
      data: one.data,
      compile: { options: one.compileOptions, wallMs, depth: compiled.depth, warnings: compiled.warnings },
      polynomialModel: {
        evaluatedBy: 'onnxruntime',
        samples: dataset.size,
        overflows: polynomial.values.filter((output) => !output.every(Number.isFinite)).length,
        plaintextAccuracy: accuracy(expected, labels),
        accuracy: accuracy(found, labels),
        agreement: agreement(found, expected),
        precisionBits: summariseErrors(polynomial.values, plaintext.values).precisionBits,
      },
      program: {
        evaluatedBy: 'cleartext backend',
        samples: sample.n,
        agreement: sample.agreement,
        precisionBits: sample.precisionBits,
        againstPolynomialModel: sample.errors.encryption.precisionBits,
        latencyMs: sample.latencyMs,
      },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function main(argv: readonly string[]): Promise<number> {
  try {
    await mkdir(RESULTS, { recursive: true });
    for (const one of parseCases(argv)) {
      const result = await measureAgreement(one);
      await writeFile(join(RESULTS, `${one.name}.json`), `${JSON.stringify(result, null, 2)}\n`);
      console.log(JSON.stringify(result, null, 2));
    }
    return 0;
  } catch (error) {
    if (!(error instanceof HeError)) throw error;
    console.error(`error ${error.code}: ${error.message}`);
    return error.exitCode;
  }
}

process.exitCode = await main(process.argv.slice(2));

/**
 * `npm run accuracy`: whether the accuracy bound is one. Compiles each model by default, from calibration data alone, and measures on
 * test data what the original and the polynomial model really differ by, in the measure that the bound is about. Results go to
 * `bench/results/accuracy-bounds.json`, model by model as they come.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { collectVersions, describeMachine } from '../cli/versions.ts';
import { compileModel, DEFAULT_OPTIONS } from '../src/compile.ts';
import { importModel } from '../src/compiler/onnx/import.ts';
import type { PolynomialGraph } from '../src/compiler/ir/polynomial-graph.ts';
import type { TensorGraph } from '../src/compiler/ir/tensor-graph.ts';
import { shapeOf } from '../src/compiler/ir/tensor-graph.ts';
import { limitFor } from '../src/compiler/passes/approximation/accuracy-bound.ts';
import { readOutputs } from '../src/compiler/passes/approximation/output-reading.ts';
import { compareOutputs } from '../src/compiler/passes/approximation/quality.ts';
import { evaluateModel } from '../src/compiler/reference/evaluate-model.ts';
import { loadDataset } from '../src/data/load-dataset.ts';
import { HeError } from '../src/errors.ts';
import type { AccuracyCase } from './accuracy-suite.ts';
import { ACCURACY_FIXTURES, readSuite } from './accuracy-suite.ts';
import { describeCommit } from './commit.ts';

const RESULTS = join(import.meta.dirname, 'results');
const DEFAULT_MINUTES = 30;

async function measure(one: AccuracyCase, minutes: number, fitOnly: boolean): Promise<object> {
  const bytes = await readFile(one.model);
  const { pixelScale, ...preprocessing } = DEFAULT_OPTIONS.preprocessing;
  const options = {
    ...DEFAULT_OPTIONS,
    backend: one.backend ?? DEFAULT_OPTIONS.backend,
    preprocessing: { pixelScale, mean: one.mean ?? preprocessing.mean, std: one.std ?? preprocessing.std },
  };
  const imported = importModel(bytes, {
    modelDirectory: null,
    bind: options.bind,
    dimensions: options.dimensions,
    batch: 1,
  });
  const target = {
    inputs: imported.inputs.map((name) => ({ name, shape: shapeOf(imported, name) })),
    preprocessing: options.preprocessing,
  };
  const calibration = await loadDataset(one.calibration, target, { limit: options.samples, split: 'train' });
  const data = await loadDataset(one.data, target, { split: 'test' });
  let tensors: TensorGraph | null = null;
  let fitted: PolynomialGraph | null = null;
  const stop = new AbortController();
  const start = performance.now();
  const compiled = await compileModel(
    bytes,
    { ...options, calibration },
    {
      modelDirectory: null,
      modelName: one.name,
      progress: {
        report: () => undefined,
        signal: AbortSignal.any([stop.signal, AbortSignal.timeout(minutes * 60_000)]),
      },
      onPass: (pass, result) => {
        if (pass === 'recognise-activations') tensors = result as TensorGraph;
        if (pass !== 'approximate-activations') return;
        fitted = result as PolynomialGraph;
        if (fitOnly) stop.abort();
      },
    },
  ).catch((error: unknown) => {
    // A refusal is a result as well; what was fitted can still be measured.
    if (error instanceof HeError && fitted !== null) return error;
    throw error;
  });
  const seconds = (performance.now() - start) / 1000;
  const refused = compiled instanceof HeError && !stop.signal.aborted ? compiled.code : null;
  const { graph, quality, warnings, approximations } =
    compiled instanceof HeError ? fitted! : compiled.polynomial;
  const measured = await compare(tensors!, graph, data, quality.bound?.measure ?? null);
  const warned = warnings.filter((warning) =>
    /not shown to stay within|more than the .* allowed/.test(warning),
  );
  const limit = limitFor(measured.measure, options);
  const holds = measured.points <= limit;
  return {
    name: one.name,
    kind: one.kind,
    calibrationSamples: calibration.size,
    compiledFor: compiled instanceof HeError ? null : compiled.artifact.report.backend,
    refused,
    compileSeconds: Math.round(seconds),
    depth: compiled instanceof HeError ? null : compiled.artifact.report.depth,
    degrees: approximations.map(({ node, activation, degree, depth }) => ({
      node,
      activation,
      degree,
      depth,
    })),
    heldOut: { samples: quality.samples, ...(quality.bound ?? {}) },
    test: measured,
    limit,
    warned: warned.length > 0,
    warnings: warned,
    holds,
    holdsOrWarned: holds || warned.length > 0,
  };
}

/** The drop over a whole data set, in the measure of the bound. */
async function compare(
  original: TensorGraph,
  approximated: TensorGraph,
  data: Awaited<ReturnType<typeof loadDataset>>,
  bounded: string | null,
) {
  const [before, after] = [await evaluateModel(original, data), await evaluateModel(approximated, data)];
  const all = Array.from({ length: data.size }, (_, index) => data.label(index));
  const labels =
    bounded === 'agreement' || all.some((label) => label === null) ? null : Int32Array.from(all as number[]);
  const reading = readOutputs(original, [before.outputs], data.size, labels !== null);
  const { quality, drop } = compareOutputs([before.outputs], [after.outputs], data.size, labels, reading);
  const { measure, points, lower, upper } = drop;
  return {
    samples: data.size,
    measure,
    points,
    lower,
    upper,
    originalAccuracy: quality.originalAccuracy,
    polynomialAccuracy: quality.polynomialAccuracy,
    agreement: quality.agreement,
  };
}

async function main(argv: readonly string[]): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...argv],
    options: { suite: text, name: text, minutes: text, 'fit-only': { type: 'boolean', default: false } },
  });
  const suite = values.suite === undefined ? ACCURACY_FIXTURES : await readSuite(values.suite);
  const chosen = suite.filter(
    ({ name }) => values.name === undefined || values.name.split(',').includes(name),
  );
  const output = join(RESULTS, 'accuracy-bounds.json');
  await mkdir(RESULTS, { recursive: true });
  const models: object[] = [];
  for (const one of chosen) {
    const result = await measure(one, Number(values.minutes ?? DEFAULT_MINUTES), values['fit-only']).catch(
      (error: unknown) => {
        if (!(error instanceof HeError)) throw error;
        return { name: one.name, kind: one.kind, failed: error.code, message: error.message };
      },
    );
    models.push(result);
    console.log(JSON.stringify(result));
    const document = {
      schema: 2,
      name: 'accuracy-bounds',
      createdAt: new Date().toISOString(),
      commit: await describeCommit(),
      machine: describeMachine(),
      versions: await collectVersions(),
      models,
    };
    await writeFile(output, `${JSON.stringify(document, null, 2)}\n`);
  }
  return models.every((model) => 'holdsOrWarned' in model && model.holdsOrWarned === true) ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));

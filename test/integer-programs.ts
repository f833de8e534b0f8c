/** Compiles a model to integers and holds four computations of it together: they must agree to the last digit. */
import { readFile } from 'node:fs/promises';
import { importModel } from '../src/compiler/onnx/import.ts';
import { shapeOf } from '../src/compiler/ir/tensor-graph.ts';
import { evaluateIntegers } from '../src/compiler/integer/evaluate-integers.ts';
import type { LinearGraph } from '../src/compiler/ir/linear-graph.ts';
import type { CompileOptions, Dataset } from '../src/compiler/options.ts';
import { DEFAULT_OPTIONS, SILENT } from '../src/compiler/options.ts';
import { compileModel } from '../src/compiler/pipeline.ts';
import { loadDataset } from '../src/data/load-dataset.ts';
import type { Artifact } from '../src/program/artifact.ts';
import { decodeArtifact, encodeArtifact } from '../src/program/codec.ts';
import { quantise } from '../src/program/quantisation.ts';
import { measureNoiseBudgetOf } from '../src/runtime/backends/testing/measure-noise.ts';
import { packCleartextInputs, unpackCleartextOutputs } from '../src/runtime/client/cleartext-client.ts';
import { SecretClient } from '../src/runtime/client/secret-client.ts';
import { Evaluator } from '../src/runtime/evaluation/evaluator.ts';

export interface IntegerModel {
  readonly artifact: Artifact;
  /** The integer graph, before it was laid out in slots. */
  readonly graph: LinearGraph;
  readonly inputs: readonly (readonly Float64Array[])[];
}

/** The artifact goes through its file format, so that what is tested is what users run. */
export async function compileIntegers(
  model: string,
  calibration: string,
  test: string,
  options: Partial<CompileOptions>,
  count: number,
): Promise<IntegerModel> {
  const bytes = new Uint8Array(await readFile(model));
  const imported = importModel(bytes, {
    modelDirectory: null,
    bind: new Map(),
    dimensions: new Map(),
    batch: 1,
  });
  const target = {
    inputs: imported.inputs.map((name) => ({ name, shape: shapeOf(imported, name) })),
    preprocessing: DEFAULT_OPTIONS.preprocessing,
  };
  const load = (spec: string, split: 'train' | 'test', limit: number): Promise<Dataset> =>
    loadDataset(spec, target, { limit, split, classNames: [] });
  const samples = options.samples ?? 400;
  const { artifact, linear } = await compileModel(
    bytes,
    {
      ...DEFAULT_OPTIONS,
      scheme: 'bfv',
      samples,
      calibration: await load(calibration, 'train', samples),
      ...options,
    },
    { modelDirectory: null, modelName: 'integers', progress: SILENT },
  );
  const images = await load(test, 'test', count);
  return {
    artifact: decodeArtifact(encodeArtifact(artifact)),
    graph: linear,
    inputs: Array.from({ length: count }, (_, index) =>
      imported.inputs.map((_name, input) => Float64Array.from(images.sample(index, input))),
    ),
  };
}

/** What the integers of the graph are worth: exact big integers, no modulus, no slots; first output. */
export function expectedOutput({ artifact, graph }: IntegerModel, inputs: readonly Float64Array[]): number[] {
  const { signature } = artifact;
  const integers = inputs.map((values, i) =>
    Array.from(quantise(values, signature.inputs[i]!.quantisation), BigInt),
  );
  const { scale } = signature.outputs[0]!.quantisation!;
  return evaluateIntegers(graph, integers)[0]!.map((value) => Number(value) * scale);
}

/** The slot program on exact integers. */
export async function clearOutputs(model: IntegerModel): Promise<number[][]> {
  const { artifact } = model;
  await using evaluator = await Evaluator.create(artifact, null, { backend: 'cleartext', threads: 1 });
  const results: number[][] = [];
  for (const inputs of model.inputs) {
    const { outputs } = await evaluator.evaluate(packCleartextInputs(artifact.signature, inputs));
    results.push(Array.from(unpackCleartextOutputs(artifact.signature, outputs)[0]!));
  }
  return results;
}

export interface EncryptedResults {
  readonly outputs: number[][];
  /** Measured noise budget of each result, bits. */
  readonly budgets: number[];
  readonly evaluateMs: number[];
  readonly layerMs: readonly { readonly layer: string; readonly ms: number }[];
  readonly peakMemoryBytes: number;
  /** Of the worker that uses most, outside the JavaScript heap. */
  readonly workerBytes: number;
  /** Ciphertexts that the evaluator holds when it is done. */
  readonly leaked: number;
}

/** The slot program under encryption. */
export async function encryptedOutputs(model: IntegerModel, threads: number): Promise<EncryptedResults> {
  const { artifact } = model;
  await using client = await SecretClient.generate(artifact.signature);
  const keys = await client.makeEvaluationKeys();
  await using evaluator = await Evaluator.create(artifact, keys, { backend: 'seal', threads });
  const results: EncryptedResults = {
    outputs: [],
    budgets: [],
    evaluateMs: [],
    layerMs: [],
    peakMemoryBytes: 0,
    workerBytes: 0,
    leaked: 0,
  };
  let { layerMs, peakMemoryBytes } = results;
  for (const inputs of model.inputs) {
    const encrypted = await client.encrypt(inputs);
    const start = performance.now();
    const evaluation = await evaluator.evaluate(encrypted);
    results.evaluateMs.push(performance.now() - start);
    ({ layerMs } = evaluation);
    peakMemoryBytes = Math.max(peakMemoryBytes, evaluation.peakMemoryBytes);
    results.budgets.push(
      await measureNoiseBudgetOf(artifact.signature.parameters, client.secretKey, evaluation.outputs),
    );
    results.outputs.push(Array.from((await client.decrypt(evaluation.outputs))[0]!));
  }
  const status = await evaluator.status();
  const leaked = status.reduce((sum, { ciphertexts }) => sum + ciphertexts, 0);
  const workerBytes = Math.max(...status.map(({ memoryBytes }) => memoryBytes));
  return { ...results, layerMs, peakMemoryBytes, workerBytes, leaked };
}

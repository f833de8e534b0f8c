/**
 * One model computed again and again, each time a step further from the ONNX file and nearer to the ciphertext. Every gap
 * between neighbours has one cause and a threshold of its own, so that a failure names the stage that is wrong.
 */
import { readFileSync } from 'node:fs';
import { evaluateLinearGraph } from '../src/compiler/analysis/evaluate-linear-graph.ts';
import type { CompileOptions, Dataset } from '../src/compiler/options.ts';
import { DEFAULT_OPTIONS, SILENT } from '../src/compiler/options.ts';
import { compileModel } from '../src/compiler/pipeline.ts';
import { evaluateModel } from '../src/compiler/reference/evaluate-model.ts';
import { loadDataset } from '../src/data/load-dataset.ts';
import type { Artifact } from '../src/program/artifact.ts';
import { nativeUnavailable } from '../src/runtime/backends/native/load-addon.ts';
import { sealRefusal } from '../src/runtime/backends/seal/refusal.ts';
import { applyClientOperators } from '../src/runtime/client/client-operators.ts';
import { packCleartextInputs, unpackCleartextOutputs } from '../src/runtime/client/cleartext-client.ts';
import { SecretClient } from '../src/runtime/client/secret-client.ts';
import { Evaluator } from '../src/runtime/evaluation/evaluator.ts';
import type { CiphertextSet } from '../src/runtime/formats/ciphertext-set.ts';

const FIXTURES = `${import.meta.dirname}/../fixtures`;
const DIGITS = {
  inputs: [{ name: 'input', shape: [1, 1, 28, 28] }],
  preprocessing: DEFAULT_OPTIONS.preprocessing,
};

export type EncryptedBackend = 'seal' | 'native';

/** First outputs, sample after sample, before the client's operators unless stated. */
interface Answers {
  /** The ONNX file in onnxruntime, the client's operators included. */
  readonly original: Float64Array;
  /** The polynomial model in onnxruntime, without and with the client's operators. */
  readonly polynomial: Float64Array;
  readonly finished: Float64Array;
  /** The linear graph in float64. */
  readonly linear: Float64Array;
  /** The slot program in float64. */
  readonly slots: Float64Array;
  /** The slot program under encryption, on every backend that can run it here; on none if it is for the clear only. */
  readonly encrypted: ReadonlyMap<EncryptedBackend, Float64Array>;
}

export interface Comparison {
  readonly artifact: Artifact;
  /** Largest error of each step against the one before it, relative to the largest value of that one. */
  readonly approximation: number;
  readonly lowering: number;
  readonly packing: number;
  /**
   * What encryption leaves on each backend, as forecasts count it: −log2 of four standard deviations of its error over the
   * output's bound.
   */
  readonly encryptionBits: ReadonlyMap<EncryptedBackend, number>;
  /** The forecast of the same. */
  readonly forecastBits: number;
  /** Likewise −log2 of the largest error over the bound: never less than the signature certifies. */
  readonly worstBits: ReadonlyMap<EncryptedBackend, number>;
}

/** Compiles a fixture and compares `count` test digits. */
export async function compareFourWays(
  model: string,
  options: Partial<CompileOptions>,
  count: number,
): Promise<Comparison> {
  const bytes = readFileSync(`${FIXTURES}/${model}.onnx`);
  const data = { calibration: await digits('calibration'), test: await digits('test') };
  return compareModel(bytes, model, data, options, count);
}

/** The same for any model of one input, on `count` samples of the test data. */
export async function compareModel(
  bytes: Uint8Array,
  model: string,
  { calibration, test }: { readonly calibration: Dataset; readonly test: Dataset },
  options: Partial<CompileOptions>,
  count: number,
): Promise<Comparison> {
  const { artifact, linear } = await compileModel(
    bytes,
    { ...DEFAULT_OPTIONS, calibration, ...options },
    { modelDirectory: null, modelName: model, progress: SILENT },
  );
  const inputs = Array.from({ length: count }, (_, index) => [Float64Array.from(test.sample(index, 0))]);
  const inClear = async (onnx: Uint8Array): Promise<Float64Array> =>
    Float64Array.from((await evaluateModel(onnx, test, { limit: count })).outputs);
  const polynomial = await inClear(artifact.polynomialOnnx);
  const answers: Answers = {
    original: await inClear(bytes),
    polynomial,
    finished: finish(artifact, polynomial, count),
    linear: concatenate(inputs.map((input) => evaluateLinearGraph(linear, input)[0]!)),
    slots: await runSlots(artifact, inputs),
    encrypted: await runEncrypted(artifact, inputs),
  };
  const { predictedError } = artifact.report.layers.at(-1)!;
  return { artifact, ...gapsOf(answers, artifact.signature.outputs[0]!.bound, predictedError) };
}

function finish({ signature }: Artifact, answers: Float64Array, count: number): Float64Array {
  const { layout, clientOperators } = signature.outputs[0]!;
  const size = answers.length / count;
  return concatenate(
    Array.from({ length: count }, (_, sample) => {
      const values = answers.slice(sample * size, (sample + 1) * size);
      return applyClientOperators({ shape: layout.shape, values }, clientOperators).values;
    }),
  );
}

async function digits(part: 'calibration' | 'test'): Promise<Dataset> {
  const spec = `npy:${FIXTURES}/digits-${part}.npy,${FIXTURES}/digits-${part}-labels.npy`;
  return loadDataset(spec, DIGITS);
}

async function runSlots(
  { signature, program, parameters }: Artifact,
  inputs: readonly (readonly Float64Array[])[],
): Promise<Float64Array> {
  await using evaluator = await Evaluator.create({ program, parameters }, null, {
    backend: 'cleartext',
    threads: 1,
  });
  const answers: Float64Array[] = [];
  for (const input of inputs) {
    const { outputs } = await evaluator.evaluate(packCleartextInputs(signature, input));
    answers.push(unpackCleartextOutputs(signature, outputs)[0]!);
  }
  return concatenate(answers);
}

async function runEncrypted(
  { signature, program, parameters, certificate }: Artifact,
  inputs: readonly (readonly Float64Array[])[],
): Promise<Map<EncryptedBackend, Float64Array>> {
  const results = new Map<EncryptedBackend, Float64Array>();
  if (certificate === null) return results;
  const backends: EncryptedBackend[] = [
    ...(sealRefusal(parameters) === null ? ['seal' as const] : []),
    ...(nativeUnavailable() === null ? ['native' as const] : []),
  ];
  // One key pair and the same ciphertexts for all.
  await using client = await SecretClient.generate(signature);
  const keys = await client.makeEvaluationKeys();
  const encrypted: CiphertextSet[] = [];
  for (const input of inputs) encrypted.push(await client.encrypt(input));
  for (const backend of backends) {
    await using evaluator = await Evaluator.create({ program, parameters }, keys, { backend, threads: 1 });
    const answers: Float64Array[] = [];
    for (const input of encrypted) {
      const { outputs } = await evaluator.evaluate(input);
      answers.push((await client.decrypt(outputs))[0]!);
    }
    results.set(backend, concatenate(answers));
  }
  return results;
}

function gapsOf(
  { original, polynomial, finished, linear, slots, encrypted }: Answers,
  bound: number,
  std: number,
): Omit<Comparison, 'artifact'> {
  const gap = (a: Float64Array, b: Float64Array): number => Math.max(...differences(a, b)) / largest(b);
  return {
    approximation: gap(finished, original),
    lowering: gap(linear, polynomial),
    packing: gap(slots, linear),
    encryptionBits: new Map(
      [...encrypted].map(([backend, values]) => [
        backend,
        -Math.log2((4 * rms(differences(values, slots))) / bound),
      ]),
    ),
    forecastBits: -Math.log2((4 * std) / bound),
    worstBits: new Map(
      [...encrypted].map(([backend, values]) => [
        backend,
        -Math.log2(largest(differences(values, slots)) / bound),
      ]),
    ),
  };
}

function differences(a: Float64Array, b: Float64Array): Float64Array {
  if (a.length !== b.length) throw new Error(`${a.length} values against ${b.length}`);
  return a.map((value, i) => Math.abs(value - b[i]!));
}

function largest(values: Float64Array): number {
  return values.reduce((magnitude, value) => Math.max(magnitude, Math.abs(value)), 0);
}

function rms(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

function concatenate(parts: readonly Float64Array[]): Float64Array {
  return Float64Array.from(parts.flatMap((part) => [...part]));
}

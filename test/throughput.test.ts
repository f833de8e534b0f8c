/** Throughput mode from an ONNX file to the answers for a batch: in the clear and under encryption. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { joinSamples, splitSamples } from '../cli/batches.ts';
import type { CompileOptions } from '../src/compiler/options.ts';
import { DEFAULT_OPTIONS, SILENT } from '../src/compiler/options.ts';
import { compileModel } from '../src/compiler/pipeline.ts';
import { evaluateModel } from '../src/compiler/reference/evaluate-model.ts';
import { ModelBuilder, randomTensor } from '../src/compiler/onnx/testing/model-builder.ts';
import { loadDataset } from '../src/data/load-dataset.ts';
import type { Artifact } from '../src/program/artifact.ts';
import { decodeArtifact, encodeArtifact } from '../src/program/codec.ts';
import { packCleartextInputs, unpackCleartextOutputs } from '../src/runtime/client/cleartext-client.ts';
import { SecretClient } from '../src/runtime/client/secret-client.ts';
import { Evaluator } from '../src/runtime/evaluation/evaluator.ts';

const FIXTURES = `${import.meta.dirname}/../fixtures`;
const DIGITS = {
  inputs: [{ name: 'input', shape: [1, 1, 28, 28] }],
  preprocessing: DEFAULT_OPTIONS.preprocessing,
};

async function compile(model: Uint8Array, options: Partial<CompileOptions>): Promise<Artifact> {
  const { artifact } = await compileModel(
    model,
    { ...DEFAULT_OPTIONS, optimize: 'throughput', ...options },
    { modelDirectory: null, modelName: 'test', progress: SILENT },
  );
  // What a client has went through a file.
  return decodeArtifact(encodeArtifact(artifact));
}

function largestGap(actual: readonly ArrayLike<number>[], expected: readonly ArrayLike<number>[]): number {
  let gap = 0;
  actual.forEach((values, sample) => {
    expect(values.length).toBe(expected[sample]!.length);
    Array.from(values).forEach((value, i) => (gap = Math.max(gap, Math.abs(value - expected[sample]![i]!))));
  });
  return gap;
}

describe('digits-square in batches of 100, in the clear', () => {
  it('gives every sample its own answer, places without a sample disturbing none', async () => {
    const spec = `npy:${FIXTURES}/digits-calibration.npy,${FIXTURES}/digits-calibration-labels.npy`;
    const calibration = await loadDataset(spec, DIGITS);
    const model = readFileSync(`${FIXTURES}/digits-square.onnx`);
    const artifact = await compile(model, { backend: 'cleartext', batch: 100, calibration, samples: 200 });
    const { signature, program, negotiation, report } = artifact;
    expect(negotiation.batch_size).toBe(100);
    expect(signature.inputs[0]!.layout.shape).toEqual([100, 1, 28, 28]);
    expect(signature.outputs[0]!.shape).toEqual([100, 10]);
    expect(program.rotationKeys).toEqual([]);
    expect(report.throughput).toMatchObject({ batch: 100 });
    // Positions of 78,400 elements are described, not listed.
    expect(encodeArtifact(artifact).length).toBeLessThan(400_000);

    const count = 70;
    const test = Array.from({ length: count }, (_, index) => [calibration.sample(index, 0)]);
    const expected = await evaluateModel(artifact.polynomialOnnx, calibration, { limit: count });
    const reference = splitSamples(Float64Array.from(expected.outputs), count, count);
    await using evaluator = await Evaluator.create(artifact, null, { backend: 'cleartext', threads: 2 });
    const inputs = packCleartextInputs(signature, joinSamples(artifact, test));
    const { outputs } = await evaluator.evaluate(inputs);
    const [decrypted] = unpackCleartextOutputs(signature, outputs);
    // Float32 rounding of onnxruntime.
    expect(largestGap(splitSamples(decrypted!, 100, count), reference)).toBeLessThan(1e-4);
  });
});

describe('a small network under encryption', () => {
  const model = new ModelBuilder()
    .input('x', ['N', 1, 5, 5])
    .constant('w', randomTensor([2, 1, 3, 3], 1, 0.5))
    .constant('b', randomTensor([2], 2, 0.1))
    .constant('v', randomTensor([18, 3], 3, 0.5))
    .node('Conv', ['x', 'w', 'b'], ['c'])
    .node('Mul', ['c', 'c'], ['s'])
    .node('Flatten', ['s'], ['f'])
    .node('MatMul', ['f', 'v'], ['y'])
    .output('y')
    .bytes();

  it('is as precise as forecast on every sample, on one worker or two', async () => {
    const batch = 3000;
    const artifact = await compile(model, { batch });
    const { signature, parameters } = artifact;
    expect(parameters.polyModulusDegree).toBe(8192);
    const samples = Array.from({ length: batch }, (_, index) => [
      // Within the range that a model without calibration is certified for.
      Float32Array.from(randomTensor([25], index).data, Math.abs),
    ]);
    // Float64: onnxruntime's own rounding would be larger than what encryption adds.
    await using exact = await Evaluator.create(artifact, null, { backend: 'cleartext', threads: 1 });
    const clear = await exact.evaluate(packCleartextInputs(signature, joinSamples(artifact, samples)));
    const [reference] = unpackCleartextOutputs(signature, clear.outputs);

    await using client = await SecretClient.generate(signature);
    const keys = await client.makeEvaluationKeys();
    expect(keys.rotations).toEqual([]);
    const inputs = await client.encrypt(joinSamples(artifact, samples));
    expect(inputs.tensors[0]!.ciphertexts).toHaveLength(25);
    for (const threads of [1, 2]) {
      await using evaluator = await Evaluator.create(artifact, keys, { backend: 'seal', threads });
      expect(evaluator.threads).toBe(threads);
      const { outputs } = await evaluator.evaluate(inputs);
      const [decrypted] = await client.decrypt(outputs);
      const { bound } = signature.outputs[0]!;
      const forecast = -Math.log2((4 * artifact.report.layers.at(-1)!.predictedError) / bound);
      const squares = decrypted!.reduce((sum, value, i) => sum + (value - reference![i]!) ** 2, 0);
      const rms = Math.sqrt(squares / decrypted!.length);
      const bits = -Math.log2((4 * rms) / bound);
      expect(Math.abs(bits - forecast)).toBeLessThan(1);
      for (const { ciphertexts } of await evaluator.status()) expect(ciphertexts).toBe(0);
    }
  }, 120_000);
});

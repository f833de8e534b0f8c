/** Values beyond what a program was certified for, under encryption: within the margin right, beyond it never shown. */
import { describe, expect, it } from 'vitest';
import { ModelBuilder, randomTensor } from '../src/compiler/onnx/testing/model-builder.ts';
import { DEFAULT_OPTIONS, SILENT } from '../src/compiler/options.ts';
import { compileModel } from '../src/compiler/pipeline.ts';
import type { Artifact } from '../src/program/artifact.ts';
import { nativeUnavailable } from '../src/runtime/backends/native/load-addon.ts';
import { packCleartextInputs, unpackCleartextOutputs } from '../src/runtime/client/cleartext-client.ts';
import { SecretClient } from '../src/runtime/client/secret-client.ts';
import { PublicClient } from '../src/runtime/encryption/public-client.ts';
import { Evaluator } from '../src/runtime/evaluation/evaluator.ts';

const FEATURES = 16;
const sample = (index: number): Float32Array =>
  Float32Array.from({ length: FEATURES }, (_, k) => Math.sin(17 * index + k * k));
/** Held-out inputs; what a factor makes of them. */
const INPUTS = [1000, 1001, 1002, 1003];
const scaled = (index: number, factor: number): Float64Array[] => [
  Float64Array.from(sample(index), (value) => factor * value),
];

async function compile(outputs: number, square: boolean, backend: 'seal' | 'native'): Promise<Artifact> {
  const model = new ModelBuilder(17)
    .input('x', ['N', FEATURES])
    .constant('w', randomTensor([FEATURES, 8], 1))
    .constant('v', randomTensor([8, outputs], 2))
    .node('MatMul', ['x', 'w'], ['h']);
  if (square) model.node('Mul', ['h', 'h'], ['s']);
  model.node('MatMul', [square ? 's' : 'h', 'v'], ['y']).output('y');
  const calibration = { description: 'sines', size: 300, sample, label: () => null };
  const { artifact } = await compileModel(
    model.bytes(),
    { ...DEFAULT_OPTIONS, backend, calibration },
    { modelDirectory: null, modelName: 'm', progress: SILENT },
  );
  return artifact;
}

const backends = nativeUnavailable() === null ? (['native', 'seal'] as const) : (['seal'] as const);

describe.each(backends)('on %s', (backend) => {
  it.each([
    ['one output', 1, true],
    ['ten outputs', 10, true],
    // One number that stands in every slot alike: nothing but its range shows that it has wrapped around.
    ['one output of linear maps alone', 1, false],
  ])(
    'a model of %s refuses what is out of range before and after',
    async (_name, outputs, square) => {
      const artifact = await compile(outputs, square, backend);
      const { signature } = artifact;
      await using client = await SecretClient.generate(signature);
      await using sender = await PublicClient.open(signature, await client.makePublicKey());
      await using evaluator = await Evaluator.create(artifact, await client.makeEvaluationKeys(), {
        backend,
        threads: 1,
      });
      await using clear = await Evaluator.create(artifact, null, { backend: 'cleartext', threads: 1 });
      for (const factor of [3, 10, 1e6]) {
        const refusal = { code: 'INPUT_OUT_OF_RANGE' };
        await expect(client.encrypt(scaled(INPUTS[0]!, factor))).rejects.toMatchObject(refusal);
        await expect(sender.encrypt(scaled(INPUTS[0]!, factor))).rejects.toMatchObject(refusal);
      }
      // The edge of the margin, where it is right to the certified precision.
      const edge = scaled(INPUTS[0]!, 1.24);
      const decrypted = await client.decrypt((await evaluator.evaluate(await client.encrypt(edge))).outputs);
      const exact = (await clear.evaluate(packCleartextInputs(signature, edge))).outputs;
      const reference = unpackCleartextOutputs(signature, exact);
      const { bound, precisionBits } = signature.outputs[0]!;
      for (const [e, value] of reference[0]!.entries()) {
        expect(Math.abs(decrypted[0]![e]! - value)).toBeLessThan(2 * bound * 2 ** -precisionBits);
      }
      for (const factor of [10, 1e3, 1e6]) {
        for (const index of INPUTS) {
          const allowed = { allowOutOfRange: () => undefined };
          const set = await client.encrypt(scaled(index, factor), allowed);
          const { outputs: answer } = await evaluator.evaluate(set);
          await expect(client.decrypt(answer)).rejects.toMatchObject({ code: 'OUTPUT_OUT_OF_RANGE' });
        }
      }
    },
    60_000,
  );
});

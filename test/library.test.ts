/** The library as a user has it: nothing but `src/index.ts`, from an ONNX file to a decrypted answer. */
import { readFileSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import type { Artifact } from '../src/index.ts';
import {
  chooseBackend,
  compileModel,
  decodeArtifact,
  DEFAULT_OPTIONS,
  encodeArtifact,
  encodeCiphertextSet,
  encodeEvaluationKeys,
  Evaluator,
  HeError,
  interpretOutputs,
  loadDataset,
  parseCiphertextSet,
  parseEvaluationKeys,
  PublicClient,
  SecretClient,
  SILENT,
} from '../src/index.ts';
import { nativeUnavailable } from '../src/runtime/backends/native/load-addon.ts';

afterEach(() => vi.unstubAllEnvs());

const FIXTURES = `${import.meta.dirname}/../fixtures`;

function digits(part: 'calibration' | 'test') {
  const file = (name: string): string => `${FIXTURES}/digits-${part}${name}.npy`;
  const inputs = [{ name: 'input', shape: [1, 1, 28, 28] }];
  return loadDataset(`npy:${file('')},${file('-labels')}`, {
    inputs,
    preprocessing: DEFAULT_OPTIONS.preprocessing,
  });
}

/** For node-seal, so that every backend can run it. */
async function compileDigits(backend: 'auto' | 'seal' = 'seal'): Promise<Artifact> {
  const { artifact } = await compileModel(
    readFileSync(`${FIXTURES}/digits-square.onnx`),
    { ...DEFAULT_OPTIONS, backend, calibration: await digits('calibration'), samples: 200 },
    { modelDirectory: null, modelName: 'digits-square', progress: SILENT },
  );
  return artifact;
}

/** What the server does: bytes in, bytes out, and no secret. */
async function serve(
  artifactFile: Uint8Array,
  keys: Uint8Array,
  input: Uint8Array,
  backend: 'seal' | 'native',
): Promise<Uint8Array> {
  const options = { backend, threads: 1 };
  await using evaluator = await Evaluator.create(
    decodeArtifact(artifactFile),
    parseEvaluationKeys(keys),
    options,
  );
  const { outputs } = await evaluator.evaluate(parseCiphertextSet(input));
  return encodeCiphertextSet(outputs);
}

it('classifies an encrypted digit, on every backend that is there, from the same files', async () => {
  const file = encodeArtifact(await compileDigits());
  const { signature, certificate }: Artifact = decodeArtifact(file);
  expect(signature.parameters.polyModulusDegree).toBe(8192);
  expect(certificate).toMatchObject({ securityBits: 128 });

  await using owner = await SecretClient.generate(signature);
  const keys = encodeEvaluationKeys(await owner.makeEvaluationKeys());
  await using sender = await PublicClient.open(signature, await owner.makePublicKey());

  const test = await digits('test');
  const index = 17;
  const input = await sender.encrypt([Float64Array.from(test.sample(index, 0))]);
  const backends = nativeUnavailable() === null ? (['seal', 'native'] as const) : (['seal'] as const);
  for (const backend of backends) {
    const answer = await serve(file, keys, encodeCiphertextSet(input), backend);
    const [output] = interpretOutputs(signature, await owner.decrypt(parseCiphertextSet(answer)));
    expect(output).toMatchObject({ name: signature.outputs[0]!.name, shape: signature.outputs[0]!.shape });
    const scores = [...output!.values];
    expect(scores.indexOf(Math.max(...scores))).toBe(test.label(index));
  }
});

it('plans for the native engine where it is built, unless a backend is named, and chooses as much by itself', async () => {
  expect(DEFAULT_OPTIONS.backend).toBe('auto');
  const there = nativeUnavailable() === null ? 'native' : 'seal';
  const [auto, seal] = [await compileDigits('auto'), await compileDigits('seal')];
  expect([auto.report.backend, seal.report.backend]).toEqual([there, 'seal']);
  for (const artifact of [auto, seal]) expect(chooseBackend(artifact).backend).toBe(there);
  // The same again on the same machine.
  expect(encodeArtifact(await compileDigits('auto'))).toEqual(encodeArtifact(auto));
  vi.stubEnv('HE_COMPILE_NATIVE', 'off');
  expect((await compileDigits('auto')).report.backend).toBe('seal');
});

it('says with a code what is wrong with a model', async () => {
  const error: unknown = await compileModel(new Uint8Array([1, 2, 3]), DEFAULT_OPTIONS, {
    modelDirectory: null,
    modelName: 'none',
    progress: SILENT,
  }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(HeError);
  expect(error).toMatchObject({ exitCode: 1, code: expect.stringMatching(/^[A-Z_]+$/) as string });
});

/** Integer programs under BFV: encrypted results equal those of exact integers, to the last digit. */
import { describe, expect, it } from 'vitest';
import { ArtifactError } from '../src/errors.ts';
import type { Artifact } from '../src/program/artifact.ts';
import { decodeArtifact, encodeArtifact } from '../src/program/codec.ts';
import { isPrime } from '../src/program/primes.ts';
import { plainModulus } from '../src/program/parameters.ts';
import { encryptWithPublicKey } from '../src/runtime/encryption/public-client.ts';
import { SecretClient } from '../src/runtime/client/secret-client.ts';
import { Evaluator } from '../src/runtime/evaluation/evaluator.ts';
import { clearOutputs, compileIntegers, encryptedOutputs, expectedOutput } from './integer-programs.ts';

const FIXTURES = `${import.meta.dirname}/../fixtures`;
const CALIBRATION = `npy:${FIXTURES}/digits-calibration.npy,${FIXTURES}/digits-calibration-labels.npy`;
const TEST = `npy:${FIXTURES}/digits-test.npy,${FIXTURES}/digits-test-labels.npy`;

describe('digits-square in integers', async () => {
  const model = await compileIntegers(`${FIXTURES}/digits-square.onnx`, CALIBRATION, TEST, {}, 2);
  const { artifact } = model;
  const { parameters, report, negotiation, signature } = artifact;

  it('is compiled for BFV under the security table, and says so', () => {
    expect(parameters).toMatchObject({ scheme: 'bfv', securityLevel: 128, scaleBits: 0 });
    expect(artifact.certificate).toMatchObject({ securityBits: 128 });
    expect(artifact.certificate!.logQP).toBeLessThanOrEqual(artifact.certificate!.maxLogQP);
    for (const modulus of parameters.plainModuli!) {
      expect(isPrime(modulus)).toBe(true);
      expect(modulus % BigInt(2 * parameters.polyModulusDegree)).toBe(1n);
    }
    expect(negotiation).toMatchObject({
      scheme_context: 'BFV',
      scale: 1,
      plain_modulus: parameters.plainModuli!.map(String),
    });
    expect(signature.inputs[0]!.quantisation!.min).toBe(0);
    // The worst case fits, both signs.
    expect(report.integer!.guaranteed).toBe(true);
    expect(2 ** (report.integer!.worstCaseBits + 1)).toBeLessThan(Number(plainModulus(parameters)));
    expect(report.integer!.calibratedBits).toBeLessThanOrEqual(report.integer!.worstCaseBits);
    expect(report.integer!.accuracy).toBeGreaterThan(0.97);
  });

  it.each<[string, (copy: Artifact) => void]>([
    ['other plain moduli advertised', (c) => Object.assign(c.negotiation, { plain_modulus: ['65537'] })],
    [
      'no word of how inputs become integers',
      (c) => void Reflect.deleteProperty(c.signature.inputs[0]!, 'quantisation'),
    ],
    ['a scale', (c) => Object.assign(c.signature.inputs[0]!, { scale: 2 })],
    ['CKKS in its place', (c) => Object.assign(c.parameters, { scheme: 'ckks' })],
    ['a composite plain modulus', (c) => Object.assign(c.parameters, { plainModuli: [32768n * 3n + 1n] })],
  ])('an artifact with %s is refused', (_what, change) => {
    const copy = structuredClone(artifact);
    change(copy);
    expect(() => decodeArtifact(encodeArtifact(copy))).toThrow(ArtifactError);
  });

  it('the slot program on big integers equals the graph on big integers', async () => {
    expect(await clearOutputs(model)).toEqual(model.inputs.map((inputs) => expectedOutput(model, inputs)));
  });

  it.each([1, 2])('encrypted, it is equal to the last digit (%d workers)', async (threads) => {
    const { outputs, budgets, workerBytes, leaked } = await encryptedOutputs(model, threads);
    expect(outputs).toEqual(model.inputs.map((inputs) => expectedOutput(model, inputs)));
    expect(leaked).toBe(0);
    expect(workerBytes).toBeLessThan(report.predicted.memoryBytes);
    const forecast = report.integer!.noiseBudgetBits;
    for (const budget of budgets) {
      expect(budget).toBeGreaterThanOrEqual(forecast);
      expect(budget).toBeLessThan(forecast + 6);
    }
  });

  it('a public key encrypts as well, and foreign or damaged ciphertexts are refused', async () => {
    await using client = await SecretClient.generate(signature);
    const encrypted = await encryptWithPublicKey(signature, await client.makePublicKey(), model.inputs[0]!);
    const keys = await client.makeEvaluationKeys();
    await using evaluator = await Evaluator.create(artifact, keys, { backend: 'seal', threads: 1 });
    const { outputs } = await evaluator.evaluate(encrypted);
    expect(Array.from((await client.decrypt(outputs))[0]!)).toEqual(expectedOutput(model, model.inputs[0]!));

    const [tensor] = encrypted.tensors;
    const [bytes] = tensor!.ciphertexts;
    const damaged = [bytes!.slice(0, bytes!.length - 1), bytes!.slice(4), new Uint8Array(3)];
    for (const blob of damaged) {
      const set = { ...encrypted, tensors: [{ ...tensor!, ciphertexts: [blob] }] };
      await expect(evaluator.evaluate(set)).rejects.toMatchObject({ code: 'CIPHERTEXT_INVALID' });
    }
    await expect(evaluator.evaluate({ ...encrypted, scheme: 'ckks' })).rejects.toMatchObject({
      code: 'PARAMETERS_MISMATCH',
    });
  });
});

it('two plain moduli hold what one does not', async () => {
  const bits = { inputBits: 8, weightBits: 10 };
  const model = await compileIntegers(`${FIXTURES}/digits-square.onnx`, CALIBRATION, TEST, bits, 1);
  expect(model.artifact.parameters.plainModuli!.length).toBeGreaterThan(1);
  expect(model.artifact.report.integer).toMatchObject(bits);
  const expected = model.inputs.map((inputs) => expectedOutput(model, inputs));
  expect(await clearOutputs(model)).toEqual(expected);
  expect((await encryptedOutputs(model, 1)).outputs).toEqual(expected);
});

it('refuses activations that are no squares, and the native engine', async () => {
  const compile = (model: string, options: object): Promise<unknown> =>
    compileIntegers(`${FIXTURES}/${model}`, CALIBRATION, TEST, { samples: 60, ...options }, 1);
  const degree = new Map([['*', { kind: 'degree', degree: 4 } as const]]);
  await expect(compile('digits-cnn.onnx', { activations: degree })).rejects.toMatchObject({
    code: 'NOT_AN_INTEGER_MODEL',
  });
  await expect(compile('digits-square.onnx', { backend: 'native' })).rejects.toMatchObject({
    code: 'SCHEME_UNSUPPORTED',
  });
  const model = await compileIntegers(
    `${FIXTURES}/digits-square.onnx`,
    CALIBRATION,
    TEST,
    { samples: 60 },
    1,
  );
  const { chooseBackend } = await import('../src/runtime/evaluation/choose-backend.ts');
  expect(() => chooseBackend(model.artifact, 'native')).toThrow(/no BFV/);
});

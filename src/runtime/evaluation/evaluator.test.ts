import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testParameters } from '../../program/testing/test-parameters.ts';
import { sealMemory } from '../../program/memory-model.ts';
import { rescaleError } from '../backends/testing/rescale-error.ts';
import { packCleartextInputs, unpackCleartextOutputs } from '../client/cleartext-client.ts';
import { SecretClient } from '../client/secret-client.ts';
import type { CiphertextSet } from '../formats/ciphertext-set.ts';
import type { EvaluationKeys } from '../formats/evaluation-keys.ts';
import { Evaluator } from './evaluator.ts';
import { maxError, smallNetwork } from './testing/small-network.ts';

const parameters = testParameters(8192, [44, 28, 28, 28, 28], 58, 28);
const network = smallNetwork(parameters);
/** Eight deviations of one rescale, times what the layers can amplify: a product of sums of some ten terms. */
const TOLERANCE = 8 * 20 * rescaleError(parameters);
const MEBIBYTES_PER_WORKER = sealMemory(network.program, parameters).totalPerWorker / 2 ** 20;

describe('cleartext evaluator', () => {
  it('gives the same bits on one and two workers, near the definition', async () => {
    const inputs = packCleartextInputs(network.signature, network.inputs);
    const results: Float64Array[][] = [];
    for (const threads of [1, 2]) {
      await using evaluator = await Evaluator.create(network, null, { backend: 'cleartext', threads });
      const { outputs, layerMs } = await evaluator.evaluate(inputs);
      results.push(unpackCleartextOutputs(network.signature, outputs));
      expect(layerMs.map(({ layer }) => layer)).toEqual(
        network.program.instructions.map(({ layer }) => layer),
      );
      const [again] = await evaluator.evaluateMany([inputs]);
      expect(unpackCleartextOutputs(network.signature, again!.outputs)).toEqual(results[0]);
    }
    expect(results[1]).toEqual(results[0]);
    expect(maxError(results[0]!, network.expected)).toBeLessThan(1e-10);
  });

  it('refuses inputs of another model', async () => {
    await using evaluator = await Evaluator.create(network, null, { backend: 'cleartext', threads: 1 });
    const inputs = packCleartextInputs(network.signature, network.inputs);
    const renamed = { ...inputs, tensors: inputs.tensors.map((tensor) => ({ ...tensor, name: 'other' })) };
    await expect(evaluator.evaluate(renamed)).rejects.toMatchObject({ code: 'CIPHERTEXT_MISMATCH' });
    const foreign = { ...inputs, parametersDigest: '0'.repeat(64) };
    await expect(evaluator.evaluate(foreign)).rejects.toMatchObject({ code: 'PARAMETERS_MISMATCH' });
  });
});

describe('encrypted evaluator', () => {
  let client: SecretClient;
  let keys: EvaluationKeys;
  let inputs: CiphertextSet;

  beforeAll(async () => {
    client = await SecretClient.generate(network.signature);
    keys = await client.makeEvaluationKeys();
    inputs = await client.encrypt(network.inputs);
  }, 120_000);
  afterAll(() => client[Symbol.asyncDispose]());

  it('gives equal results on one and two workers, splitting linear layers, and frees every ciphertext', async () => {
    const decrypted: Float64Array[][] = [];
    for (const threads of [1, 2]) {
      await using evaluator = await Evaluator.create(network, keys, { backend: 'seal', threads });
      expect(evaluator.threads).toBe(threads);
      expect(evaluator.partitions.some((partition) => partition !== null)).toBe(threads === 2);
      const { outputs, peakMemoryBytes } = await evaluator.evaluate(inputs);
      expect(peakMemoryBytes).toBeGreaterThan(16 * 2 ** 20);
      decrypted.push(await client.decrypt(outputs));
      for (const { ciphertexts, memoryBytes } of await evaluator.status()) {
        expect(ciphertexts).toBe(0);
        expect(memoryBytes).toBeGreaterThan(2 ** 20);
      }
      const many = await evaluator.evaluateMany([inputs, inputs, inputs]);
      expect(many.length).toBe(3);
      expect(maxError(await client.decrypt(many[2]!.outputs), network.expected)).toBeLessThan(TOLERANCE);
    }
    expect(maxError(decrypted[0]!, network.expected)).toBeLessThan(TOLERANCE);
    expect(maxError(decrypted[1]!, network.expected)).toBeLessThan(TOLERANCE);
    // The order of additions differs, modulo rounding of a few units.
    expect(maxError(decrypted[1]!, decrypted[0]!)).toBeLessThan(TOLERANCE);
  });

  it('can be cancelled between operations and used again', async () => {
    await using evaluator = await Evaluator.create(network, keys, { backend: 'seal', threads: 2 });
    const controller = new AbortController();
    const running = evaluator.evaluate(inputs, {
      signal: controller.signal,
      progress: ({ fraction }) => {
        if (fraction > 0) controller.abort();
      },
    });
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(evaluator.evaluate(inputs, { signal: controller.signal })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect((await evaluator.status()).map(({ ciphertexts }) => ciphertexts)).toEqual([0, 0]);
    const { outputs } = await evaluator.evaluate(inputs);
    expect(maxError(await client.decrypt(outputs), network.expected)).toBeLessThan(TOLERANCE);
  });

  it('refuses keys that do not fit, before any is loaded', async () => {
    const create = (changed: EvaluationKeys): Promise<Evaluator> =>
      Evaluator.create(network, changed, { backend: 'seal', threads: 1 });
    await expect(create({ ...keys, rotations: keys.rotations.slice(1) })).rejects.toMatchObject({
      code: 'KEY_MISSING',
    });
    await expect(create({ ...keys, relinearization: null })).rejects.toMatchObject({ code: 'KEY_MISSING' });
    await expect(create({ ...keys, parametersDigest: '0'.repeat(64) })).rejects.toMatchObject({
      code: 'PARAMETERS_MISMATCH',
    });
    await expect(
      Evaluator.create(network, keys, {
        backend: 'seal',
        threads: 2,
        maxMemoryMb: MEBIBYTES_PER_WORKER * 0.9,
      }),
    ).rejects.toMatchObject({ code: 'MEMORY_EXCEEDED' });
  });

  it('uses fewer workers where memory does not allow more', async () => {
    await using evaluator = await Evaluator.create(network, keys, {
      backend: 'seal',
      threads: 2,
      maxMemoryMb: MEBIBYTES_PER_WORKER * 1.9,
    });
    expect(evaluator.threads).toBe(1);
  });

  it('ends a worker that does nothing for too long', async () => {
    const opening = Evaluator.create(network, keys, { backend: 'seal', threads: 1, stallMs: 5 });
    await expect(opening).rejects.toMatchObject({ code: 'WORKER_STALLED' });
  });
});

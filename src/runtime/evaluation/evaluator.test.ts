import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProgramBuilder } from '../../program/testing/program-builder.ts';
import { referenceProgram } from '../../program/testing/random-instructions.ts';
import { signatureOf } from '../../program/testing/signature-of.ts';
import { refreshableParameters, testParameters } from '../../program/testing/test-parameters.ts';
import { sealMemory } from '../../program/memory-model.ts';
import { nativeMemory } from '../../program/native-memory.ts';
import { describeNative } from '../backends/testing/describe-native.ts';
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
const sealNeed = sealMemory(network.program, parameters);
const MEBIBYTES = {
  seal: (sealNeed.processBytes + sealNeed.totalPerWorker) / 2 ** 20,
  native: nativeMemory(network.program, parameters).total / 2 ** 20,
};

describe('cleartext evaluator', () => {
  it('refreshes, each ciphertext at the worker that has it', async () => {
    const able = refreshableParameters();
    const builder = new ProgramBuilder(able);
    const x = builder.input(2, 4);
    const product = builder.product(x, x);
    const program = builder.build([builder.product(builder.refresh(product, 4), builder.refresh(x, 16))]);
    const signature = signatureOf(program, able);
    const values = Float64Array.from({ length: 2 * builder.slotCount }, (_, i) => Math.sin(i));
    const halves = [values.subarray(0, builder.slotCount), values.subarray(builder.slotCount)];
    const [expected] = referenceProgram(program, [halves]);
    const artifact = { program, parameters: able };
    await using evaluator = await Evaluator.create(artifact, null, { backend: 'cleartext', threads: 2 });
    const { outputs, layerMs } = await evaluator.evaluate(packCleartextInputs(signature, [values]));
    expect(layerMs.map(({ layer }) => layer)).toEqual(['product0', 'refresh1', 'refresh2', 'product3']);
    const [actual] = unpackCleartextOutputs(signature, outputs);
    const flat = Float64Array.from([...expected![0]!, ...expected![1]!]);
    expect(maxError([actual!], [flat])).toBeLessThan(1e-12);
    expect((await evaluator.status()).map(({ ciphertexts }) => ciphertexts)).toEqual([0, 0]);
  });

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

  const suite = (backend: 'seal' | 'native'): void => {
    it('gives equal results on one and two threads, and frees every ciphertext', async () => {
      const decrypted: Float64Array[][] = [];
      for (const threads of [1, 2]) {
        await using evaluator = await Evaluator.create(network, keys, { backend, threads });
        expect(evaluator.threads).toBe(threads);
        // Workers of one thread divide linear layers among them; threads of one engine need not.
        const divided = evaluator.partitions.some((partition) => partition !== null);
        expect(divided).toBe(threads === 2 && backend === 'seal');
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
      await using evaluator = await Evaluator.create(network, keys, { backend, threads: 2 });
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
      for (const { ciphertexts } of await evaluator.status()) expect(ciphertexts).toBe(0);
      const { outputs } = await evaluator.evaluate(inputs);
      expect(maxError(await client.decrypt(outputs), network.expected)).toBeLessThan(TOLERANCE);
    });

    it('refuses keys that do not fit, before any is loaded', async () => {
      const create = (changed: EvaluationKeys): Promise<Evaluator> =>
        Evaluator.create(network, changed, { backend, threads: 1 });
      await expect(create({ ...keys, rotations: keys.rotations.slice(1) })).rejects.toMatchObject({
        code: 'KEY_MISSING',
      });
      await expect(create({ ...keys, relinearization: null })).rejects.toMatchObject({ code: 'KEY_MISSING' });
      await expect(create({ ...keys, parametersDigest: '0'.repeat(64) })).rejects.toMatchObject({
        code: 'PARAMETERS_MISMATCH',
      });
    });

    it('refuses keys whose bytes are not what they say', async () => {
      const [first, ...rest] = keys.rotations;
      const damaged = first!.bytes.slice();
      damaged.fill(0xff, 60, 160);
      const changed = { ...keys, rotations: [{ ...first!, bytes: damaged }, ...rest] };
      await expect(Evaluator.create(network, changed, { backend, threads: 1 })).rejects.toMatchObject({
        code: 'KEY_INVALID',
      });
    });

    it('ends a worker that does nothing for too long', async () => {
      const opening = Evaluator.create(network, keys, { backend, threads: 1, stallMs: 5 });
      await expect(opening).rejects.toMatchObject({ code: 'WORKER_STALLED' });
    });

    it('refuses to begin with less memory than it needs', async () => {
      const maxMemoryMb = 0.9 * MEBIBYTES[backend];
      await expect(
        Evaluator.create(network, keys, { backend, threads: 2, maxMemoryMb }),
      ).rejects.toMatchObject({ code: 'MEMORY_EXCEEDED' });
    });
  };

  describe('on node-seal', () => {
    suite('seal');

    it('uses fewer workers where memory does not allow more', async () => {
      await using evaluator = await Evaluator.create(network, keys, {
        backend: 'seal',
        threads: 2,
        maxMemoryMb: (sealNeed.processBytes + sealNeed.totalPerWorker * 1.9) / 2 ** 20,
      });
      expect(evaluator.threads).toBe(1);
    });
  });

  describeNative('on the native engine', () => {
    suite('native');

    it('answers what node-seal answers, from the same files', async () => {
      const answers: Float64Array[][] = [];
      for (const backend of ['seal', 'native'] as const) {
        await using evaluator = await Evaluator.create(network, keys, { backend, threads: 1 });
        answers.push(await client.decrypt((await evaluator.evaluate(inputs)).outputs));
      }
      expect(maxError(answers[0]!, answers[1]!)).toBeLessThan(TOLERANCE);
      expect(maxError(answers[0]!, answers[1]!)).toBeGreaterThan(0);
    });

    it('stops in the middle of an instruction, and leaves the thread of JavaScript free meanwhile', async () => {
      await using evaluator = await Evaluator.create(network, keys, { backend: 'native', threads: 2 });
      const controller = new AbortController();
      const before = performance.eventLoopUtilization();
      // Many more than are evaluated until the signal comes.
      const running = evaluator.evaluateMany(Array<CiphertextSet>(5000).fill(inputs), {
        signal: controller.signal,
      });
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5);
      controller.abort();
      await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
      for (const { ciphertexts } of await evaluator.status()) expect(ciphertexts).toBe(0);
    });

    it('can be closed while it works', async () => {
      const evaluator = await Evaluator.create(network, keys, { backend: 'native', threads: 2 });
      const running = evaluator.evaluate(inputs).catch((error: unknown) => error);
      await evaluator[Symbol.asyncDispose]();
      expect(['CLOSED', 'CANCELLED']).toContain(((await running) as { code?: string }).code);
    });
  });
});

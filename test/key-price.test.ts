/** What keys cost, from the forecast of their bytes to the keys of a network that could do with more of them. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { keyCost } from '../src/compiler/analysis/key-price.ts';
import type { CompileOptions } from '../src/compiler/options.ts';
import { DEFAULT_OPTIONS, SILENT } from '../src/compiler/options.ts';
import { compileModel } from '../src/compiler/pipeline.ts';
import { loadDataset } from '../src/data/load-dataset.ts';
import type { Artifact } from '../src/program/artifact.ts';
import { sentBytes } from '../src/program/key-bytes.ts';
import { nativeKeyBytes } from '../src/program/native-keys.ts';
import { smallArtifact } from '../src/program/testing/small-artifact.ts';
import { SecretClient } from '../src/runtime/client/secret-client.ts';

const FIXTURES = `${import.meta.dirname}/../fixtures`;

async function digitsCnn(options: Partial<CompileOptions>): Promise<Artifact> {
  const calibration = await loadDataset(
    `npy:${FIXTURES}/digits-calibration.npy,${FIXTURES}/digits-calibration-labels.npy`,
    { inputs: [{ name: 'input', shape: [1, 1, 28, 28] }], preprocessing: DEFAULT_OPTIONS.preprocessing },
  );
  const { artifact } = await compileModel(
    readFileSync(`${FIXTURES}/digits-cnn.onnx`),
    { ...DEFAULT_OPTIONS, backend: 'native', calibration, ...options },
    { modelDirectory: null, modelName: 'digits-cnn', progress: SILENT },
  );
  return artifact;
}

it('the bytes of keys as they are sent are those forecast', async () => {
  const { program, parameters, signature } = smallArtifact();
  await using client = await SecretClient.generate(signature);
  const { rotations, relinearization } = await client.makeEvaluationKeys();
  const bytes = [...rotations, relinearization!].reduce((sum, key) => sum + key.bytes.length, 0);
  const forecast = sentBytes(program, parameters);
  expect(bytes / forecast).toBeGreaterThan(1);
  expect(bytes / forecast).toBeLessThan(1.01);
});

it('a set of keys is made, sent and loaded once for all its inferences', () => {
  const { program, parameters } = smallArtifact();
  const terms = { optimize: 'balanced', keyBandwidth: 100, inferencesPerKeys: 1000 } as const;
  const {
    sentBytes: bytes,
    makingMs,
    sendingMs,
    loadingMs,
    countedMsPerInference,
  } = keyCost(program, parameters, terms);
  expect(sendingMs).toBeCloseTo(bytes / 12_500, 9);
  expect(countedMsPerInference).toBeCloseTo((makingMs + sendingMs + loadingMs) / 1000, 12);
  expect(keyCost(program, parameters, { ...terms, keyBandwidth: 50 }).sendingMs).toBeCloseTo(
    2 * sendingMs,
    9,
  );
  expect(keyCost(program, parameters, { ...terms, optimize: 'latency' }).countedMsPerInference).toBe(0);
});

it('by default a small network does with few keys, and takes a little longer for it', async () => {
  const [balanced, quickest] = [await digitsCnn({}), await digitsCnn({ optimize: 'latency' })];
  const [few, many] = [balanced, quickest].map(({ report }) => report.predicted);
  expect(few!.keyCost!.sentBytes).toBeLessThan(30e6);
  expect(few!.keyCost!.sentBytes).toBeLessThan(0.6 * many!.keyCost!.sentBytes);
  expect(few!.latencyMs).toBeLessThan(1.25 * many!.latencyMs);
  const costOf = ({ latencyMs, keyCost: cost }: typeof few & object): number =>
    latencyMs + (cost!.makingMs + cost!.sendingMs + cost!.loadingMs) / cost!.inferences;
  expect(costOf(few!)).toBeLessThan(costOf(many!));
});

it('a key budget holds under every chain that is tried', async () => {
  const maxKeyMb = 40;
  const { program, parameters } = await digitsCnn({ optimize: 'latency', maxKeyMb });
  const bytes = program.rotationKeys.reduce((sum, { level }) => sum + nativeKeyBytes(parameters, level), 0);
  expect(bytes).toBeLessThanOrEqual(maxKeyMb * 2 ** 20);
});

/** The models of a server: their names, and what requests for them are bounded by. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { artifactDigest, encodeArtifact } from '../../program/codec.ts';
import { sealMemory } from '../../program/memory-model.ts';
import { nativeMemory } from '../../program/native-memory.ts';
import { smallArtifact } from '../../program/testing/small-artifact.ts';
import { nativeUnavailable } from '../../runtime/backends/native/load-addon.ts';
import { algorithmId, sealVersion } from './algorithm-id.ts';
import { memoryNeed } from './evaluation/memory-need.ts';
import { keyBytesBound, partsOf, settingOf } from './key-needs.ts';
import { ModelCatalog } from './model-catalog.ts';

const artifact = smallArtifact();
const LIMB = 8192 * 8;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-catalog-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function fileOf(model: string, label: string): Promise<string> {
  const path = join(folder, `${model}-${label}.hemodel`);
  const signature = { ...artifact.signature, model, labels: [label] };
  await writeFile(path, encodeArtifact({ ...artifact, signature }));
  return path;
}

describe('a catalog', () => {
  it('names models by what they say, and tells those of one name apart', async () => {
    const files = [await fileOf('m', '1'), await fileOf('m', '2'), await fileOf('n', '1')];
    const catalog = await ModelCatalog.load(files);
    const [first, second, third] = catalog.all;
    expect([first!.id, third!.id]).toEqual(['m', 'n']);
    expect(second!.id).toBe(`m-${second!.digest.slice(0, 8)}`);
    expect(catalog.get('n')).toBe(third);
    expect(catalog.choose('n')).toBe(third);
    expect(() => catalog.get('other')).toThrow(expect.objectContaining({ code: 'ERROR_UNKNOWN_MODEL' }));
    expect(() => catalog.choose(undefined)).toThrow(
      expect.objectContaining({ code: 'ERROR_MODEL_AMBIGUOUS', message: '3 models are served, name one' }),
    );
    expect(catalog.ofAlgorithm(first!.algorithmId)).toEqual([first, second, third]);
    expect(catalog.ofAlgorithm('other')).toEqual([]);
  });

  it('chooses the only one', async () => {
    const file = await fileOf('m', '1');
    const catalog = await ModelCatalog.load([file]);
    expect(catalog.choose(undefined)).toMatchObject({ id: 'm', file });
  });

  it('is of models, each once', async () => {
    const file = await fileOf('m', '1');
    await expect(ModelCatalog.load([])).rejects.toMatchObject({ code: 'ARTIFACT_MISSING' });
    await expect(ModelCatalog.load([file, file, file])).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('knows what keys and inputs of a model can have at most', async () => {
    const file = await fileOf('m', '1');
    const [model] = (await ModelCatalog.load([file])).all;
    // A rotation key and a relinearization key of four digits, two polynomials each, five limbs.
    const keys = 2 * 4 * 2 * 5 * LIMB;
    expect(model!.maxKeyBytes).toBe(Math.ceil(keys * 1.1) + 2 ** 20);
    expect(keyBytesBound(artifact)).toBe(model!.maxKeyBytes);
    // One ciphertext of two polynomials of four limbs, and room for headers.
    expect(model!.maxInputBytes).toBe(2 * 4 * LIMB + 1024 + 2 ** 20);
    expect(model!.digest).toBe(artifactDigest(encodeArtifact(model!.artifact)));
  });
});

describe('an algorithm', () => {
  it('is named by scheme, parameters and library', () => {
    const library = { library: 'node-seal', version: '1.2.3' };
    expect(algorithmId(artifact, library)).toMatch(/^CKKS:n8192-q180-128:[0-9a-f]{32}:node-seal-1\.2\.3$/);
    const other = {
      ...artifact,
      parameters: { ...artifact.parameters, dataPrimes: artifact.parameters.dataPrimes.toReversed() },
    };
    expect(algorithmId(other, library)).not.toBe(algorithmId(artifact, library));
    expect(algorithmId(artifact, { ...library, version: '1.2.4' })).not.toBe(algorithmId(artifact, library));
  });

  it('is that of the library that is installed', () => {
    expect(sealVersion()).toEqual({
      library: 'node-seal',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
    });
  });

  it('has as many parts as plain moduli', () => {
    expect(partsOf({})).toBe(1);
    expect(partsOf({ plainModuli: [3n, 5n] })).toBe(2);
    expect(settingOf(artifact)).toEqual({
      scheme: 'ckks',
      parametersDigest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
  });
});

describe('the memory of an evaluation process', () => {
  const FILE = 1000;
  const fixed = 4 * FILE;
  const need = (threads: number, bound: number) => memoryNeed(artifact, FILE, threads, bound);
  afterEach(() => vi.unstubAllEnvs());

  describe('of node-seal', () => {
    const seal = sealMemory(artifact.program, artifact.parameters);
    const perThread = seal.totalPerWorker + seal.plaintextBytes;
    beforeEach(() => void vi.stubEnv('HE_COMPILE_NATIVE', 'off'));

    it('is what so many threads take, where the bound allows it', () => {
      const evaluator = seal.processBytes + 3 * perThread;
      expect(need(3, 2 ** 40)).toEqual({
        totalBytes: fixed + evaluator,
        evaluatorBytes: Math.ceil(evaluator),
        threads: 3,
      });
    });

    it('is that of fewer threads where it does not, and of one at the least', () => {
      const two = fixed + seal.processBytes + 2 * perThread;
      expect(need(3, two + 1).threads).toBe(2);
      expect(need(3, two + 1).totalBytes).toBeCloseTo(two, 0);
      expect(need(3, two - 1).threads).toBe(1);
      expect(need(3, 0)).toMatchObject({
        threads: 1,
        totalBytes: fixed + seal.processBytes + seal.totalPerWorker,
      });
    });
  });

  it.skipIf(nativeUnavailable() !== null)('of the native engine does not grow with its threads', () => {
    const native = nativeMemory(artifact.program, artifact.parameters);
    const roomy = need(1, 2 ** 40);
    expect(roomy.totalBytes).toBeCloseTo(fixed + native.total + native.plaintextBytes / 0.9, 0);
    expect(need(8, 2 ** 40)).toEqual({ ...roomy, threads: 8 });
    expect(need(1, fixed + native.total + 1000).totalBytes).toBe(fixed + native.total + 1000);
    expect(need(1, 0).totalBytes).toBe(fixed + native.total);
  });
});

/** A fixture compiled for tests of the servers, and everything the data's owner has: keys, encryption, decryption. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Artifact } from '../../program/artifact.ts';
import { encodeArtifact } from '../../program/codec.ts';
import type { Backend } from '../../compiler/options.ts';
import { DEFAULT_OPTIONS, SILENT } from '../../compiler/options.ts';
import { compileModel } from '../../compiler/pipeline.ts';
import { loadDataset } from '../../data/load-dataset.ts';
import { loadInput } from '../../data/load-input.ts';

const FIXTURES = join(import.meta.dirname, '../../../fixtures');

export interface TestModel extends AsyncDisposable {
  readonly artifact: Artifact;
  readonly file: string;
  readonly folder: string;
}

/** Compiles in about a second; 128 bits of security. */
export async function compileFixture(
  name: 'digits-cnn' | 'digits-square',
  samples = 100,
  backend: Backend = DEFAULT_OPTIONS.backend,
): Promise<TestModel> {
  const part = (suffix: string): string => join(FIXTURES, `digits-calibration${suffix}.npy`);
  const calibration = await loadDataset(`npy:${part('')},${part('-labels')}`, {
    inputs: [{ name: 'input', shape: [1, 1, 28, 28] }],
    preprocessing: DEFAULT_OPTIONS.preprocessing,
  });
  const { artifact } = await compileModel(
    readFileSync(join(FIXTURES, `${name}.onnx`)),
    { ...DEFAULT_OPTIONS, calibration, samples, backend },
    { modelDirectory: null, modelName: name, progress: SILENT },
  );
  const folder = await mkdtemp(join(tmpdir(), 'he-compile-test-'));
  const file = join(folder, `${name}.hemodel`);
  await writeFile(file, encodeArtifact(artifact));
  return {
    artifact,
    file,
    folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A picture of the digit, as the model's input. */
export async function digit(artifact: Artifact, name: string): Promise<Float64Array> {
  const [input] = artifact.signature.inputs;
  const description = { name: input!.name, shape: input!.layout.shape };
  const loaded = await loadInput(join(FIXTURES, 'samples', `${name}.png`), description, input!.preprocessing);
  return Float64Array.from(loaded.values);
}

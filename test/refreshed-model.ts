/** A small model that is refreshed, the first activations aside, and inputs of which some make these run away. */
import { ModelBuilder, randomTensor } from '../src/compiler/onnx/testing/model-builder.ts';
import { DEFAULT_OPTIONS, SILENT } from '../src/compiler/options.ts';
import { randomDataset } from '../src/compiler/passes/approximation/testing/graphs.ts';
import { compileModel } from '../src/compiler/pipeline.ts';
import type { Artifact } from '../src/program/artifact.ts';

const WIDTH = 16;
const ACTIVATIONS = 14;
export const OUTPUTS = 4;

/** (MatMul → ReLU) so many times, and a MatMul. */
export async function refreshedModel(degree: number): Promise<Artifact> {
  const builder = new ModelBuilder().input('x', [1, WIDTH]);
  let value = 'x';
  for (let i = 0; i < ACTIVATIONS; i++) {
    builder.constant(`w${i}`, randomTensor([WIDTH, WIDTH], i + 1, 0.6));
    builder.node('MatMul', [value, `w${i}`], [`dense${i}`]).node('Relu', [`dense${i}`], [`relu${i}`]);
    value = `relu${i}`;
  }
  builder.constant('v', randomTensor([WIDTH, OUTPUTS], 99, 0.5));
  const bytes = builder.node('MatMul', [value, 'v'], ['y']).output('y').bytes();
  const activations = new Map([['*', { kind: 'degree', degree } as const]]);
  const calibration = randomDataset(WIDTH, 600, 3);
  const { artifact } = await compileModel(
    bytes,
    { ...DEFAULT_OPTIONS, backend: 'native', activations, calibration },
    { modelDirectory: null, modelName: 'deep', progress: SILENT },
  );
  return artifact;
}

const FRESH = randomDataset(WIDTH, 10, 4);
export const SAMPLES = FRESH.size;

/** Input `sample` that no fit has seen; 8 times as large, and more, it leaves the ranges of the first activations. */
export function scaledInput(sample: number, factor: number): Float64Array {
  return Float64Array.from(FRESH.sample(sample, 0), (value) => factor * value);
}

/** Factors that take every input beyond, one of them so far that every modulus wraps around. */
export const BEYOND = [8, 20, 1e3, 1e6] as const;

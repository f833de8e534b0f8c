/** The plaintext side of comparisons: the original ONNX file in onnxruntime. */
import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { importModel } from '../src/compiler/onnx/import.ts';
import type { Dataset } from '../src/compiler/options.ts';
import type { TensorGraph } from '../src/compiler/ir/tensor-graph.ts';
import type { EvaluationOptions } from '../src/compiler/reference/evaluate-model.ts';
import { evaluateModel } from '../src/compiler/reference/evaluate-model.ts';
import { feedableModel } from '../src/compiler/reference/feedable-model.ts';
import type { Artifact } from '../src/program/artifact.ts';
import { sampleTarget } from './batches.ts';
import type { CommandContext } from './command.ts';
import { readModel } from './files.ts';
import { readConstants } from './model-options.ts';
import type { Outputs } from './measure/bench.ts';

export interface ReferenceFlags {
  readonly bind?: readonly (readonly [string, string])[];
}

/** A file that ought to be the model which an artifact was compiled from. */
export interface ReferenceModel {
  readonly file: string;
  /** SHA-256 of the file that was compiled, hex. */
  readonly digest: string;
}

/** What of a model is compared: an output of the artifact, on samples of the artifact's inputs. */
export type ReferenceTarget = Pick<EvaluationOptions, 'output' | 'inputShapes'>;

/** @param output index among the artifact's outputs; outputs of the model that are constant are none of them */
export function referenceTarget(artifact: Artifact, output = 0): ReferenceTarget {
  return {
    output: artifact.signature.outputs[output]!.name,
    inputShapes: sampleTarget(artifact).inputs.map(({ shape }) => shape),
  };
}

/** One output of an ONNX file, sample by sample. */
export async function runReference(
  model: Uint8Array | TensorGraph,
  dataset: Dataset,
  limit: number,
  title: string,
  { progress, signal }: CommandContext,
  target: ReferenceTarget = {},
): Promise<Outputs> {
  const { outputs, shape } = await evaluateModel(model, dataset, {
    ...target,
    limit,
    progress: { report: (_stage, fraction) => progress.report(title, fraction), signal },
  });
  return splitOutputs(outputs, shape);
}

/** The same of a model on file, with a warning if it is another one; inputs bound at compile time are bound here too. */
export async function runReferenceFile(
  { file, digest }: ReferenceModel,
  flags: ReferenceFlags,
  dataset: Dataset,
  limit: number,
  context: CommandContext,
  target: ReferenceTarget,
): Promise<Outputs> {
  const bytes = await readModel(file);
  if (createHash('sha256').update(bytes).digest('hex') !== digest) {
    context.note(`warning: ${file} is not the model that the artifact was compiled from (other SHA-256)`);
  }
  const modelDirectory = dirname(resolve(file));
  const model =
    flags.bind === undefined
      ? feedableModel(bytes, modelDirectory)
      : importModel(bytes, {
          modelDirectory,
          bind: await readConstants(flags.bind),
          dimensions: new Map(),
          batch: 1,
        });
  return runReference(model, dataset, limit, 'plaintext model', context, target);
}

function splitOutputs(outputs: Float32Array, shape: readonly number[]): Outputs {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const count = outputs.length / size;
  return {
    shape,
    values: Array.from({ length: count }, (_, i) => outputs.subarray(i * size, (i + 1) * size)),
  };
}

/**
 * The whole story, in order: ONNX bytes in, artifact out. Each pass is a function from one stage's type to the next, so a
 * wrong order does not type-check.
 */
import { createHash } from 'node:crypto';
import { BackendError } from '../errors.ts';
import type { Artifact } from '../program/artifact.ts';
import { refreshBounds } from './analysis/bounds.ts';
import type { LinearGraph } from './ir/linear-graph.ts';
import type { PolynomialGraph } from './ir/polynomial-graph.ts';
import { isBatchable } from './onnx/batchable.ts';
import { encodeOnnx } from './onnx/encode.ts';
import { importModel } from './onnx/import.ts';
import type { CompileOptions, Progress } from './options.ts';
import { assembleArtifact } from './passes/assemble-artifact.ts';
import { foldBatchNorm } from './passes/fold-batch-norm.ts';
import { foldConstants } from './passes/fold-constants.ts';
import { lowerLinear } from './passes/lower-linear.ts';
import { normalisePolynomials } from './passes/normalise-polynomials.ts';
import { recogniseActivations } from './passes/recognise-activations.ts';
import { requireFittingLabels } from './passes/require-fitting-labels.ts';
import { approximate, calibrationInputs } from './passes/select-degrees.ts';
import { selectProgram, type PassHook } from './passes/select-program.ts';
import { stripOutputOperators } from './passes/strip-output-operators.ts';

export interface CompileContext {
  /** Folder of the model file, for external data; null if the model came from memory. */
  readonly modelDirectory: string | null;
  readonly modelName: string;
  readonly progress: Progress;
  /** Called with each pass's name and result, for `--dump-ir-after`. */
  readonly onPass?: (pass: string, result: unknown) => void;
}

export interface CompileResult {
  readonly artifact: Artifact;
  readonly polynomial: PolynomialGraph;
  readonly linear: LinearGraph;
}

/** Inputs of the calibration set that bounds are measured on after lowering. */
const BOUND_SAMPLES = 64;

/**
 * Compiles an ONNX model.
 * @throws ImportError, CompileError, BackendError (cancelled)
 */
export async function compileModel(
  bytes: Uint8Array,
  options: CompileOptions,
  context: CompileContext,
): Promise<CompileResult> {
  const { progress } = context;
  const pass: PassHook = (name, result) => {
    if (progress.signal?.aborted === true) throw new BackendError('CANCELLED', `cancelled before ${name}`);
    context.onPass?.(name, result);
    return result;
  };

  // ONNX → tensor graph: one vocabulary, static shapes, constants folded.
  progress.report('import', 0);
  const imported = pass(
    'import-model',
    importModel(bytes, {
      modelDirectory: context.modelDirectory,
      bind: options.bind,
      dimensions: options.dimensions,
      batch: options.batch,
    }),
  );
  const constant = pass('fold-constants', foldConstants(imported));
  const folded = pass('fold-batch-norm', foldBatchNorm(constant));
  const stripped = pass('strip-output-operators', stripOutputOperators(folded));
  requireFittingLabels(stripped, options.labels);
  const tensors = pass('recognise-activations', recogniseActivations(stripped));

  // → polynomial graph: every activation a polynomial fitted to what it sees.
  const polynomial = pass('approximate-activations', await approximate(tensors, options, progress));

  // Measured by onnxruntime over whole data sets, and worth having even if no secure program comes of it.
  const batch = isBatchable(polynomial.graph) ? 'symbolic' : 'static';
  const polynomialOnnx = pass('encode-polynomial', encodeOnnx(polynomial.graph, { batch }));

  // → linear graph: linear maps, polynomials and products only.
  progress.report('lower', 0);
  const lowered = pass('lower-linear', lowerLinear(polynomial));
  const samples = calibrationInputs(tensors, options, BOUND_SAMPLES);
  const bounded = pass('refresh-bounds', refreshBounds(lowered, samples));
  const normalised = pass('normalise-polynomials', normalisePolynomials(bounded));

  // → slot program under secure parameters: the smallest ring whose forecast reaches the precision.
  const selected = selectProgram(normalised, samples, options, { pass, progress });
  progress.report('assemble', 0);
  const artifact = pass(
    'assemble-artifact',
    assembleArtifact({
      ...selected,
      tensors,
      polynomial,
      options,
      modelName: context.modelName,
      modelDigest: createHash('sha256').update(bytes).digest('hex'),
      polynomialOnnx,
    }),
  );
  return { artifact, polynomial, linear: selected.linear };
}

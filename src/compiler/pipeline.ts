/**
 * The whole story, in order: ONNX bytes in, artifact out. Each pass is a function from one stage's type to the next, so a
 * wrong order does not type-check.
 */
import { createHash } from 'node:crypto';
import { BackendError } from '../errors.ts';
import type { Artifact } from '../program/artifact.ts';
import { refreshBounds } from './analysis/bounds.ts';
import { integerModel } from './integer/integer-model.ts';
import { integerReference } from './integer/integer-reference.ts';
import { selectIntegerProgram, type IntegerProgram } from './integer/select-integer-program.ts';
import type { LinearGraph } from './ir/linear-graph.ts';
import type { PolynomialGraph } from './ir/polynomial-graph.ts';
import type { TensorGraph } from './ir/tensor-graph.ts';
import { isBatchable } from './onnx/batchable.ts';
import { encodeOnnx } from './onnx/encode.ts';
import { importModel } from './onnx/import.ts';
import { scalePolynomials } from './onnx/scale-polynomials.ts';
import type { Backend, CompileOptions, Progress } from './options.ts';
import { assembleArtifact } from './passes/assemble-artifact.ts';
import { decomposeSoftmax } from './passes/decompose-softmax.ts';
import { foldBatchNorm } from './passes/fold-batch-norm.ts';
import type { CostEstimate, CostEstimator } from './passes/estimate-cost.ts';
import {
  degreePlan,
  describeForesight,
  firstLayer,
  foreseeDegrees,
  requireHoldable,
  type Foresight,
} from './passes/foresee-degrees.ts';
import { foldConstants } from './passes/fold-constants.ts';
import { joinActivations } from './passes/join-activations.ts';
import { lowerLinear } from './passes/lower-linear.ts';
import { normalisePolynomials } from './passes/normalise-polynomials.ts';
import { recogniseActivations } from './passes/recognise-activations.ts';
import { programCost, refreshedIfCheaper } from './passes/refresh-if-cheaper.ts';
import { requireFittingLabels } from './passes/require-fitting-labels.ts';
import { screenCalibration } from './passes/screen-calibration.ts';
import {
  approximateToFit,
  calibrationInputs,
  withoutOutliers,
  type DegreePlan,
} from './passes/select-degrees.ts';
import {
  latencyOfSingle,
  selectProgram,
  type PassHook,
  type Samples,
  type SelectedProgram,
} from './passes/select-program.ts';
import { splitIfCloser } from './passes/split-if-closer.ts';
import { stripOutputOperators } from './passes/strip-output-operators.ts';
import { targetOf } from './targets/registry.ts';

export interface CompileContext {
  /** Folder of the model file, for external data; null if the model came from memory. */
  readonly modelDirectory: string | null;
  readonly modelName: string;
  readonly progress: Progress;
  /** The polynomial model is wanted even if no program holds it: nothing is refused before it has been fitted. */
  readonly polynomialWanted?: boolean;
  /** Told what is worth knowing before the end. */
  readonly note?: (line: string) => void;
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
  asked: CompileOptions,
  context: CompileContext,
): Promise<CompileResult> {
  const { progress } = context;
  const pass: PassHook = (name, result) => {
    if (progress.signal?.aborted === true) throw new BackendError('CANCELLED', `cancelled before ${name}`);
    context.onPass?.(name, result);
    return result;
  };

  progress.report('import', 0);
  const recognised = readTensors(bytes, asked, context.modelDirectory, pass);

  // → slot program; where the accuracy asked for is missed by max-pools, of a graph without them.
  const made = await splitIfCloser(
    await compileTensors(recognised, asked, context, pass),
    recognised,
    asked,
    {
      compile: (split) => compileTensors(split, asked, context, pass),
      isRefreshed: ({ program: { program } }) => program.instructions.some(({ kind }) => kind === 'refresh'),
      note: context.note,
    },
  );
  const { tensors, options, polynomial, program, polynomialOnnx } = made;
  progress.report('assemble', 0);
  // What onnxruntime runs in place of the encrypted program: the rounded model, where it can be written down.
  const rounded = 'integer' in program ? integerModel(program.integer, tensors) : null;
  const artifact = pass(
    'assemble-artifact',
    assembleArtifact({
      ...program,
      tensors,
      polynomial,
      options,
      modelName: context.modelName,
      modelDigest: createHash('sha256').update(bytes).digest('hex'),
      polynomialOnnx:
        rounded === null
          ? (polynomialOnnx ?? pass('encode-polynomial', encodePolynomial(polynomial)))
          : pass('encode-polynomial', encodePolynomial({ graph: rounded })),
    }),
  );
  return { artifact, polynomial, linear: program.linear };
}

/** Everything between the tensors and the artifact. */
interface Compiled extends Fitted {
  readonly tensors: TensorGraph;
  readonly options: CompileOptions;
  /** Written when it was fitted. */
  readonly polynomialOnnx: Uint8Array | undefined;
}

async function compileTensors(
  recognised: TensorGraph,
  asked: CompileOptions,
  context: CompileContext,
  pass: PassHook,
): Promise<Compiled> {
  const { progress } = context;

  // What no degree makes shallow enough is refused before the work.
  const foreseen =
    asked.scheme === 'ckks' && targetOf(asked.backend).encrypts
      ? await foresee(recognised, asked, context, pass)
      : null;

  // Calibration data whose every sample can be a measure.
  const screened = await screenCalibration(recognised, asked, progress);
  const { options } = screened;
  const tensors = { ...recognised, warnings: [...recognised.warnings, ...screened.warnings] };

  // → polynomial graph: every activation a polynomial fitted to what it sees, of a degree that a program can hold.
  const calibrated = calibrationInputs(tensors, options, BOUND_SAMPLES);
  const polynomialOnnx = new Map<PolynomialGraph, Uint8Array>();
  const fit = (plan?: DegreePlan): Promise<Fitted> =>
    approximateToFit(
      tensors,
      options,
      progress,
      (fitted) => {
        pass('approximate-activations', fitted);
        // Measured by onnxruntime over whole data sets, and worth having even if no secure program comes of it.
        if (polynomialOnnx.size === 0) {
          polynomialOnnx.set(fitted, pass('encode-polynomial', encodePolynomial(fitted)));
        }

        // → linear graph: linear maps, polynomials and products only.
        progress.report('lower', 0);
        const lowered = pass('lower-linear', lowerLinear(fitted));
        const samples = withoutOutliers(calibrated, tensors, fitted.outliers);
        const bounded = pass('refresh-bounds', refreshBounds(lowered, samples));
        const normalised = pass('normalise-polynomials', normalisePolynomials(bounded));

        // → slot program under secure parameters: of integers, without any error, where that was asked for;
        if (options.scheme === 'bfv') {
          const reference = integerReference(tensors, normalised, options);
          const integers = selectIntegerProgram(normalised, samples, reference, options, { pass, progress });
          return { ...integers, samples, latencyModeMs: null };
        }
        // else the smallest ring whose forecast reaches the precision.
        const selected = selectProgram(normalised, samples, options, { pass, progress });
        const latencyModeMs =
          options.optimize === 'throughput' ? latencyOfSingle(normalised, samples, options, progress) : null;
        return { ...selected, samples, latencyModeMs };
      },
      plan,
    );
  const fitted =
    foreseen === null
      ? await fit()
      : await refreshedIfCheaper(await fit(degreePlan(foreseen)), foreseen, fit, ({ program }) =>
          programCost(program.program, program.parameters, options),
        );
  return { ...fitted, tensors, options, polynomialOnnx: polynomialOnnx.get(fitted.polynomial) };
}

/**
 * The forecasts alone: matrices that estimates are made with take gigabytes of large models. Null where nothing holds the model, and
 * its polynomials are wanted all the same.
 */
async function foresee(
  tensors: TensorGraph,
  options: CompileOptions,
  { progress, note, polynomialWanted = false }: CompileContext,
  pass: PassHook,
): Promise<Pick<Foresight, 'forecasts'> | null> {
  const foresight = pass('foresee-degrees', await foreseeDegrees(tensors, options, progress));
  const { forecasts } = foresight;
  if (polynomialWanted && forecasts.every(({ refusal }) => refusal !== null)) return null;
  requireHoldable(foresight);
  const told = describeForesight(foresight);
  if (told !== null) note?.(told);
  return { forecasts };
}

interface Fitted {
  readonly polynomial: PolynomialGraph;
  readonly program: (SelectedProgram | IntegerProgram) & {
    readonly samples: Samples;
    readonly latencyModeMs: number | null;
  };
}

/** One verdict for each degree that activations may get; `estimate` is null where nothing holds it, or estimating takes too long. */
export interface DegreeVerdict {
  readonly degree: number | null;
  readonly depth: number;
  readonly polyModulusDegree: number | null;
  readonly estimate: CostEstimate | null;
  /** Why it does not fit; null if it does, as far as can be told. */
  readonly obstacle: string | null;
}

/**
 * What each degree takes on each of `backends`, in seconds: nothing is fitted, composed or packed.
 * @throws ImportError, CompileError, BackendError (cancelled)
 */
export async function foreseeModel(
  bytes: Uint8Array,
  asked: CompileOptions,
  backends: readonly Backend[],
  { modelDirectory, progress }: Pick<CompileContext, 'modelDirectory' | 'progress'>,
): Promise<ReadonlyMap<string, readonly DegreeVerdict[]>> {
  const tensors = readTensors(bytes, asked, modelDirectory, (_, result) => result);
  const verdicts = new Map<string, readonly DegreeVerdict[]>();
  let estimator: CostEstimator | null | undefined;
  for (const backend of backends) {
    const options = { ...asked, backend };
    const { forecasts, estimator: own, open } = await foreseeDegrees(tensors, options, progress);
    // Layouts that are good for one backend are not bad for another.
    if (estimator === undefined) estimator = own();
    const costs = estimator;
    verdicts.set(
      backend,
      forecasts.map(({ degree, depth, chain, refusal, refreshed }) => {
        const estimate =
          chain === null || costs === null
            ? null
            : costs.estimate(degree, open, new Set([...refreshed].map(firstLayer)), chain, options);
        const polyModulusDegree = chain?.polyModulusDegree ?? null;
        const obstacle = refusal?.message ?? estimate?.obstacle ?? null;
        return { degree, depth, polyModulusDegree, estimate, obstacle };
      }),
    );
  }
  return verdicts;
}

function readTensors(
  bytes: Uint8Array,
  asked: CompileOptions,
  modelDirectory: string | null,
  pass: PassHook,
): TensorGraph {
  // ONNX → tensor graph: one vocabulary, static shapes, constants folded.
  const imported = pass(
    'import-model',
    importModel(bytes, {
      modelDirectory: modelDirectory,
      bind: asked.bind,
      dimensions: asked.dimensions,
      // In throughput mode the graph is that of one sample; samples meet in the slots.
      batch: asked.optimize === 'throughput' ? 1 : asked.batch,
    }),
  );
  const constant = pass('fold-constants', foldConstants(imported));
  const folded = pass('fold-batch-norm', foldBatchNorm(constant));
  const stripped = pass('strip-output-operators', stripOutputOperators(folded));
  requireFittingLabels(stripped, asked.labels);
  const decomposed = pass('decompose-softmax', decomposeSoftmax(stripped));
  const recognised = pass('recognise-activations', recogniseActivations(decomposed));
  return pass('join-activations', joinActivations(recognised, asked.activations));
}

function encodePolynomial({
  graph,
  ranges = new Map(),
}: Pick<PolynomialGraph, 'graph'> & Partial<Pick<PolynomialGraph, 'ranges'>>): Uint8Array {
  return encodeOnnx(scalePolynomials(graph, ranges), { batch: isBatchable(graph) ? 'symbolic' : 'static' });
}

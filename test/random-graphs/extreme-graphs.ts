/**
 * Random graphs with weights, constants and inputs of any magnitude, compiled and run encrypted: each gives the right value, to the
 * precision that was forecast, or is refused at compile time with a code that says why.
 */
import fc from 'fast-check';
import { HeError, InternalError } from '../../src/errors.ts';
import { evaluateLinearGraph } from '../../src/compiler/analysis/evaluate-linear-graph.ts';
import type { LinearGraph } from '../../src/compiler/ir/linear-graph.ts';
import type { ConstantTensor } from '../../src/compiler/ir/tensor-graph.ts';
import { runReference } from '../../src/compiler/onnx/testing/reference.ts';
import { DEFAULT_OPTIONS, SILENT, type Dataset } from '../../src/compiler/options.ts';
import { compileModel } from '../../src/compiler/pipeline.ts';
import type { Artifact } from '../../src/program/artifact.ts';
import { NativeBackend } from '../../src/runtime/backends/native/backend.ts';
import { NativeSecretSide } from '../../src/runtime/backends/native/secret-side.ts';
import { SealBackend } from '../../src/runtime/backends/seal/backend.ts';
import { SealSecretSide } from '../../src/runtime/backends/seal/secret-side.ts';
import { runOnBackend } from '../../src/runtime/backends/testing/contract.ts';
import { readOutput } from '../../src/runtime/client/read-output.ts';
import { packInputs } from '../../src/runtime/encryption/encrypt-inputs.ts';
import { float32Reach } from './float32-reach.ts';
import { distorted, MAGNITUDES, seededValues } from './magnitudes.ts';
import { GraphSketch, sizeOf } from './graph-sketch.ts';
import { applyStep, STEPS } from './steps.ts';

export type EncryptedBackend = 'native' | 'seal';

const CALIBRATION_SAMPLES = 12;

/** The forecast is of an error of four standard deviations; of a few hundred outputs one may be a little worse. */
const FORECAST_SLACK = 4;

/** Of onnxruntime, which computes in float32, relative to the largest output; */
const FLOAT32 = 1e-4;
/** and, with some terms in a sum, relative to what cancels on the way there. */
const FLOAT32_TERMS = 2 ** -21;
/**
 * Operators that are sums themselves, such as a normalisation, show in the lowered graph only as what is left of their terms; their rounding
 * is about as large as what becomes of constants that are rounded otherwise.
 */
const NUDGES = 2;
const FLOAT64_TERMS = 2 ** -46;
/** Of the passes, which may change a polynomial's leading coefficient where it is too small. */
const PASSES = 2 ** -18;

const small = fc.nat({ max: 6 });
const step = fc.record({
  step: fc.nat({ max: STEPS.length - 1 }),
  tensor: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: small }),
  p: small,
  q: small,
  r: small,
  seed: fc.nat({ max: 50 }),
});

/** What a graph is made from. */
export const extremeGraph = fc.record({
  inputs: fc.array(
    fc.record({
      shape: fc
        .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }))
        .map((sizes) => [1, ...sizes]),
      magnitude: fc.oneof(fc.constant(0), fc.integer({ min: -12, max: 12 })),
      offset: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) }),
    }),
    { minLength: 1, maxLength: 2 },
  ),
  steps: fc.array(step, { minLength: 1, maxLength: 7, size: 'max' }),
  distortion: fc.array(fc.nat({ max: MAGNITUDES - 1 }), { minLength: 1, maxLength: 5 }),
});
export type ExtremeGraph = typeof extremeGraph extends fc.Arbitrary<infer T> ? T : never;

/** What became of a graph. */
export type Outcome = { readonly kind: 'right' } | { readonly kind: 'refused'; readonly code: string };

/** @throws Error that describes the graph if it fails at run time, gives a wrong value or fails as a fault of ours */
export async function checkExtremeGraph(recipe: ExtremeGraph, backend: EncryptedBackend): Promise<Outcome> {
  const sketch = sketchOf(recipe);
  const { bytes, outputs } = sketch.finish();
  const shapes = recipe.inputs.map(
    ({ shape, magnitude, offset }) => `[${shape.join()}] · 1e${magnitude} + ${offset}`,
  );
  const describe = (message: string): string =>
    [`${backend}: ${message}`, ...shapes, ...sketch.lines, ...sketch.constants].join('\n  ');
  const samples = Array.from({ length: CALIBRATION_SAMPLES }, (_, index) =>
    recipe.inputs.map(({ shape, magnitude, offset }, input) =>
      seededValues(sizeOf(shape), 10 * index + input + 1, 10 ** magnitude, offset),
    ),
  );
  try {
    const calibration = datasetOf(samples);
    let lowered: LinearGraph | null = null;
    const { artifact, linear } = await compileModel(
      bytes,
      { ...DEFAULT_OPTIONS, backend, calibration, samples: CALIBRATION_SAMPLES },
      {
        modelDirectory: null,
        modelName: 'random',
        progress: SILENT,
        onPass: (name, graph) => {
          if (name === 'lower-linear') lowered = graph as LinearGraph;
        },
      },
    ).catch((error: unknown) => {
      if (error instanceof HeError && !(error instanceof InternalError)) throw new Refused(error.code);
      throw error;
    });
    const [sample] = samples as [Float64Array[]];
    const found = await runEncrypted(artifact, sample, backend);
    const exact = evaluateLinearGraph(linear, sample);
    const inputs = new Map(sample.map((values, i) => [`x${i}`, values]));
    const run = (model: Uint8Array): ReturnType<typeof runReference> =>
      runReference(model, inputs, (name) => recipe.inputs[Number(name.slice(1))]!.shape);
    const reference = await run(bytes);
    const nudged = await run(sketchOf(recipe, nudge).finish().bytes);
    const model = evaluateLinearGraph(lowered!, sample);
    const reach = float32Reach(lowered!, sample);
    const approximated = artifact.report.approximations.some(({ method }) => method !== 'exact');
    artifact.signature.outputs.forEach(({ name, bound, precisionBits }, o) => {
      const tolerance = FORECAST_SLACK * bound * 2 ** -precisionBits;
      const error = largestDifference(found[o]!, exact[o]!);
      if (!(error <= tolerance)) {
        throw new Error(`${name} is off by ${error}, ${tolerance} was forecast, of values up to ${bound}`);
      }
      // What the passes made of the model, against what it was lowered to, and that against the model.
      const changed = largestDifference(exact[o]!, model[o]!);
      if (!(changed <= PASSES * bound + FLOAT64_TERMS * reach[o]!)) {
        throw new Error(`${name} was changed by ${changed}, of values up to ${bound}`);
      }
      const wanted = reference.get(name)!;
      if (approximated || !wanted.every(Number.isFinite)) return;
      const gap = largestDifference(model[o]!, wanted);
      const float32 = FLOAT32_TERMS * reach[o]! + NUDGES * largestDifference(nudged.get(name)!, wanted);
      if (!(gap <= FLOAT32 * bound + float32)) {
        throw new Error(`${name} differs from onnxruntime by ${gap}, of values up to ${bound}`);
      }
    });
    if (outputs.length < artifact.signature.outputs.length)
      throw new Error('there are outputs that nobody asked for');
    return { kind: 'right' };
  } catch (cause) {
    if (cause instanceof Refused) return { kind: 'refused', code: cause.message };
    throw new Error(describe(cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)), {
      cause,
    });
  }
}

function sketchOf(recipe: ExtremeGraph, distort: typeof nudge = (value) => value): GraphSketch {
  const sketch = new GraphSketch(
    recipe.inputs.map(({ shape }) => shape),
    (value, index) => distort(distorted(value, index, recipe.distortion)),
  );
  for (const { step: index, tensor, ...choices } of recipe.steps) {
    applyStep(sketch, index, sketch.tensor(tensor), choices);
  }
  return sketch;
}

/** A constant's neighbours in float32, above and below in turn. */
function nudge(value: ConstantTensor): ConstantTensor {
  if (value.type !== 'float') return value;
  const data = value.data.map((entry, i) =>
    Math.fround(entry * (1 + (i % 2 === 0 ? 2 ** -23 : -(2 ** -23)))),
  );
  return { ...value, data };
}

class Refused extends Error {}

function datasetOf(samples: readonly (readonly Float64Array[])[]): Dataset {
  return {
    description: 'random',
    size: samples.length,
    sample: (index, input) => Float32Array.from(samples[index]![input]!),
    label: () => null,
  };
}

function largestDifference(a: Float64Array, b: Float64Array): number {
  if (a.length !== b.length) return Infinity;
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

async function runEncrypted(
  { program, parameters, signature }: Artifact,
  inputs: readonly Float64Array[],
  kind: EncryptedBackend,
): Promise<Float64Array[]> {
  const slots = packInputs(signature, inputs);
  const results = kind === 'native' ? onNative() : await onSeal();
  return signature.outputs.map((output, o) => readOutput(output, results[o]!));

  function onNative(): Float64Array[][] {
    using secret = NativeSecretSide.create(parameters, null);
    using backend = NativeBackend.create(parameters, { memoryBytes: 2 ** 31 });
    for (const { step: by, level } of program.rotationKeys) {
      backend.loadRotationKey(by, secret.makeRotationKey(by, level));
    }
    if (program.relinearizationLevel !== null) {
      backend.loadRelinearizationKey(secret.makeRelinearizationKey(program.relinearizationLevel));
    }
    return runOnBackend(machine(backend, secret), program, slots);
  }

  async function onSeal(): Promise<Float64Array[][]> {
    using secret = await SealSecretSide.create(parameters, null);
    using backend = await SealBackend.create(parameters, {});
    for (const { step: by } of program.rotationKeys) backend.loadRotationKey(by, secret.makeGaloisKey(by));
    if (program.relinearizationLevel !== null)
      backend.loadRelinearizationKey(secret.makeRelinearizationKey());
    return runOnBackend(machine(backend, secret), program, slots);
  }
}

interface Secret {
  encrypt(slots: Float64Array, level: number, scale: number): Uint8Array;
  decrypt(bytes: Uint8Array, level: number, scale: number): Float64Array;
}

function machine<B>(backend: B, secret: Secret) {
  return {
    backend,
    encrypt: (slots: Float64Array, level: number, scale: number) => secret.encrypt(slots, level, scale),
    decrypt: (bytes: Uint8Array, level: number, scale: number) => secret.decrypt(bytes, level, scale),
    liveHandles: () => 0,
    [Symbol.dispose]: () => undefined,
  };
}

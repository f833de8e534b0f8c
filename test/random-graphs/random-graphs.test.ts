/**
 * Random graphs of operators that are exact (nothing is approximated), compiled and run on slots in the clear: what comes out is
 * what onnxruntime says of the ONNX file. `HE_GRAPHS_SEED` and `HE_GRAPHS_RUNS` explore further.
 */
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { runReference, maxDifference } from '../../src/compiler/onnx/testing/reference.ts';
import { randomValues } from '../../src/compiler/onnx/testing/model-builder.ts';
import { DEFAULT_OPTIONS, SILENT } from '../../src/compiler/options.ts';
import { compileModel } from '../../src/compiler/pipeline.ts';
import { fromSlotValues } from '../../src/program/quantisation.ts';
import { unpack } from '../../src/program/layout.ts';
import { CleartextBackend, slotsFromBytes, slotsToBytes } from '../../src/runtime/backends/cleartext.ts';
import { runOnBackend } from '../../src/runtime/backends/testing/contract.ts';
import { packInputs } from '../../src/runtime/encryption/encrypt-inputs.ts';
import { GraphSketch, sizeOf, type SketchTensor } from './graph-sketch.ts';
import { applyStep, STEPS } from './steps.ts';

/** Relative to the largest output, or to 1: onnxruntime computes in float32. */
const TOLERANCE = 1e-5;
const RUNS = Number(process.env['HE_GRAPHS_RUNS'] ?? 500);
const SEED = Number(process.env['HE_GRAPHS_SEED'] ?? 1);
/** Runs of one test: a failure stops only its own. */
const PER_TEST = 50;
const BATCH = 3;

const small = fc.nat({ max: 6 });
const step = fc.record({
  step: fc.nat({ max: STEPS.length - 1 }),
  tensor: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: small }),
  p: small,
  q: small,
  r: small,
  seed: fc.nat({ max: 50 }),
});
const graph = fc.record({
  inputs: fc.array(
    fc
      .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }))
      .map((sizes) => [1, ...sizes]),
    { minLength: 1, maxLength: 2 },
  ),
  steps: fc.array(step, { minLength: 1, maxLength: 12, size: 'max' }),
  throughput: fc.nat({ max: 3 }).map((choice) => choice === 3),
});
type Recipe = typeof graph extends fc.Arbitrary<infer T> ? T : never;

function build({ inputs, steps }: Recipe) {
  const sketch = new GraphSketch(inputs);
  for (const { step: index, tensor, ...choices } of steps) {
    applyStep(sketch, index, sketch.tensor(tensor), choices);
  }
  return { sketch, ...sketch.finish() };
}

/** Answers of every sample, by output. */
type Answers = Float64Array[][];

async function expected(
  recipe: Recipe,
  bytes: Uint8Array,
  outputs: readonly SketchTensor[],
  samples: Float64Array[][],
) {
  const answers: Answers = outputs.map(() => []);
  for (const sample of samples) {
    const inputs = new Map(sample.map((values, i) => [`x${i}`, values]));
    const results = await runReference(bytes, inputs, (name) => recipe.inputs[Number(name.slice(1))]!);
    outputs.forEach(({ name }, o) => answers[o]!.push(results.get(name)!));
  }
  return answers;
}

async function actual(
  recipe: Recipe,
  bytes: Uint8Array,
  outputs: readonly SketchTensor[],
  samples: Float64Array[][],
) {
  const { artifact } = await compileModel(
    bytes,
    {
      ...DEFAULT_OPTIONS,
      backend: 'cleartext',
      samples: 8,
      ...(recipe.throughput ? { optimize: 'throughput' as const, batch: BATCH } : {}),
    },
    { modelDirectory: null, modelName: 'random', progress: SILENT },
  );
  const { program, parameters, signature } = artifact;
  using backend = new CleartextBackend(program.slotCount, parameters.dataPrimes.map(Number));
  const machine = {
    backend,
    encrypt: slotsToBytes,
    decrypt: slotsFromBytes,
    liveHandles: () => 0,
    [Symbol.dispose]: () => undefined,
  };
  const joined = recipe.inputs.map((_, i) => Float64Array.from(samples.flatMap((sample) => [...sample[i]!])));
  // Calibrated on pixels: exact operators hold beyond them.
  const results = runOnBackend(
    machine,
    program,
    packInputs(signature, joined, { allowOutOfRange: () => undefined }),
  );
  return outputs.map(({ name, shape }): Float64Array[] => {
    const o = signature.outputs.findIndex((output) => output.name === name);
    const values = fromSlotValues(unpack(signature.outputs[o]!.layout, results[o]!), signature.outputs[o]!);
    const size = sizeOf(shape);
    return samples.map((_, b) => values.slice(b * size, (b + 1) * size));
  });
}

async function check(recipe: Recipe): Promise<void> {
  const { sketch, bytes, outputs } = build(recipe);
  const count = recipe.throughput ? BATCH : 1;
  const samples = Array.from({ length: count }, (_, b) =>
    recipe.inputs.map((shape, i) => randomValues(sizeOf(shape), 10 * b + i + 1)),
  );
  try {
    const wanted = await expected(recipe, bytes, outputs, samples);
    const got = await actual(recipe, bytes, outputs, samples);
    outputs.forEach(({ name }, o) => {
      for (const [b, values] of got[o]!.entries()) {
        const gap = maxDifference(values, wanted[o]![b]!);
        if (!(gap < TOLERANCE)) throw new Error(`${name} of sample ${b} differs by ${gap}`);
      }
    });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error([message, ...sketch.lines].join('\n  '), { cause });
  }
}

describe('random graphs in the clear agree with onnxruntime', () => {
  const tests = Math.ceil(RUNS / PER_TEST);
  it.each(Array.from({ length: tests }, (_, i) => SEED * 1000 + i))(
    'seed %i',
    async (seed) => {
      await fc.assert(fc.asyncProperty(graph, check), { seed, numRuns: Math.min(PER_TEST, RUNS) });
    },
    300_000,
  );
});

/** Compiles one test, runs it on the backend and compares what comes out with what ONNX expects. */
import { performance } from 'node:perf_hooks';
import { importModel, readConstantOutputs } from '../src/compiler/onnx/import.ts';
import type { ConstantTensor } from '../src/compiler/ir/tensor-graph.ts';
import type { CompileOptions } from '../src/compiler/options.ts';
import { DEFAULT_OPTIONS } from '../src/compiler/options.ts';
import { compileModel } from '../src/compiler/pipeline.ts';
import { HeError } from '../src/errors.ts';
import type { Artifact } from '../src/program/artifact.ts';
import { reachOf } from '../src/program/typical-reach.ts';
import { maxAbsDifference } from '../cli/measure/errors.ts';
import { precisionBits } from '../cli/report/statistics.ts';
import { applyClientOperators } from '../src/runtime/client/client-operators.ts';
import { interpretOutputs } from '../src/runtime/client/interpret-outputs.ts';
import { packCleartextInputs, unpackCleartextOutputs } from '../src/runtime/client/cleartext-client.ts';
import { SecretClient } from '../src/runtime/client/secret-client.ts';
import { Evaluator } from '../src/runtime/evaluation/evaluator.ts';
import type { Assignment } from './assignment.ts';
import { assignInputs, calibrationSet } from './assignment.ts';
import type { RunSettings, TestOutcome } from './outcome.ts';
import type { TestCase } from './test-case.ts';
import { loadTest } from './test-case.ts';

/** Bits asked of approximations beyond those of the verdict. */
const APPROXIMATION_MARGIN_BITS = 0.3;
/** What encryption must keep beyond them, so that both errors together stay within the verdict's. */
const ENCRYPTION_MARGIN_BITS = -Math.log2(1 - 2 ** -APPROXIMATION_MARGIN_BITS);

/** Never throws for what a test does; only for bugs outside of it. */
export async function evaluateTest(
  root: string,
  name: string,
  settings: RunSettings,
  signal: AbortSignal,
): Promise<TestOutcome> {
  let outcome: TestOutcome = {
    test: name,
    operators: [],
    encryptedInputs: [],
    verdict: 'not-applicable',
    kind: null,
    bits: null,
    bitsAsked: settings.approximatedBits,
    parameters: null,
    ms: null,
    reason: null,
    suggestion: null,
  };
  try {
    const test = await loadTest(root, name);
    const assignment = assignInputs(test);
    outcome = {
      ...outcome,
      operators: test.operators,
      encryptedInputs: assignment.encrypted.map((input) => input.name),
      verdict: 'fail',
    };
    const isEmpty = test.outputs.every(({ value }) => value.data.length === 0);
    if (assignment.encrypted.length === 0 || isEmpty) return withoutEncryption(test, outcome);
    const broken = assignment.encrypted.find(({ value }) => !value.data.every(Number.isFinite));
    if (broken !== undefined)
      return { ...outcome, verdict: 'not-applicable', reason: notFinite(broken.name) };
    try {
      return await withEncryption(test, assignment, settings, signal, outcome);
    } catch (error) {
      if (!(error instanceof HeError) || error.code !== 'CONSTANT_OUTPUT') throw error;
      return withoutEncryption(test, outcome);
    }
  } catch (error) {
    if (!(error instanceof HeError)) throw error;
    const internal = error.exitCode === 70;
    const [first] = error.diagnostics;
    return {
      ...outcome,
      verdict: internal ? 'fail' : outcome.verdict === 'not-applicable' ? 'not-applicable' : 'refused',
      reason: `${error.code}: ${first?.message ?? error.message}`,
      suggestion: first?.hint ?? error.hint ?? null,
    };
  }
}

const notFinite = (input: string): string =>
  `INPUT_NOT_FINITE: the test's input '${input}' holds NaN or infinity, which no ciphertext can hold: encryption refuses it`;

/** Integer tests, tensors without elements, and results that only depend on shapes: nothing is computed on ciphertexts. */
function withoutEncryption(test: TestCase, outcome: TestOutcome): TestOutcome {
  if (test.inputs.length === 0)
    return { ...outcome, verdict: 'not-applicable', reason: 'no input at all: known when compiling' };
  if (!test.inputs.some(({ isReal }) => isReal)) {
    return {
      ...outcome,
      verdict: 'not-applicable',
      reason:
        'no floating-point input: integers, booleans and strings have exact semantics that encrypted real numbers lack',
      suggestion: 'cast to floating point before encryption where approximate arithmetic is meant',
    };
  }
  const bound = new Map(test.inputs.map(({ name, value }) => [name, value]));
  const constants = readConstantOutputs(test.bytes, importOptions(test, bound));
  const bits = worstBits(test, (output) => constants.get(output) ?? null);
  return {
    ...outcome,
    kind: 'constant',
    verdict: bits >= outcome.bitsAsked ? 'pass' : 'fail',
    bits,
    reason: 'no element of an encrypted tensor enters the result: known when compiling',
  };
}

async function withEncryption(
  test: TestCase,
  { encrypted, bound }: Assignment,
  settings: RunSettings,
  signal: AbortSignal,
  outcome: TestOutcome,
): Promise<TestOutcome> {
  const start = performance.now();
  const options: CompileOptions = {
    ...DEFAULT_OPTIONS,
    backend: settings.backend,
    bind: bound,
    calibration: calibrationSet(encrypted, settings.seed),
    activations: new Map([
      ['*', { kind: 'precision', bits: settings.approximatedBits + APPROXIMATION_MARGIN_BITS } as const],
    ]),
    maxAccuracyDrop: Infinity,
    maxOutputError: Infinity,
    seed: settings.seed,
  };
  const compile = async (precision: number): Promise<Artifact> => {
    const compiled = await compileModel(
      test.bytes,
      { ...options, precision },
      { modelDirectory: test.directory, modelName: test.name, progress: { report: () => undefined, signal } },
    );
    return compiled.artifact;
  };
  // Which of the two is asked for is known only of what has been compiled; approximated programs are the larger ones.
  let artifact = await compileApproximated(compile, settings.approximatedBits);
  if (kindOf(artifact) !== 'approximated') artifact = await compile(settings.linearBits);
  const compiled = performance.now();
  const kind = kindOf(artifact);
  // Half-precision and printed results are themselves off by as much.
  const representable = Math.min(...test.outputs.map((output) => output.givenBits)) - 1;
  const bitsAsked = Math.min(
    kind === 'approximated' ? settings.approximatedBits : settings.linearBits,
    representable,
  );
  const constants = importModel(test.bytes, importOptions(test, bound)).constantOutputs;
  const inputs = encrypted.map(({ value }) => value.data);
  const { values, keygenMs, evaluateMs } = await runArtifact(artifact, inputs, settings, signal);
  const { signature } = artifact;
  // What a user gets: rounded to the certified precision, where there is noise to hide.
  const tensors =
    settings.backend !== 'cleartext'
      ? interpretOutputs(signature, values)
      : signature.outputs.map(({ name, layout, clientOperators }, i) => ({
          name,
          ...applyClientOperators({ shape: layout.shape, values: values[i]! }, clientOperators),
        }));
  const computed = new Map(
    tensors.map(({ name, shape, values: data }) => [name, { shape, type: 'float' as const, data }]),
  );
  const bits = worstBits(test, (output) => computed.get(output) ?? constants.get(output) ?? null);
  const { parameters } = artifact;
  const moduli = [...parameters.dataPrimes, ...parameters.specialPrimes];
  return {
    ...outcome,
    kind,
    verdict: bits >= bitsAsked ? 'pass' : 'fail',
    bits,
    bitsAsked,
    parameters: {
      polyModulusDegree: parameters.polyModulusDegree,
      logQP: Math.round(moduli.reduce((sum, prime) => sum + Math.log2(Number(prime)), 0)),
      scaleBits: parameters.scaleBits,
      depth: artifact.report.depth,
    },
    ms: { compile: compiled - start, keygen: keygenMs, evaluate: evaluateMs },
    reason: bits >= bitsAsked ? null : `${bits.toFixed(1)} bits, where ${bitsAsked} are asked for`,
  };
}

async function compileApproximated(
  compile: (precision: number) => Promise<Artifact>,
  bits: number,
): Promise<Artifact> {
  try {
    return await compile(bits + ENCRYPTION_MARGIN_BITS);
  } catch (error) {
    if (!(error instanceof HeError) || error.code !== 'PRECISION_UNREACHABLE') throw error;
    // Approximations often keep more than they are asked for: the verdict is on what comes out.
    return compile(bits);
  }
}

function kindOf({ report, program }: Artifact): 'linear' | 'product' | 'approximated' {
  if (report.approximations.some(({ method }) => method !== 'exact')) return 'approximated';
  return program.instructions.every((instruction) => instruction.kind === 'linear') ? 'linear' : 'product';
}

async function runArtifact(
  { program, parameters, signature }: Artifact,
  inputs: readonly Float64Array[],
  { backend }: RunSettings,
  signal: AbortSignal,
): Promise<{ values: readonly Float64Array[]; keygenMs: number; evaluateMs: number }> {
  const start = performance.now();
  if (backend === 'cleartext') {
    await using evaluator = await Evaluator.create({ program, parameters }, null, { backend, threads: 1 });
    const { outputs } = await evaluator.evaluate(packCleartextInputs(signature, inputs), { signal });
    return {
      values: unpackCleartextOutputs(signature, outputs),
      keygenMs: 0,
      evaluateMs: performance.now() - start,
    };
  }
  await using client = await SecretClient.generate(signature, { signal });
  const keys = await client.makeEvaluationKeys({ signal });
  const keygenMs = performance.now() - start;
  await using evaluator = await Evaluator.create({ program, parameters }, keys, { backend, threads: 1 });
  const sealed = await client.encrypt(inputs);
  const before = performance.now();
  const { outputs } = await evaluator.evaluate(sealed, { signal });
  const evaluateMs = performance.now() - before;
  return { values: await client.decrypt(outputs), keygenMs, evaluateMs };
}

function importOptions(test: TestCase, bind: ReadonlyMap<string, ConstantTensor>) {
  return { modelDirectory: test.directory, bind, dimensions: new Map<string, number>(), batch: 1 };
}

/** Over all outputs; 0 where one is missing or has another shape. */
function worstBits(test: TestCase, find: (output: string) => ConstantTensor | null): number {
  let worst = 53;
  for (const { name, value } of test.outputs) {
    const found = find(name);
    if (found === null || found.shape.join() !== value.shape.join()) return 0;
    const range = reachOf(value.data);
    const error = maxAbsDifference(found.data, value.data);
    // An expected output of zeros has no range: errors count as they are.
    worst = Math.min(worst, value.data.length === 0 ? 53 : precisionBits(error, range > 0 ? range : 1));
  }
  return worst;
}

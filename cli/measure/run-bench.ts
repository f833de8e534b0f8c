/** Runs a benchmark: two models in the clear over a data set, and the first samples of it under encryption. */
import type { LoadedDataset } from '../../src/data/dataset.ts';
import type { Picture } from '../../src/data/picture.ts';
import type { Artifact } from '../../src/program/artifact.ts';
import { outsideInput } from '../../src/program/certified-range.ts';
import { elementCount } from '../../src/program/layout.ts';
import { applyClientOperators } from '../../src/runtime/client/client-operators.ts';
import { batchOf, sampleShape, splitSamples } from '../batches.ts';
import type { CommandContext } from '../command.ts';
import { Inference } from '../inference.ts';
import type { EvaluationFlags } from '../parse-options.ts';
import { referenceTarget, runReference } from '../reference.ts';
import type { BenchReport } from '../report/bench-report.ts';
import { maskPicture } from '../report/mask-picture.ts';
import type { SamplePictures } from '../report/sections/samples.ts';
import { thumbnail } from '../report/thumbnail.ts';
import { finishOutputs } from '../results.ts';
import { collectVersions, describeMachine } from '../versions.ts';
import type { Outputs } from './bench.ts';
import { buildBenchReport } from './bench.ts';
import { refusedOutput, summariseErrors } from './errors.ts';
import { forecastHere } from './forecast-here.ts';
import { compareAllMasks } from './mask-report.ts';
import type { MaskReading } from './masks.ts';
import { maskOf } from './masks.ts';

export interface BenchRun {
  readonly artifact: Artifact;
  readonly dataset: LoadedDataset;
  /** Outputs of the original model over the data set. */
  readonly plaintext: Outputs;
  /** A further output of it over the first samples; `index` is that of the artifact's output. */
  readonly plaintextOutput: (index: number, samples: number) => Promise<Outputs>;
  /** Samples under encryption. */
  readonly limit: number;
  readonly flags: EvaluationFlags;
}

export interface BenchResult {
  readonly report: BenchReport;
  readonly pictures: SamplePictures;
}

export async function runBench(run: BenchRun, context: CommandContext): Promise<BenchResult> {
  const { artifact, dataset, plaintext } = run;
  const here = await forecastHere(artifact, context);
  const { raw, finished: polynomial } = await runPolynomial(run, 0, plaintext.values.length, context);
  const count = Math.min(run.limit, dataset.size, plaintext.values.length);
  const encrypted = await runEncrypted(run, count, context);
  const indices = Array.from({ length: plaintext.values.length }, (_, index) => index);
  const masks = compareAllMasks({
    inputShape: sampleShape(artifact.signature.inputs[0]!.layout.shape, batchOf(artifact)),
    outputShape: plaintext.shape,
    plaintext: plaintext.values,
    polynomial,
    encrypted: encrypted.outputs[0]!.finished,
    truth: dataset.mask?.bind(dataset) ?? null,
  });
  const report = buildBenchReport(here, {
    ...encrypted,
    encrypted: encrypted.outputs[0]!.finished,
    encryptedRaw: encrypted.outputs[0]!.raw,
    otherOutputs: await compareOtherOutputs(run, encrypted.outputs, count, context),
    masks,
    data: dataset.description,
    labels: indices.map((index) => dataset.label(index)),
    plaintext,
    polynomial: { values: polynomial, shape: plaintext.shape },
    polynomialRaw: raw.slice(0, count),
    machine: describeMachine(),
    versions: await collectVersions(),
    createdAt: new Date().toISOString(),
  });
  const maps =
    masks === null
      ? null
      : { ...masks, plaintext: plaintext.values, encrypted: encrypted.outputs[0]!.finished };
  return { report, pictures: collectPictures(dataset, count, maps) };
}

/** One output over samples, before and after the client's operators. */
interface OutputValues {
  readonly raw: ArrayLike<number>[];
  readonly finished: ArrayLike<number>[];
}

async function runPolynomial(
  { artifact, dataset }: BenchRun,
  index: number,
  samples: number,
  context: CommandContext,
): Promise<OutputValues> {
  const target = referenceTarget(artifact, index);
  const title = 'polynomial model';
  const { values, shape } = await runReference(
    artifact.polynomialOnnx,
    dataset,
    samples,
    title,
    context,
    target,
  );
  const { clientOperators } = artifact.signature.outputs[index]!;
  const finished = values.map(
    (sample) => applyClientOperators({ shape, values: Float64Array.from(sample) }, clientOperators).values,
  );
  return { raw: [...values], finished };
}

async function compareOtherOutputs(
  run: BenchRun,
  encrypted: readonly OutputValues[],
  count: number,
  context: CommandContext,
): Promise<BenchReport['otherOutputs']> {
  const compared = [];
  for (const [index, { name }] of run.artifact.signature.outputs.entries()) {
    if (index === 0) continue;
    const plaintext = (await run.plaintextOutput(index, count)).values;
    const polynomial = await runPolynomial(run, index, count, context);
    const errors = {
      total: summariseErrors(encrypted[index]!.finished, plaintext),
      encryption: summariseErrors(encrypted[index]!.raw, polynomial.raw),
      approximation: summariseErrors(polynomial.finished, plaintext),
    };
    compared.push({ name, errors });
  }
  return compared;
}

async function runEncrypted({ artifact, dataset, flags }: BenchRun, count: number, context: CommandContext) {
  const batch = batchOf(artifact);
  await using inference = await Inference.open(artifact, flags, context);
  const outputs = artifact.signature.outputs.map((): OutputValues => ({ raw: [], finished: [] }));
  const encryptMs: number[] = [];
  const evaluateMs: number[] = [];
  const decryptMs: number[] = [];
  const instructionMs: (readonly number[])[] = [];
  const bytes = { ...inference.keyBytes, inputCiphertexts: 0, outputCiphertexts: 0 };
  const outOfRange = { inputs: 0, outputs: 0 };
  let peakMemoryBytes = 0;
  for (let start = 0; start < count; start += batch) {
    context.signal.throwIfAborted();
    const size = Math.min(batch, count - start);
    const samples = Array.from({ length: size }, (_, i) =>
      artifact.signature.inputs.map((_input, input) => dataset.sample(start + i, input)),
    );
    outOfRange.inputs += samples.filter((sample) => leavesRange(artifact, sample)).length;
    const result = await inference.measure(
      samples,
      (fraction) => context.progress.report('encrypted samples', (start + fraction * size) / count),
      { allowOutOfRange: () => undefined },
    );
    if (result.decrypted === null) {
      outOfRange.outputs += size;
      for (const [i, { shape, layout }] of artifact.signature.outputs.entries()) {
        for (let sample = 0; sample < size; sample++) {
          outputs[i]!.finished.push(refusedOutput(elementCount(shape) / batch));
          outputs[i]!.raw.push(refusedOutput(elementCount(layout.shape) / batch));
        }
      }
    } else {
      const finished = finishOutputs(artifact, result.decrypted, size, inference.backend === 'cleartext');
      for (const [i, output] of outputs.entries()) {
        output.finished.push(...finished.map((tensors) => tensors[i]!.data));
        output.raw.push(...splitSamples(result.decrypted[i]!, batch, size));
      }
    }
    encryptMs.push(result.encryptMs);
    evaluateMs.push(result.evaluateMs);
    decryptMs.push(result.decryptMs);
    instructionMs.push(result.instructionMs);
    bytes.inputCiphertexts = result.inputBytes;
    bytes.outputCiphertexts = result.outputBytes;
    peakMemoryBytes = Math.max(peakMemoryBytes, result.peakMemoryBytes);
  }
  const { backend, threads, keygenMs } = inference;
  const refreshStepsMs = (await inference.refreshStepsMs()).map(({ step, ms }) => ({
    step,
    ms: ms / evaluateMs.length,
  }));
  const times = { encryptMs, evaluateMs, decryptMs, keygenMs, instructionMs, refreshStepsMs };
  return { backend, threads, outputs, ...times, bytes, peakMemoryBytes, outOfRange };
}

/** Whether other commands would refuse to encrypt a sample: here it is counted, and the measurement goes on. */
function leavesRange({ signature }: Artifact, sample: readonly Float32Array[]): boolean {
  return signature.inputs.some(
    ({ range, layout }, input) =>
      range !== undefined && outsideInput(Float64Array.from(sample[input]!), layout.shape, range) !== null,
  );
}

interface Maps {
  readonly reading: MaskReading;
  readonly plaintext: readonly ArrayLike<number>[];
  readonly encrypted: readonly ArrayLike<number>[];
}

function collectPictures(dataset: LoadedDataset, count: number, maps: Maps | null): SamplePictures {
  const pictures = new Map<number, readonly string[]>();
  for (let index = 0; index < count; index++) {
    const picture = dataset.picture(index);
    const map = maps === null ? null : differenceMap(maps, index);
    const uris = [picture, map].flatMap((one) => (one === null ? [] : (thumbnail(one) ?? [])));
    if (uris.length > 0) pictures.set(index, uris);
  }
  return pictures;
}

function differenceMap({ reading, plaintext, encrypted }: Maps, index: number): Picture {
  return maskPicture(maskOf(plaintext[index]!, reading), maskOf(encrypted[index]!, reading), reading);
}

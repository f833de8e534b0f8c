/** Runs a benchmark: two models in the clear over a data set, and the first samples of it under encryption. */
import type { LoadedDataset } from '../../src/data/dataset.ts';
import type { Picture } from '../../src/data/picture.ts';
import type { Artifact } from '../../src/program/artifact.ts';
import { applyClientOperators } from '../../src/runtime/client/client-operators.ts';
import { batchOf, sampleShape, splitSamples } from '../batches.ts';
import type { CommandContext } from '../command.ts';
import { Inference } from '../inference.ts';
import type { EvaluationFlags } from '../parse-options.ts';
import { runReference } from '../reference.ts';
import type { BenchReport } from '../report/bench-report.ts';
import { maskPicture } from '../report/mask-picture.ts';
import type { SamplePictures } from '../report/sections/samples.ts';
import { thumbnail } from '../report/thumbnail.ts';
import { finishOutputs } from '../results.ts';
import { collectVersions, describeMachine } from '../versions.ts';
import type { Outputs } from './bench.ts';
import { buildBenchReport } from './bench.ts';
import { compareAllMasks } from './mask-report.ts';
import type { MaskReading } from './masks.ts';
import { maskOf } from './masks.ts';

export interface BenchRun {
  readonly artifact: Artifact;
  readonly dataset: LoadedDataset;
  /** Outputs of the original model over the data set. */
  readonly plaintext: Outputs;
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
  const output = artifact.signature.outputs[0]!;
  const polynomialRaw = await runReference(
    artifact.polynomialOnnx,
    dataset,
    plaintext.values.length,
    'polynomial model',
    context,
  );
  const polynomial = polynomialRaw.values.map((values) => {
    const tensor = { shape: polynomialRaw.shape, values: Float64Array.from(values) };
    return applyClientOperators(tensor, output.clientOperators).values;
  });
  const count = Math.min(run.limit, dataset.size, plaintext.values.length);
  const encrypted = await runEncrypted(run, count, context);
  const indices = Array.from({ length: plaintext.values.length }, (_, index) => index);
  const masks = compareAllMasks({
    inputShape: sampleShape(artifact.signature.inputs[0]!.layout.shape, batchOf(artifact)),
    outputShape: plaintext.shape,
    plaintext: plaintext.values,
    polynomial,
    encrypted: encrypted.encrypted,
    truth: dataset.mask?.bind(dataset) ?? null,
  });
  const report = buildBenchReport(artifact, {
    ...encrypted,
    masks,
    data: dataset.description,
    labels: indices.map((index) => dataset.label(index)),
    plaintext,
    polynomial: { values: polynomial, shape: plaintext.shape },
    polynomialRaw: polynomialRaw.values.slice(0, count),
    machine: describeMachine(),
    versions: await collectVersions(),
    createdAt: new Date().toISOString(),
  });
  const maps =
    masks === null ? null : { ...masks, plaintext: plaintext.values, encrypted: encrypted.encrypted };
  return { report, pictures: collectPictures(dataset, count, maps) };
}

async function runEncrypted({ artifact, dataset, flags }: BenchRun, count: number, context: CommandContext) {
  const batch = batchOf(artifact);
  await using inference = await Inference.open(artifact, flags, context);
  const encrypted: (readonly number[])[] = [];
  const encryptedRaw: Float64Array[] = [];
  const encryptMs: number[] = [];
  const evaluateMs: number[] = [];
  const decryptMs: number[] = [];
  const instructionMs: (readonly number[])[] = [];
  const bytes = { ...inference.keyBytes, inputCiphertexts: 0, outputCiphertexts: 0 };
  let peakMemoryBytes = 0;
  for (let start = 0; start < count; start += batch) {
    context.signal.throwIfAborted();
    const size = Math.min(batch, count - start);
    const samples = Array.from({ length: size }, (_, i) =>
      artifact.signature.inputs.map((_input, input) => dataset.sample(start + i, input)),
    );
    const result = await inference.infer(samples, (fraction) =>
      context.progress.report('encrypted samples', (start + fraction * size) / count),
    );
    const finished = finishOutputs(artifact, result.decrypted, size, inference.backend === 'cleartext');
    encrypted.push(...finished.map((outputs) => outputs[0]!.data));
    encryptedRaw.push(...splitSamples(result.decrypted[0]!, batch, size));
    encryptMs.push(result.encryptMs);
    evaluateMs.push(result.evaluateMs);
    decryptMs.push(result.decryptMs);
    instructionMs.push(result.instructionMs);
    bytes.inputCiphertexts = result.inputBytes;
    bytes.outputCiphertexts = result.outputBytes;
    peakMemoryBytes = Math.max(peakMemoryBytes, result.peakMemoryBytes);
  }
  const { backend, threads, keygenMs } = inference;
  const times = { encryptMs, evaluateMs, decryptMs, keygenMs, instructionMs };
  return { backend, threads, encrypted, encryptedRaw, ...times, bytes, peakMemoryBytes };
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

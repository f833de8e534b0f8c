/** `he-compile demo`: the whole way on the embedded model, in about a minute. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { DEFAULT_OPTIONS, settleBackend } from '../../src/compile.ts';
import { compileModel } from '../../src/compiler/pipeline.ts';
import type { DataTarget, LoadedDataset } from '../../src/data/dataset.ts';
import { concatenateDatasets, pictureDataset } from '../../src/data/dataset.ts';
import { decodeImage } from '../../src/data/decode-image.ts';
import { loadDataset } from '../../src/data/load-dataset.ts';
import { MAX_INPUT_FILE_BYTES, readBounded } from '../../src/data/read-file.ts';
import type { Artifact } from '../../src/program/artifact.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { readModel } from '../files.ts';
import { runBench } from '../measure/run-bench.ts';
import { referenceTarget, runReference } from '../reference.ts';
import type { Outputs } from '../measure/bench.ts';
import type { BenchReport } from '../report/bench-report.ts';
import {
  backendTitle,
  formatBits,
  formatBytes,
  formatCount,
  formatMs,
  formatPercent,
  formatSignificant,
  plural,
} from '../report/format.ts';
import { requireReportFile, writeBenchReport } from '../report/write-report.ts';
import { drawPicture } from '../terminal/draw-picture.ts';
import { packageRoot } from '../versions.ts';

const REPORT = 'demo-report.html';
const SAMPLES = 5;
const INPUT_SHAPE = [1, 1, 28, 28];

interface DemoFlags {
  readonly report: string;
}

export function define(command: Command, run: Runner): void {
  command
    .option('--report <FILE>', 'report to write', REPORT)
    .action((flags: DemoFlags) => run((context) => demo(flags, context)));
}

async function demo({ report: file }: DemoFlags, context: CommandContext): Promise<Outcome> {
  await requireReportFile(file);
  const start = performance.now();
  const fixtures = join(await packageRoot(), 'fixtures');
  const model = await readModel(join(fixtures, 'digits-cnn.onnx'));
  const target: DataTarget = {
    inputs: [{ name: 'input', shape: INPUT_SHAPE }],
    preprocessing: DEFAULT_OPTIONS.preprocessing,
  };
  const compileStart = performance.now();
  const { options, note } = settleBackend({
    ...DEFAULT_OPTIONS,
    calibration: await arrays(fixtures, 'calibration', target),
  });
  const { artifact } = await compileModel(model, options, {
    modelDirectory: fixtures,
    modelName: 'digits-cnn',
    progress: context.progress,
  });
  const compileMs = performance.now() - compileStart;
  const samples = await samplePictures(join(fixtures, 'samples'), target);
  const dataset = concatenateDatasets(samples, await arrays(fixtures, 'test', target));
  const plaintextOutput = (index: number, count: number): Promise<Outputs> =>
    runReference(model, dataset, count, 'plaintext model', context, referenceTarget(artifact, index));
  const plaintext = await plaintextOutput(0, dataset.size);
  const { report, pictures } = await runBench(
    { artifact, dataset, plaintext, plaintextOutput, limit: samples.size, flags: {} },
    context,
  );
  await writeBenchReport(file, report, pictures);
  const totalMs = performance.now() - start;
  return {
    document: { reportFile: file, totalMs, compileMs, ...report },
    text: tell(artifact, samples, report, { file, compileMs, totalMs, note }),
  };
}

function arrays(fixtures: string, name: string, target: DataTarget): Promise<LoadedDataset> {
  const path = (suffix: string): string => join(fixtures, `digits-${name}${suffix}.npy`);
  return loadDataset(`npy:${path('')},${path('-labels')}`, target);
}

/** The embedded pictures are called <label>-<k>.png; one each of a few labels is taken. */
async function samplePictures(folder: string, target: DataTarget): Promise<LoadedDataset> {
  const names = (await readdir(folder)).filter((name) => /^[35789]-0\.png$/.test(name)).toSorted();
  const files = names.slice(0, SAMPLES);
  const pictures = await Promise.all(
    files.map(async (name) => {
      const path = join(folder, name);
      return decodeImage(await readBounded(path, MAX_INPUT_FILE_BYTES, 'the picture'), path).picture;
    }),
  );
  const source = {
    description: 'embedded pictures',
    size: pictures.length,
    picture: (index: number) => pictures[index]!,
    label: (index: number) => Number(files[index]![0]),
    nameOf: (index: number) => files[index]!,
  };
  return pictureDataset(source, target, pictures.length);
}

interface DemoTold {
  readonly file: string;
  readonly compileMs: number;
  readonly totalMs: number;
  /** Why it is not the native engine. */
  readonly note: string | null;
}

function tell(
  { report: compiled, program, parameters }: Artifact,
  samples: LoadedDataset,
  report: BenchReport,
  { file, compileMs, totalMs, note }: DemoTold,
): string {
  const activations = compiled.approximations
    .map(({ node, degree }) => `${node} (degree ${degree})`)
    .join(', ');
  const picture = samples.picture(0);
  const results = report.samples.map(
    ({ label, encryptedClass, plaintextClass, maxAbsError }) =>
      `   picture of a ${label}: encrypted says ${encryptedClass}, onnxruntime says ${plaintextClass}, scores differ by ${formatSignificant(maxAbsError, 2)}`,
  );
  const steps = [
    `1. Compiled digits-cnn.onnx for ${backendTitle(compiled.backend)} in ${formatMs(compileMs)}: ${plural(program.instructions.length, 'instruction')}, depth ${compiled.depth}.` +
      `\n   Activations became polynomials by themselves: ${activations || 'none were needed'}.` +
      `\n   N = ${formatCount(parameters.polyModulusDegree)}, ${parameters.securityLevel}-bit security, checked against ${artifactSource(report)}.`,
    `2. Made the keys in ${formatMs(report.phaseMs.keygen)}: ${plural(program.rotationKeys.length, 'Galois key')}, ${formatBytes(report.bytes.galoisKeys + report.bytes.relinKeys)} for the server. The secret key stays with the client.`,
    `3. Encrypted ${plural(report.n, 'picture')}, ${formatBytes(report.bytes.inputCiphertexts)} and ${formatMs(report.phaseMs.encrypt)} each. The first one:` +
      (picture === null ? '' : `\n\n${indent(drawPicture(picture))}\n`),
    `4. Evaluated the network on ciphertexts with ${backendTitle(report.backend)}: ${formatMs(report.latencyMs.median)} each (forecast ${formatMs(compiled.predicted.latencyMs)} on one core).` +
      (note === null ? '' : `\n   ${note}.`),
    `5. Decrypted and compared with onnxruntime:\n${results.join('\n')}`,
    `6. The worst score keeps ${formatBits(report.errors.total.precisionBits.min)} (forecast ${formatBits(compiled.predicted.precisionBits)}), of encryption alone ${formatBits(report.errors.encryption.precisionBits.min)} (forecast ${formatBits(report.program.predicted.encryptionPrecisionBits)}).` +
      `\n   In the clear, on ${plural(report.plaintextSamples, 'picture')}: original ${formatPercent(report.plaintextAccuracy)}, polynomial ${formatPercent(report.polynomialAccuracy)}.`,
  ];
  return `${steps.join('\n\n')}\n\nDone in ${formatMs(totalMs)}. Everything is drawn in ${file}.`;
}

function artifactSource({ program }: BenchReport): string {
  return program.certificate?.source ?? 'nothing';
}

function indent(text: string): string {
  return text.replace(/^/gm, '      ');
}

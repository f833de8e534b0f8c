/** `he-compile <model.onnx>`: ONNX → artifact. */
import { basename, dirname, extname, resolve } from 'node:path';
import type { Command } from 'commander';
import type { AskedOptions } from '../../src/compile.ts';
import { DEFAULT_OPTIONS, settleBackend } from '../../src/compile.ts';
import type { ActivationChoice, CompileOptions } from '../../src/compiler/options.ts';
import { OUTPUT_ERROR_LIMITS } from '../../src/compiler/options.ts';
import { importModel } from '../../src/compiler/onnx/import.ts';
import { compileModel } from '../../src/compiler/pipeline.ts';
import { shapeOf } from '../../src/compiler/ir/tensor-graph.ts';
import { loadDataset } from '../../src/data/load-dataset.ts';
import { encodeArtifact } from '../../src/program/codec.ts';
import { UsageError } from '../../src/errors.ts';
import type { SecurityLevel } from '../../src/program/parameters.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { forecastHere } from '../measure/forecast-here.ts';
import { tellGuard } from '../process/messages.ts';
import { readModel } from '../files.ts';
import { loadProfile } from '../profile-store.ts';
import { IrDump } from '../ir-dump.ts';
import {
  activation,
  assignment,
  bitCount,
  collect,
  dimension,
  naturalNumber,
  nonNegativeNumber,
  oneOf,
  positiveNumber,
} from '../parse-options.ts';
import {
  addPreprocessing,
  preprocessingOf,
  readConstants,
  readLabels,
  type PreprocessingFlags,
} from '../model-options.ts';
import { formatBytes } from '../report/format.ts';
import { describeProgram } from '../report/program-report.ts';
import { renderProgramText } from '../report/text.ts';
import { requireReportFile, writeProgramReport } from '../report/write-report.ts';
import { requireWritable, writeWhole } from '../terminal/write-file.ts';

interface CompileFlags extends PreprocessingFlags {
  readonly output?: string;
  readonly calibration?: string;
  readonly samples?: number;
  readonly backend?: AskedOptions['backend'];
  readonly scheme?: CompileOptions['scheme'];
  readonly inputBits?: number;
  readonly weightBits?: number;
  readonly security?: SecurityLevel;
  readonly optimize?: CompileOptions['optimize'];
  readonly batch?: number;
  readonly precision?: number;
  readonly refresh?: CompileOptions['refresh'];
  readonly maxAccuracyDrop?: number;
  readonly maxOutputError?: number;
  readonly maxKeyMb?: number;
  readonly keyBandwidth?: number;
  readonly inferencesPerKeys?: number;
  readonly maxMemoryMb?: number;
  readonly maxCompileMemoryMb?: number;
  readonly activation?: readonly (readonly [string, ActivationChoice])[];
  readonly bind?: readonly (readonly [string, string])[];
  readonly dim?: readonly (readonly [string, number])[];
  readonly labels?: string;
  readonly emitPolynomial?: string;
  readonly dumpIrAfter?: string;
  readonly report?: readonly string[];
  readonly profile?: string;
}

export function define(command: Command, run: Runner): void {
  const defaults = DEFAULT_OPTIONS;
  command
    .argument('<model>', 'ONNX file')
    .option('-o, --output <FILE>', 'artifact to write (default: <model>.hemodel)')
    .option('--calibration <SPEC>', 'unlabelled or labelled inputs that activations are fitted on')
    .option(
      '--samples <N>',
      `calibration inputs used at most; beyond 6000 they only judge (default: ${defaults.samples})`,
      naturalNumber,
    )
    .option(
      '--backend <NAME>',
      `native, seal, or auto: native where it is built, else seal; cleartext for verification only (default: ${defaults.backend})`,
      oneOf('auto', 'native', 'seal', 'cleartext'),
    )
    .option(
      '--scheme <NAME>',
      `ckks, or bfv for exact integers: models whose activations are squares (default: ${defaults.scheme})`,
      oneOf('ckks', 'bfv'),
    )
    .option('--weight-bits <B>', 'bfv: bits of quantised weights (default: as accuracy asks for)', bitCount)
    .option('--input-bits <B>', 'bfv: bits of quantised inputs (default: as accuracy asks for)', bitCount)
    .option('--security <BITS>', `128, 192 or 256 (default: ${defaults.security})`, oneOf(128, 192, 256))
    .option(
      '--optimize <GOAL>',
      `balanced (an evaluation and what its keys cost), latency (of the evaluation alone), throughput (of a full batch) or memory (few keys, nothing kept encoded; slower) (default: ${defaults.optimize})`,
      oneOf('balanced', 'latency', 'throughput', 'memory'),
    )
    .option(
      '--key-bandwidth <MBIT>',
      `megabits per second at which keys are sent, for what they cost (default: ${defaults.keyBandwidth})`,
      positiveNumber,
    )
    .option(
      '--inferences-per-keys <N>',
      `inferences that a set of keys serves, over which its cost is spread (default: ${defaults.inferencesPerKeys})`,
      naturalNumber,
    )
    .option('--batch <N>', `inputs evaluated together (default: ${defaults.batch})`, naturalNumber)
    .option(
      '--refresh <WHEN>',
      `auto: values are refreshed (bootstrapped) where no chain is long enough without, or it is dearer; never: such models are refused; everywhere: before every activation, so that no value beyond its range runs away (default: ${defaults.refresh})`,
      oneOf('auto', 'never', 'everywhere'),
    )
    .option(
      '--precision <BITS>',
      `bits asked for at the output (default: ${defaults.precision})`,
      nonNegativeNumber,
    )
    .option(
      '--max-accuracy-drop <PP>',
      `percentage points of accuracy that approximation may cost, by the upper end of a 95 % interval (default: ${defaults.maxAccuracyDrop})`,
      nonNegativeNumber,
    )
    .option(
      '--max-output-error <PERCENT>',
      `the same where outputs are no classes: of a map's decisions that change (default: ${OUTPUT_ERROR_LIMITS.decisions}), else of the outputs' standard deviation (default: ${OUTPUT_ERROR_LIMITS.values})`,
      nonNegativeNumber,
    )
    .option('--max-key-mb <N>', 'budget for the Galois keys', naturalNumber)
    .option(
      '--max-memory-mb <N>',
      `budget for an evaluation, which "run" and "bench" keep to (default: ${defaults.maxMemoryMb})`,
      naturalNumber,
    )
    .option(
      '--max-compile-memory-mb <N>',
      'budget for compiling itself; it ends with an error where it takes more',
      naturalNumber,
    )
    .option(
      '--activation <NODE=CHOICE>',
      'degree:D, square, relu-composite:ALPHA or precision:BITS; NODE may be "*"',
      collect(activation),
    )
    .option('--bind <INPUT=FILE>', 'make a graph input a constant (.pb or .npy)', collect(assignment))
    .option('--dim <NAME=N>', 'value of a symbolic dimension (the batch defaults to 1)', collect(dimension))
    .option('--labels <FILE>', 'class names: one per line, or a JSON array')
    .option('--emit-polynomial <FILE>', 'write the polynomial model as ONNX')
    .option('--dump-ir-after <PASS>', 'write the result of a pass, or of "all", beside the artifact as JSON')
    .option(
      '--profile <FILE>',
      'kernel times that programs for the native engine are planned by, or "default" (default: those measured here by "he-compile profile", else shipped ones)',
    )
    .option('--report <FILE>', 'write a report (.html, .md or .json); repeatable', collect(String));
  addPreprocessing(command).action((model: string, flags: CompileFlags) =>
    run((context) => compile(model, flags, context)),
  );
}

async function compile(file: string, flags: CompileFlags, context: CommandContext): Promise<Outcome> {
  requireKeysToCount(flags);
  const output = flags.output ?? `${file.slice(0, file.length - extname(file).length)}.hemodel`;
  const reports = flags.report ?? [];
  if (flags.maxCompileMemoryMb !== undefined) {
    tellGuard({ kind: 'memory-limit', bytes: flags.maxCompileMemoryMb * 2 ** 20 });
  }
  for (const report of reports) await requireReportFile(report);
  if (flags.emitPolynomial !== undefined) await requireWritable(flags.emitPolynomial);
  const bytes = await readModel(file);
  await requireWritable(output);

  const { options, note } = settleBackend(await compileOptions(bytes, file, flags, context));
  if (note !== null) context.note(note);
  const dump = flags.dumpIrAfter === undefined ? null : new IrDump(flags.dumpIrAfter, output);
  let polynomialOnnx: Uint8Array | null = null;
  const { artifact } = await compileModel(bytes, options, {
    modelDirectory: dirname(resolve(file)),
    modelName: basename(file, extname(file)),
    progress: context.progress,
    note: (line) => context.note(line),
    polynomialWanted: flags.emitPolynomial !== undefined,
    onPass: (pass: string, result: unknown) => {
      dump?.record(pass, result);
      if (pass === 'encode-polynomial' && result instanceof Uint8Array) polynomialOnnx = result;
    },
  }).finally(async () => {
    // Also where no secure program comes of it: the polynomial model can still be measured and fine-tuned.
    if (flags.emitPolynomial !== undefined && polynomialOnnx !== null) {
      await writeWhole(flags.emitPolynomial, polynomialOnnx);
    }
  });
  context.signal.throwIfAborted();

  const encoded = encodeArtifact(artifact);
  for (const dumped of (await dump?.write()) ?? []) context.note(`wrote ${dumped}`);
  await writeWhole(output, encoded);
  const program = describeProgram(await forecastHere(artifact, context));
  for (const report of reports) await writeProgramReport(report, program);
  const compilePeakBytes = process.resourceUsage().maxRSS * 1024;
  return {
    document: { artifact: output, bytes: encoded.length, compilePeakBytes, ...program },
    text: `${renderProgramText(program)}\n\nwrote ${output} (${formatBytes(encoded.length)}); compiling took ${formatBytes(compilePeakBytes)} of memory`,
  };
}

/** @throws UsageError where keys are given a price that is not counted */
function requireKeysToCount({ optimize, keyBandwidth, inferencesPerKeys }: CompileFlags): void {
  if (optimize !== 'latency' && optimize !== 'throughput') return;
  if (keyBandwidth === undefined && inferencesPerKeys === undefined) return;
  throw new UsageError('USAGE', `--optimize ${optimize} does not count what keys cost`, {
    hint: 'leave out --key-bandwidth and --inferences-per-keys, or --optimize',
  });
}

async function compileOptions(
  bytes: Uint8Array,
  file: string,
  flags: CompileFlags,
  context: CommandContext,
): Promise<AskedOptions> {
  const { batch, maxKeyMb, inputBits, weightBits, maxOutputError, ...rest } = DEFAULT_OPTIONS;
  const preprocessing = preprocessingOf(flags, rest.preprocessing);
  const options: AskedOptions = {
    ...rest,
    scheme: flags.scheme ?? rest.scheme,
    inputBits: flags.inputBits ?? inputBits,
    weightBits: flags.weightBits ?? weightBits,
    backend: flags.backend ?? rest.backend,
    security: flags.security ?? rest.security,
    optimize: flags.optimize ?? rest.optimize,
    batch: flags.batch ?? batch,
    precision: flags.precision ?? rest.precision,
    refresh: flags.refresh ?? rest.refresh,
    holdPrecision: flags.precision !== undefined,
    maxAccuracyDrop: flags.maxAccuracyDrop ?? rest.maxAccuracyDrop,
    maxOutputError: flags.maxOutputError ?? maxOutputError,
    maxKeyMb: flags.maxKeyMb ?? maxKeyMb,
    keyBandwidth: flags.keyBandwidth ?? rest.keyBandwidth,
    inferencesPerKeys: flags.inferencesPerKeys ?? rest.inferencesPerKeys,
    maxMemoryMb: flags.maxMemoryMb ?? rest.maxMemoryMb,
    activations: new Map(flags.activation ?? []),
    bind: await readConstants(flags.bind ?? []),
    dimensions: new Map(flags.dim ?? []),
    preprocessing,
    labels: flags.labels === undefined ? [] : await readLabels(flags.labels),
    samples: flags.samples ?? rest.samples,
    profile: await loadProfile(flags.profile, (line) => context.note(line)),
  };
  if (flags.calibration === undefined) return options;
  // One calibration sample is one input, however many a batch holds.
  const graph = importModel(bytes, {
    modelDirectory: dirname(resolve(file)),
    bind: options.bind,
    dimensions: options.dimensions,
    batch: 1,
  });
  const target = {
    inputs: graph.inputs.map((name) => ({ name, shape: shapeOf(graph, name) })),
    preprocessing,
  };
  const calibration = await loadDataset(flags.calibration, target, {
    limit: options.samples,
    split: 'train',
    classNames: options.labels,
  });
  return { ...options, calibration };
}

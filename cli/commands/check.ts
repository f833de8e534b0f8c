/** `he-compile check <model.onnx | folder>` */
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { shapeOf } from '../../src/compiler/ir/tensor-graph.ts';
import { checkModel, importModel } from '../../src/compiler/onnx/import.ts';
import { DEFAULT_OPTIONS, type ActivationChoice, type CompileOptions } from '../../src/compiler/options.ts';
import { foreseeModel } from '../../src/compiler/pipeline.ts';
import { encryptingTargets } from '../../src/compiler/targets/registry.ts';
import { loadDataset } from '../../src/data/load-dataset.ts';
import { CompileError, ImportError } from '../../src/errors.ts';
import type { CheckedModel } from '../check-folder.ts';
import { findModels, summarise, summaryText } from '../check-folder.ts';
import type { SecurityLevel } from '../../src/program/parameters.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { readModel } from '../files.ts';
import {
  addPreprocessing,
  preprocessingOf,
  readConstants,
  type PreprocessingFlags,
} from '../model-options.ts';
import {
  activation,
  assignment,
  collect,
  dimension,
  naturalNumber,
  nonNegativeNumber,
  oneOf,
} from '../parse-options.ts';
import { loadProfile } from '../profile-store.ts';
import { plural } from '../report/format.ts';
import { verdictOf, verdictText, type Verdict } from '../report/verdict.ts';
import { presentError } from '../terminal/present-error.ts';
import { printable } from '../terminal/printable.ts';

/** Ranges take no more. */
const CALIBRATION_INPUTS = 64;

interface CheckFlags extends PreprocessingFlags {
  readonly calibration?: string;
  readonly security?: SecurityLevel;
  readonly precision?: number;
  readonly refresh?: CompileOptions['refresh'];
  readonly maxMemoryMb?: number;
  readonly activation?: readonly (readonly [string, ActivationChoice])[];
  readonly bind?: readonly (readonly [string, string])[];
  readonly dim?: readonly (readonly [string, number])[];
}

export function define(command: Command, run: Runner): void {
  command
    .argument('<model>', 'ONNX file, or a folder of them')
    .option('--bind <INPUT=FILE>', 'a graph input that will be a constant (.pb or .npy)', collect(assignment))
    .option('--dim <NAME=N>', 'value of a symbolic dimension', collect(dimension))
    .option('--calibration <SPEC>', 'inputs that ranges are taken from (default: random ones)')
    .option(
      '--security <BITS>',
      `128, 192 or 256 (default: ${DEFAULT_OPTIONS.security})`,
      oneOf(128, 192, 256),
    )
    .option(
      '--refresh <WHEN>',
      `auto: values are refreshed (bootstrapped) where no chain is long enough without, or it is dearer; never: such models are refused; everywhere: before every activation, so that no value beyond its range runs away (default: ${DEFAULT_OPTIONS.refresh})`,
      oneOf('auto', 'never', 'everywhere'),
    )
    .option(
      '--precision <BITS>',
      `bits asked for at the output (default: ${DEFAULT_OPTIONS.precision})`,
      nonNegativeNumber,
    )
    .option(
      '--max-memory-mb <N>',
      `budget for an evaluation (default: ${DEFAULT_OPTIONS.maxMemoryMb})`,
      naturalNumber,
    )
    .option(
      '--activation <NODE=CHOICE>',
      'as in compiling; the others may get any degree',
      collect(activation),
    )
    .addHelpText(
      'after',
      '\nFor one model, says for each degree and backend what depth, time, keys and memory a program takes, and whether it fits.',
    );
  addPreprocessing(command).action((model: string, flags: CheckFlags) =>
    run((context) => check(model, flags, context)),
  );
}

async function check(path: string, flags: CheckFlags, context: CommandContext): Promise<Outcome> {
  // What cannot be looked at is reported by reading it.
  const found = await stat(path).catch(() => null);
  return found?.isDirectory() === true ? checkFolder(path, flags) : checkFile(path, flags, context);
}

/** What a program will take, without making one. */
async function foresee(file: string, flags: CheckFlags, context: CommandContext): Promise<Verdict> {
  const bytes = await readModel(file);
  const modelDirectory = dirname(resolve(file));
  const asked: CompileOptions = {
    ...DEFAULT_OPTIONS,
    bind: await readConstants(flags.bind ?? []),
    dimensions: new Map(flags.dim ?? []),
    security: flags.security ?? DEFAULT_OPTIONS.security,
    precision: flags.precision ?? DEFAULT_OPTIONS.precision,
    refresh: flags.refresh ?? DEFAULT_OPTIONS.refresh,
    maxMemoryMb: flags.maxMemoryMb ?? DEFAULT_OPTIONS.maxMemoryMb,
    preprocessing: preprocessingOf(flags, DEFAULT_OPTIONS.preprocessing),
    activations: new Map(flags.activation ?? []),
    profile: await loadProfile(undefined, (line) => context.note(line)),
  };
  let calibration: CompileOptions['calibration'] = null;
  if (flags.calibration !== undefined) {
    const graph = importModel(bytes, { ...asked, modelDirectory, batch: 1 });
    const inputs = graph.inputs.map((name) => ({ name, shape: shapeOf(graph, name) }));
    const target = { inputs, preprocessing: asked.preprocessing };
    calibration = await loadDataset(flags.calibration, target, {
      limit: CALIBRATION_INPUTS,
      split: 'train',
      classNames: [],
    });
  }
  const backends = encryptingTargets().map(({ name }) => name);
  const verdicts = await foreseeModel(bytes, { ...asked, calibration }, backends, {
    modelDirectory,
    progress: context.progress,
  });
  return verdictOf(verdicts, flags.calibration ?? null);
}

async function checkFolder(folder: string, flags: CheckFlags): Promise<Outcome> {
  const checked: CheckedModel[] = [];
  for (const file of await findModels(folder)) checked.push(await inspect(file, flags));
  const summary = summarise(checked);
  return {
    document: { folder, models: checked, summary },
    text: printable(summaryText(folder, checked, summary)),
    exitCode: summary.supported === summary.models ? 0 : 1,
  };
}

async function inspect(file: string, flags: CheckFlags): Promise<CheckedModel> {
  const { diagnostics, operators, nodeCount } = checkModel(await readModel(file), {
    modelDirectory: dirname(resolve(file)),
    bind: await readConstants(flags.bind ?? []),
    dimensions: new Map(flags.dim ?? []),
    batch: 1,
  });
  return {
    model: file,
    supported: diagnostics.length === 0,
    nodeCount,
    operators: Object.fromEntries(operators),
    diagnostics,
  };
}

async function checkFile(file: string, flags: CheckFlags, context: CommandContext): Promise<Outcome> {
  const document = await inspect(file, flags);
  const { diagnostics, nodeCount } = document;
  if (diagnostics.length === 0) {
    const verdict = await foresee(file, flags, context).catch((error: unknown) => {
      // Nothing was asked of the verdict: that the operators are supported is true without it.
      const asked = flags.calibration !== undefined || flags.activation !== undefined;
      if (asked || !(error instanceof CompileError)) throw error;
      context.note(`what a program takes cannot be told: ${error.message}`);
      return null;
    });
    const supported = `${file}: all ${nodeCount} nodes are supported`;
    return {
      document: { ...document, verdict },
      text: verdict === null ? supported : `${supported}\n\n${verdictText(verdict)}`,
    };
  }
  const error = new ImportError(
    'UNSUPPORTED',
    `${file}: ${plural(diagnostics.length, 'finding')} in ${plural(nodeCount, 'node')}`,
    {
      diagnostics,
    },
  );
  const { exitCode, document: errorDocument, text } = presentError(error, false);
  return { document: { ...document, ...errorDocument }, text, exitCode };
}

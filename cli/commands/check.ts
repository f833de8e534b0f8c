/** `he-compile check <model.onnx | folder>` */
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { checkModel } from '../../src/compiler/onnx/import.ts';
import { ImportError } from '../../src/errors.ts';
import type { CheckedModel } from '../check-folder.ts';
import { findModels, summarise, summaryText } from '../check-folder.ts';
import type { Outcome, Runner } from '../command.ts';
import { readModel } from '../files.ts';
import { readConstants } from '../model-options.ts';
import { assignment, collect, dimension } from '../parse-options.ts';
import { plural } from '../report/format.ts';
import { presentError } from '../terminal/present-error.ts';
import { printable } from '../terminal/printable.ts';

interface CheckFlags {
  readonly bind?: readonly (readonly [string, string])[];
  readonly dim?: readonly (readonly [string, number])[];
}

export function define(command: Command, run: Runner): void {
  command
    .argument('<model>', 'ONNX file, or a folder of them')
    .option('--bind <INPUT=FILE>', 'a graph input that will be a constant (.pb or .npy)', collect(assignment))
    .option('--dim <NAME=N>', 'value of a symbolic dimension', collect(dimension))
    .action((model: string, flags: CheckFlags) => run(() => check(model, flags)));
}

async function check(path: string, flags: CheckFlags): Promise<Outcome> {
  // What cannot be looked at is reported by reading it.
  const found = await stat(path).catch(() => null);
  return found?.isDirectory() === true ? checkFolder(path, flags) : checkFile(path, flags);
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

async function checkFile(file: string, flags: CheckFlags): Promise<Outcome> {
  const document = await inspect(file, flags);
  const { diagnostics, nodeCount } = document;
  if (diagnostics.length === 0) {
    return { document, text: `${file}: all ${nodeCount} nodes are supported` };
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

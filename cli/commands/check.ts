/** `he-compile check <model.onnx>` */
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { checkModel } from '../../src/compiler/onnx/import.ts';
import { ImportError } from '../../src/errors.ts';
import type { Outcome, Runner } from '../command.ts';
import { readModel } from '../files.ts';
import { readConstants } from '../model-options.ts';
import { assignment, collect, dimension } from '../parse-options.ts';
import { presentError } from '../terminal/present-error.ts';

interface CheckFlags {
  readonly bind?: readonly (readonly [string, string])[];
  readonly dim?: readonly (readonly [string, number])[];
}

export function define(command: Command, run: Runner): void {
  command
    .argument('<model>', 'ONNX file')
    .option('--bind <INPUT=FILE>', 'a graph input that will be a constant (.pb or .npy)', collect(assignment))
    .option('--dim <NAME=N>', 'value of a symbolic dimension', collect(dimension))
    .action((model: string, flags: CheckFlags) => run(() => check(model, flags)));
}

async function check(file: string, flags: CheckFlags): Promise<Outcome> {
  const result = checkModel(await readModel(file), {
    modelDirectory: dirname(resolve(file)),
    bind: await readConstants(flags.bind ?? []),
    dimensions: new Map(flags.dim ?? []),
    batch: 1,
  });
  const { diagnostics, operators, nodeCount } = result;
  const document = {
    model: file,
    supported: diagnostics.length === 0,
    nodeCount,
    operators: Object.fromEntries(operators),
    diagnostics,
  };
  if (diagnostics.length === 0) {
    return { document, text: `${file}: all ${nodeCount} nodes are supported` };
  }
  const error = new ImportError(
    'UNSUPPORTED',
    `${file}: ${diagnostics.length} findings in ${nodeCount} nodes`,
    {
      diagnostics,
    },
  );
  const { exitCode, document: errorDocument, text } = presentError(error, false);
  return { document: { ...document, ...errorDocument }, text, exitCode };
}

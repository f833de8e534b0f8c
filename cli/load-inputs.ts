/** `--input FILE …`: one sample, a file for each input of the model. */
import { loadInput } from '../src/data/load-input.ts';
import { UsageError } from '../src/errors.ts';
import type { Artifact } from '../src/program/artifact.ts';
import { sampleTarget } from './batches.ts';
import type { CommandContext } from './command.ts';

/** @throws UsageError for the wrong number of files; ArtifactError for files that do not fit */
export async function loadInputs(
  artifact: Artifact,
  files: readonly string[],
  context: CommandContext,
): Promise<Float32Array[]> {
  const target = sampleTarget(artifact);
  if (files.length !== target.inputs.length) {
    const names = target.inputs.map(({ name }) => name).join(', ');
    throw new UsageError(
      'USAGE',
      `${files.length} input files given, the model has ${target.inputs.length} inputs: ${names}`,
      {
        hint: 'repeat --input, in the order of the model',
      },
    );
  }
  const values: Float32Array[] = [];
  for (const [i, input] of target.inputs.entries()) {
    const loaded = await loadInput(files[i]!, input, target.preprocessing);
    for (const note of loaded.notes) context.note(`${files[i]!}: ${note}`);
    values.push(loaded.values);
  }
  return values;
}

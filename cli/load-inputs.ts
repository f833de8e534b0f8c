/** `--input FILE …`: one sample or, for artifacts that take a batch, up to as many as it holds. */
import { loadInput } from '../src/data/load-input.ts';
import { UsageError } from '../src/errors.ts';
import type { Artifact } from '../src/program/artifact.ts';
import { batchOf, sampleTarget } from './batches.ts';
import type { CommandContext } from './command.ts';

/** What `--input` says about itself. */
export const INPUT_HELP =
  '.png, .jpg, .npy, .pb or .json; once for each input of the model, and so again for each further sample of a batch; ' +
  'arrays may hold several samples, stacked along their first axis';

/**
 * @returns values as [sample][input]
 * @throws UsageError for the wrong number of files; ArtifactError for files that do not fit
 */
export async function loadInputs(
  artifact: Artifact,
  files: readonly string[],
  context: CommandContext,
): Promise<Float32Array[][]> {
  const target = sampleTarget(artifact);
  const arity = target.inputs.length;
  const batch = batchOf(artifact);
  if (files.length % arity !== 0 || files.length > arity * batch) {
    const names = target.inputs.map(({ name }) => name).join(', ');
    throw new UsageError(
      'USAGE',
      `${files.length} input files given, the model has ${arity} inputs: ${names}` +
        (batch > 1 ? `; a batch has ${batch} samples` : ''),
      { hint: 'repeat --input, in the order of the model' },
    );
  }
  const samples: Float32Array[][] = [];
  for (let first = 0; first < files.length; first += arity) {
    const loaded = [];
    for (const [i, input] of target.inputs.entries()) {
      const file = files[first + i]!;
      const one = await loadInput(file, input, target.preprocessing, batch);
      for (const note of one.notes) context.note(`${file}: ${note}`);
      loaded.push(one);
    }
    const count = loaded[0]!.samples;
    if (loaded.some((one) => one.samples !== count) || samples.length + count > batch) {
      const counts = loaded.map((one) => one.samples).join(', ');
      throw new UsageError(
        'USAGE',
        `the input files hold ${counts} samples after ${samples.length} others: expected as many of each input, ${batch} together at most`,
      );
    }
    for (let k = 0; k < count; k++) {
      samples.push(
        loaded.map(({ values }) => {
          const size = values.length / count;
          return values.subarray(k * size, (k + 1) * size);
        }),
      );
    }
  }
  return samples;
}

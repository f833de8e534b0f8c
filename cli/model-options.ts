/** Options that say what a model reads: constants, class names, and how pixels become inputs. */
import { extname } from 'node:path';
import type { Command } from 'commander';
import type { ConstantTensor } from '../src/compiler/ir/tensor-graph.ts';
import { parseNpy } from '../src/data/npy.ts';
import { MAX_INPUT_FILE_BYTES, readBounded } from '../src/data/read-file.ts';
import { parseTensorProto } from '../src/data/tensor-proto.ts';
import { ArtifactError } from '../src/errors.ts';
import type { Preprocessing } from '../src/program/signature.ts';
import { fraction, numberList } from './parse-options.ts';

export interface PreprocessingFlags {
  readonly pixelScale?: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

export function addPreprocessing(command: Command): Command {
  return command
    .option('--pixel-scale <S>', 'x = (pixel·S − mean)/std for images and bytes (default: 1/255)', fraction)
    .option('--mean <M,…>', 'per channel (default: 0)', numberList)
    .option('--std <S,…>', 'per channel (default: 1)', numberList);
}

export function preprocessingOf(
  { pixelScale, mean, std }: PreprocessingFlags,
  defaults: Preprocessing,
): Preprocessing {
  return {
    pixelScale: pixelScale ?? defaults.pixelScale,
    mean: mean ?? defaults.mean,
    std: std ?? defaults.std,
  };
}

/** `--bind INPUT=FILE`: arrays are taken as they are. */
export async function readConstants(
  bindings: readonly (readonly [string, string])[],
): Promise<ReadonlyMap<string, ConstantTensor>> {
  const constants = new Map<string, ConstantTensor>();
  for (const [input, file] of bindings) {
    const extension = extname(file).toLowerCase();
    if (extension !== '.npy' && extension !== '.pb') {
      throw new ArtifactError(
        'INPUT_FORMAT_UNKNOWN',
        `--bind ${input}: ${file} has extension "${extension}", expected .npy or .pb`,
        {
          hint: 'convert the file to one of these',
        },
      );
    }
    const bytes = await readBounded(file, MAX_INPUT_FILE_BYTES, `--bind ${input}`);
    const { shape, type, values } =
      extension === '.npy' ? parseNpy(bytes, file) : parseTensorProto(bytes, file);
    constants.set(input, { shape, type, data: Float64Array.from(values) });
  }
  return constants;
}

/** `--labels FILE`: one class name per line, or a JSON array of strings. */
export async function readLabels(file: string): Promise<readonly string[]> {
  const text = Buffer.from(await readBounded(file, MAX_INPUT_FILE_BYTES, '--labels')).toString('utf8');
  const labels = text.trimStart().startsWith('[')
    ? parseJsonLabels(text, file)
    : text.trimEnd().split(/\r?\n/);
  if (labels.length === 1 && labels[0] === '') {
    throw new ArtifactError('LABELS_INVALID', `--labels: ${file} is empty`, {
      hint: 'write one class name per line',
    });
  }
  return labels.map((label) => label.trim());
}

function parseJsonLabels(text: string, file: string): string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new ArtifactError('LABELS_INVALID', `--labels: ${file} is not valid JSON`, {
      hint: 'write one class name per line',
      cause,
    });
  }
  if (Array.isArray(parsed) && parsed.every((label) => typeof label === 'string')) return parsed;
  throw new ArtifactError('LABELS_INVALID', `--labels: ${file} must be a JSON array of strings`, {
    hint: 'write one class name per line instead',
  });
}

/** A directory of pictures: one subdirectory per class, or flat with a labels.csv, or flat without labels. */
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { ArtifactError } from '../errors.ts';
import type { PictureSource } from './dataset.ts';
import { decodeImage } from './decode-image.ts';
import type { Picture } from './picture.ts';
import { explainFileError, MAX_INPUT_FILE_BYTES, readBounded } from './read-file.ts';

const EXTENSIONS = new Set(['.png', '.jpg', '.jpeg']);
const MAX_DECODED_BYTES = 2 ** 31;

interface LabelledFile {
  readonly path: string;
  readonly label: number | null;
}

/**
 * Decodes at most `limit` pictures. Classes take turns, so that every prefix is balanced.
 * @param classNames class names of the model; folder names and labels are looked up there, or are class indices, or
 * (folders, when no names are known) are numbered in alphabetical order
 * @throws ArtifactError FILE_NOT_FOUND, DATA_EMPTY, LABELS_INVALID, IMAGE_DAMAGED, DATA_TOO_LARGE, …
 */
export async function openImageFolder(
  directory: string,
  classNames: readonly string[],
  limit: number,
): Promise<PictureSource> {
  const files = (await listFiles(directory, classNames)).slice(0, limit);
  const pictures: Picture[] = [];
  const notes = new Set<string>();
  let bytes = 0;
  for (const { path } of files) {
    const decoded = decodeImage(await readBounded(path, MAX_INPUT_FILE_BYTES, 'the picture'), path);
    bytes += decoded.picture.pixels.length;
    if (bytes > MAX_DECODED_BYTES) {
      throw new ArtifactError(
        'DATA_TOO_LARGE',
        `${directory} decodes to more than ${MAX_DECODED_BYTES} bytes`,
        {
          hint: 'use fewer pictures',
        },
      );
    }
    for (const note of decoded.notes) notes.add(note);
    pictures.push(decoded.picture);
  }
  return {
    description: [`images:${directory}`, ...notes].join(', '),
    size: files.length,
    picture: (index) => pictures[index]!,
    label: (index) => files[index]!.label,
    nameOf: (index) => files[index]!.path,
  };
}

async function listFiles(directory: string, classNames: readonly string[]): Promise<LabelledFile[]> {
  const entries = await list(directory);
  if (entries.some((entry) => entry.name === 'labels.csv')) return readLabelFile(directory, classNames);
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  if (folders.length === 0) {
    return picturesIn(entries).map((name) => ({ path: join(directory, name), label: null }));
  }
  const classes = await Promise.all(
    folders.map(async (folder, position) => {
      const label =
        classIndex(folder, classNames) ?? (classNames.length === 0 ? numbered(folders, position) : null);
      if (label === null) throw unknownClass(folder, join(directory, folder), classNames);
      const names = picturesIn(await list(join(directory, folder)));
      return names.map((name) => ({ path: join(directory, folder, name), label }));
    }),
  );
  const longest = Math.max(...classes.map((files) => files.length));
  return Array.from({ length: longest }, (_, k) => classes.flatMap((files) => files.slice(k, k + 1))).flat();
}

/** Lines "file,label"; a first line that names no picture is a heading. */
async function readLabelFile(directory: string, classNames: readonly string[]): Promise<LabelledFile[]> {
  const path = join(directory, 'labels.csv');
  const text = Buffer.from(await readBounded(path, MAX_INPUT_FILE_BYTES, 'the labels')).toString('utf8');
  const rows = text
    .split(/\r?\n/)
    .map((line, number) => ({ line: line.trim(), number: number + 1 }))
    .filter(({ line }) => line !== '');
  const files: LabelledFile[] = [];
  for (const [position, { line, number }] of rows.entries()) {
    const [name, label, ...rest] = line.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
    const isPicture = name !== undefined && EXTENSIONS.has(extname(name).toLowerCase());
    if (!isPicture && position === 0) continue;
    if (!isPicture || label === undefined || rest.length > 0 || basename(name) !== name) {
      throw new ArtifactError('LABELS_INVALID', `${path}, line ${number}: expected "picture.png,label"`, {
        hint: 'name pictures of the same directory, one per line',
      });
    }
    const index = classIndex(label, classNames);
    if (index === null) throw unknownClass(label, `${path}, line ${number}`, classNames);
    files.push({ path: join(directory, name), label: index });
  }
  return files;
}

function classIndex(name: string, classNames: readonly string[]): number | null {
  const named = classNames.indexOf(name);
  if (named >= 0) return named;
  return /^\d{1,6}$/.test(name) ? Number(name) : null;
}

/** Alphabetical numbering holds only if no folder is a number; a mixture is more likely a mistake. */
function numbered(folders: readonly string[], position: number): number | null {
  return folders.some((folder) => /^\d+$/.test(folder)) ? null : position;
}

function unknownClass(name: string, where: string, classNames: readonly string[]): ArtifactError {
  const known =
    classNames.length === 0
      ? 'a class index'
      : `a class index or one of ${classNames.slice(0, 20).join(', ')}`;
  return new ArtifactError('LABELS_INVALID', `${where}: "${name}" is no class, expected ${known}`, {
    hint: 'name folders and labels by class index, or compile with --labels FILE',
  });
}

function picturesIn(entries: readonly Dirent[]): string[] {
  return entries
    .filter((entry) => entry.isFile() && EXTENSIONS.has(extname(entry.name).toLowerCase()))
    .map((entry) => entry.name);
}

async function list(directory: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const order = new Intl.Collator('en', { numeric: true });
    return entries
      .filter((entry) => !entry.name.startsWith('.'))
      .sort((a, b) => order.compare(a.name, b.name));
  } catch (error) {
    throw explainFileError(error, directory, 'the data set');
  }
}

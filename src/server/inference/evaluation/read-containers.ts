/** Keys and ciphertexts out of staged chunks: each file whole, its digest checked, and everything held against the model. */
import type { Artifact } from '../../../program/artifact.ts';
import { ArtifactError } from '../../../errors.ts';
import { sealCiphertextBytes } from '../../../program/memory-model.ts';
import { expectedTensors } from '../../../runtime/evaluation/evaluator.ts';
import type { CiphertextSet } from '../../../runtime/formats/ciphertext-set.ts';
import { parseCiphertextSet, requireTensors } from '../../../runtime/formats/ciphertext-set.ts';
import type { ByteStream } from '../../../runtime/formats/container.ts';
import type {
  EvaluationKeys,
  RefreshSwitchingKeys,
  SwitchingKey,
} from '../../../runtime/formats/evaluation-keys.ts';
import { readEvaluationKeys, requireKeys } from '../../../runtime/formats/evaluation-keys.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { sha256Of } from '../../protocol/identifiers.ts';
import { keyBytes, partsOf, settingOf } from '../key-needs.ts';
import type { FileOfChunks } from './process-protocol.ts';

/** What a serialization adds to the numbers themselves, at most. */
const SERIALIZATION_BYTES = 4096;

/**
 * The union of one or more files, which lets key sets grow beyond what one file can hold.
 * @throws ArtifactError if they do not fit together or do not fit the model
 */
export async function readKeys(
  blobs: BlobStore,
  files: readonly FileOfChunks[],
  artifact: Artifact,
): Promise<EvaluationKeys> {
  const parts: EvaluationKeys[] = [];
  for (const file of files) {
    const { keys, sha256 } = await readEvaluationKeys(await streamOf(blobs, file));
    requireAnnounced(file, Buffer.from(sha256).toString('hex'), 'KEY_INVALID');
    parts.push(keys);
  }
  const [first] = parts;
  if (first === undefined) throw new ArtifactError('KEY_INVALID', 'there are no evaluation keys');
  const rotations = parts.flatMap((part) => part.rotations).toSorted((a, b) => a.step - b.step);
  const relinearization = parts.flatMap((part) => part.relinearization ?? []);
  const refresh = parts.flatMap((part) => part.refresh ?? []);
  const sameOrigin = parts.every(
    (part) =>
      part.keySet === first.keySet &&
      part.parametersDigest === first.parametersDigest &&
      part.scheme === first.scheme,
  );
  const distinct = new Set(rotations.map(({ step }) => step)).size === rotations.length;
  if (!sameOrigin || !distinct || relinearization.length > 1 || refresh.length > 1) {
    throw new ArtifactError('KEY_INVALID', 'the key files do not belong together');
  }
  const keys: EvaluationKeys = {
    ...first,
    rotations,
    relinearization: relinearization[0] ?? null,
    ...(refresh[0] === undefined ? {} : { refresh: refresh[0] }),
  };
  requireKeys(keys, settingOf(artifact), artifact.signature);
  const top = artifact.parameters.dataPrimes.length - 1;
  const switching = [...rotations, ...relinearization, ...refresh.flatMap(asSwitchingKeys)];
  for (const { level, bytes } of switching) {
    // Of a level that the parameters do not have, the evaluator tells.
    const largest = keyBytes(artifact.parameters, Math.min(level, top)) + SERIALIZATION_BYTES;
    if (bytes.length > largest) {
      throw new ArtifactError(
        'KEY_INVALID',
        `a key of ${bytes.length} bytes, these parameters allow ${largest}`,
      );
    }
  }
  return keys;
}

/** Those that raise the modulus are smaller than others of their level. */
function asSwitchingKeys({ conjugation, raise }: RefreshSwitchingKeys): SwitchingKey[] {
  const { level, encapsulation, decapsulation } = raise;
  return [conjugation, ...[encapsulation, decapsulation].map((bytes) => ({ level, bytes }))];
}

/**
 * @throws ArtifactError if they are not what the model takes
 */
export async function readInputs(
  blobs: BlobStore,
  files: readonly FileOfChunks[],
  artifact: Artifact,
): Promise<CiphertextSet> {
  const sets: CiphertextSet[] = [];
  for (const file of files) sets.push(parseCiphertextSet(await readFile(blobs, file)));
  const [first] = sets;
  if (first === undefined) throw new ArtifactError('CIPHERTEXT_INVALID', 'there are no ciphertexts');
  if (sets.some((set) => set.keySet !== first.keySet)) {
    throw new ArtifactError('KEY_SET_MISMATCH', 'the files were encrypted with different keys');
  }
  // Files arrive by name; the model knows the order of its inputs.
  const order = artifact.program.inputs.map(({ name }) => name);
  const tensors = sets
    .flatMap((set) => set.tensors)
    .toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  const set: CiphertextSet = { ...first, tensors };
  requireTensors(set, settingOf(artifact), expectedTensors(artifact.program, artifact.program.inputs));
  for (const { level, ciphertexts } of tensors) {
    const largest =
      partsOf(artifact.parameters) * sealCiphertextBytes(artifact.parameters, level) + SERIALIZATION_BYTES;
    if (ciphertexts.some((bytes) => bytes.length > largest)) {
      throw new ArtifactError(
        'CIPHERTEXT_INVALID',
        `a ciphertext is larger than the ${largest} bytes it can have`,
      );
    }
  }
  return set;
}

async function readFile(blobs: BlobStore, file: FileOfChunks): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (const chunk of file.chunks) pieces.push(await blobs.get(chunk));
  const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  requireAnnounced(file, sha256Of(bytes), 'CIPHERTEXT_INVALID');
  return bytes;
}

/** Chunk by chunk, none of which is held when the next is read. */
async function streamOf(blobs: BlobStore, { chunks }: FileOfChunks): Promise<ByteStream> {
  const sizes = await Promise.all(chunks.map((chunk) => blobs.size(chunk)));
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield blobs.get(chunk);
  }
  return { length: sizes.reduce((sum, size) => sum + size, 0), pieces: pieces() };
}

function requireAnnounced({ sha256 }: FileOfChunks, found: string, code: string): void {
  if (sha256 !== null && found !== sha256) {
    throw new ArtifactError(code, 'a file does not have the SHA-256 that was announced');
  }
}

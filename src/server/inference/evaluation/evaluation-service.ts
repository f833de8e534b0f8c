/**
 * What an evaluation process does: one model, one client's evaluation keys, and the `Evaluator` for them. It holds nothing
 * that decrypts, writes results to the blob store, and ends with the server.
 */
import type { Artifact } from '../../../program/artifact.ts';
import { artifactDigest, decodeArtifact } from '../../../program/codec.ts';
import { multiplicativeDepth } from '../../../program/multiplicative-depth.ts';
import { readBounded } from '../../../data/read-file.ts';
import { ArtifactError, InternalError } from '../../../errors.ts';
import { Evaluator } from '../../../runtime/evaluation/evaluator.ts';
import type { EvaluationProgress } from '../../../runtime/evaluation/load-worker.ts';
import type { CiphertextSet } from '../../../runtime/formats/ciphertext-set.ts';
import { ciphertextSetContainer } from '../../../runtime/formats/ciphertext-set.ts';
import { containerChunks } from '../../../runtime/formats/container.ts';
import { sha256Of } from '../../protocol/identifiers.ts';
import type { Holding } from '../../protocol/translate-error.ts';
import { toToolError } from '../../protocol/translate-error.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { FileBlobStore } from '../../storage/file-blob-store.ts';
import { evaluationBackend } from './evaluation-backend.ts';
import type { EvaluationOutcome, FromProcess, Opening, Order, ToProcess } from './process-protocol.ts';
import { readInputs, readKeys } from './read-containers.ts';

const MAX_ARTIFACT_BYTES = 2047 * 2 ** 20;
/** Progress is for people: no more often than they see. */
const PROGRESS_MS = 100;

interface Ready {
  readonly artifact: Artifact;
  readonly blobs: BlobStore;
  readonly evaluator: Evaluator;
}

/** The end of the channel to the server that a process made by `fork` has. */
export type ServerChannel = Pick<NodeJS.Process, 'on' | 'send' | 'exit'>;

export function serveEvaluations(channel: ServerChannel): void {
  const own = new EvaluationService((message) => {
    // Without a server there is nobody to work for.
    channel.send?.(message, undefined, {}, (error) => {
      if (error !== null) channel.exit(0);
    });
  });
  channel.on('message', (message) => void own.handle(message as ToProcess));
  channel.on('disconnect', () => channel.exit(0));
  // A terminal sends Ctrl-C to everybody; the server decides when its processes end.
  channel.on('SIGINT', () => undefined);
}

class EvaluationService {
  readonly #send: (message: FromProcess) => void;
  #ready: Ready | null = null;
  readonly #cancellations = new Map<number, AbortController>();
  #lastProgress = 0;

  constructor(send: (message: FromProcess) => void) {
    this.#send = send;
  }

  async handle(message: ToProcess): Promise<void> {
    switch (message.kind) {
      case 'open':
        return this.#attempt(null, 'keys', () => this.#open(message.opening));
      case 'evaluate':
        return this.#attempt(message.id, 'ciphertexts', () => this.#evaluate(message.id, message.order));
      case 'cancel':
        this.#cancellations.get(message.id)?.abort();
    }
  }

  async #attempt(id: number | null, holding: Holding, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      const { code, message } = toToolError(error, holding);
      this.#send({ kind: 'failed', id, failure: { code, message } });
    }
  }

  async #open(opening: Opening): Promise<void> {
    const bytes = await readBounded(opening.artifactFile, MAX_ARTIFACT_BYTES, 'the artifact');
    if (artifactDigest(bytes) !== opening.artifactDigest) {
      throw new InternalError('the artifact has changed since the server started');
    }
    const artifact = decodeArtifact(bytes);
    const blobs = new FileBlobStore(opening.blobs.root);
    const keys = await readKeys(blobs, opening.keys, artifact);
    const evaluator = await Evaluator.create(artifact, keys, {
      backend: evaluationBackend(artifact),
      threads: opening.threads,
      maxMemoryMb: opening.evaluatorBytes / 2 ** 20,
      takeKeys: true,
      progress: (now) => this.#progress(null, now),
    });
    this.#ready = { artifact, blobs, evaluator };
    this.#send({ kind: 'opened', memoryBytes: process.memoryUsage.rss(), threads: evaluator.threads });
  }

  async #evaluate(id: number, { inputs, outputKey }: Order): Promise<void> {
    const ready = this.#ready;
    if (ready === null) throw new InternalError('an evaluation was ordered before the keys were loaded');
    const { artifact, blobs, evaluator } = ready;
    const cancellation = new AbortController();
    this.#cancellations.set(id, cancellation);
    try {
      const set = await readInputs(blobs, inputs, artifact);
      const start = performance.now();
      const { outputs } = await evaluator.evaluate(set, {
        signal: cancellation.signal,
        progress: (now) => this.#progress(id, now),
      });
      const inferSeconds = Math.round(performance.now() - start) / 1000;
      const pieces = containerChunks(ciphertextSetContainer(outputs));
      await blobs.put(outputKey, pieces);
      const outcome = outcomeOf(artifact, outputs, pieces, inferSeconds);
      this.#send({ kind: 'done', id, outcome, memoryBytes: process.memoryUsage.rss() });
    } finally {
      this.#cancellations.delete(id);
    }
  }

  #progress(id: number | null, { stage, fraction, layer }: EvaluationProgress): void {
    const now = performance.now();
    if (fraction < 1 && now - this.#lastProgress < PROGRESS_MS) return;
    this.#lastProgress = now;
    this.#send({ kind: 'progress', id, stage, fraction, layer });
  }
}

function outcomeOf(
  { program, signature, report }: Artifact,
  outputs: CiphertextSet,
  pieces: readonly Uint8Array[],
  inferSeconds: number,
): EvaluationOutcome {
  const [first] = outputs.tensors;
  const output = signature.outputs[0];
  if (first === undefined || output === undefined) throw new ArtifactError('ARTIFACT_INVALID', 'no output');
  const bottom = Math.min(...outputs.tensors.map(({ level }) => level));
  return {
    resultBytes: pieces.reduce((sum, piece) => sum + piece.length, 0),
    resultSha256: sha256Of(Buffer.concat(pieces)),
    inferSeconds,
    remainingLevel: bottom,
    scale: first.scale,
    // Only the secret key can measure it: this is what the compiler vouches for.
    noiseBudgetBits: report.integer?.noiseBudgetBits ?? null,
    depthUsed: multiplicativeDepth(program),
    outputShape: output.layout.shape,
  };
}

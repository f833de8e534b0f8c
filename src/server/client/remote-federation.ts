/** The aggregator's part of a federation, call by call. Holds no secret: what is sent was masked, locked or signed by who calls. */
import { z } from 'zod';
import type { Contribution } from '../../federation/encrypted-sum/contribution.ts';
import type {
  Advertisement,
  Confirmation,
  Revelation,
  ShareBox,
} from '../../federation/secure-aggregation/messages.ts';
import { acknowledgement, fileState } from '../protocol/answers.ts';
import {
  describeFederationAnswer,
  modelChunkAnswer,
  rosterAnswer,
  roundAnswer,
  shareBoxes,
  unmaskRequestAnswer,
} from '../protocol/federation-messages.ts';
import { sha256Of } from '../protocol/identifiers.ts';
import { ConnectionFailure } from './connection.ts';
import type { EnrolledCaller } from './enrolled-caller.ts';
import type { OpenedCaller } from './open-enrolled.ts';
import { openEnrolled } from './open-enrolled.ts';
import type { RemoteCaller } from './remote-caller.ts';
import type { RemoteOptions, StepOptions } from './remote-model.ts';
import { RemoteSums } from './remote-sums.ts';
import type { LocalFile } from './upload-file.ts';
import { uploadFiles } from './upload-file.ts';

const MAX_CHUNK_BYTES = 8 * 2 ** 20;
const PARALLEL_UPLOADS = 3;
/** Rounds of asking what is missing: lists of it are cut off. */
const MOST_UPLOAD_ROUNDS = 2048;
/** Larger models than the compiler takes. */
const MOST_MODEL_BYTES = 2 ** 32;

const done = z.looseObject({ ok: z.literal(true) });
const uploadStatus = z.looseObject({ files: z.array(fileState).max(1), max_chunk_bytes: z.int().min(4) });
const roundStatus = z.looseObject({ ...roundAnswer.shape, poll_after_ms: z.int().min(0) });

export type FederationDescription = z.infer<typeof describeFederationAnswer>;
export type RoundStatus = z.infer<typeof roundStatus>;
export type RosterAnswer = z.infer<typeof rosterAnswer>;
export type UnmaskRequest = z.infer<typeof unmaskRequestAnswer>;

export interface FetchedModel {
  readonly version: number;
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

export class RemoteFederation implements AsyncDisposable {
  readonly #caller: RemoteCaller;
  readonly #enrolled: EnrolledCaller;
  readonly #maxChunkBytes: number;
  /** What encrypted sums have besides. */
  readonly sums: RemoteSums;

  static async open(options: RemoteOptions): Promise<RemoteFederation> {
    return new RemoteFederation(options, await openEnrolled(options));
  }

  private constructor(options: RemoteOptions, { caller, enrolled }: OpenedCaller) {
    this.#caller = caller;
    this.#enrolled = enrolled;
    this.sums = new RemoteSums(enrolled);
    this.#maxChunkBytes = options.maxChunkBytes ?? MAX_CHUNK_BYTES;
  }

  describe({ signal }: StepOptions = {}): Promise<FederationDescription> {
    return this.#enrolled.ask('describe_federation', {}, describeFederationAnswer, { signal });
  }

  async join(
    round: number,
    advertisement: Advertisement | Contribution,
    { signal }: StepOptions = {},
  ): Promise<void> {
    await this.#enrolled.call('join_round', { round, advertisement }, done, { signal });
  }

  /** @param waitWhile answered once the round is at another step, or after a while */
  status(
    round: number,
    { signal }: StepOptions = {},
    waitWhile?: RoundStatus['stage'],
  ): Promise<RoundStatus> {
    const args = { round, ...(waitWhile === undefined ? {} : { wait_while: waitWhile }) };
    return this.#enrolled.call('get_round_status', args, roundStatus, { signal });
  }

  roster(round: number, { signal }: StepOptions = {}): Promise<RosterAnswer> {
    return this.#enrolled.call('get_roster', { round }, rosterAnswer, { signal });
  }

  async shareKeys(round: number, boxes: readonly ShareBox[], { signal }: StepOptions = {}): Promise<void> {
    await this.#enrolled.call('upload_key_shares', { round, boxes }, done, { signal });
  }

  async keyShares(round: number, { signal }: StepOptions = {}): Promise<readonly ShareBox[]> {
    const answer = z.looseObject({ boxes: shareBoxes });
    return (await this.#enrolled.call('get_key_shares', { round }, answer, { signal })).boxes;
  }

  /** Sends what the aggregator has not, and commits. May be called again for the same file. */
  async upload(round: number, file: LocalFile, { signal, progress }: StepOptions = {}): Promise<void> {
    for (let left = MOST_UPLOAD_ROUNDS; ; left--) {
      const status = await this.#enrolled.call('get_upload_status', { round }, uploadStatus, { signal });
      const [known] = status.files;
      if (known !== undefined && known.total_chunks > 0 && known.missing.length === 0) break;
      if (left === 0)
        throw new ConnectionFailure('the aggregator asks again for what it has been sent', true);
      const limit = Math.min(status.max_chunk_bytes, this.#maxChunkBytes);
      let sent = 0;
      await uploadFiles(
        [file],
        status.files,
        // Chunks hold whole elements.
        { chunkBytes: limit - (limit % 4), parallel: PARALLEL_UPLOADS },
        async ({ index, total, bytes, sha256 }) => {
          const chunk_b64 = bytes.toString('base64');
          const chunk = { chunk_index: index, total_chunks: total, chunk_b64, chunk_sha256: sha256 };
          await this.#enrolled.call('upload_update_chunk', { round, ...chunk }, acknowledgement, { signal });
        },
        (bytes) => {
          sent += bytes;
          progress?.(sent / file.bytes);
        },
      );
    }
    const { sha256, bytes } = file;
    await this.#enrolled.call('commit_update', { round, sha256, bytes }, done, { signal });
  }

  unmaskRequest(round: number, { signal }: StepOptions = {}): Promise<UnmaskRequest> {
    return this.#enrolled.call('get_unmask_request', { round }, unmaskRequestAnswer, { signal });
  }

  async confirm(round: number, confirmation: Confirmation, { signal }: StepOptions = {}): Promise<void> {
    await this.#enrolled.call('confirm_survivors', { round, confirmation }, done, { signal });
  }

  async reveal(round: number, revelation: Revelation, { signal }: StepOptions = {}): Promise<void> {
    await this.#enrolled.call('reveal_shares', { round, revelation }, done, { signal });
  }

  /** @param version default: the latest */
  async fetchModel(
    version: number | undefined,
    { signal, progress }: StepOptions = {},
  ): Promise<FetchedModel> {
    const chunks: Buffer[] = [];
    let left = MOST_MODEL_BYTES;
    for (let index = 0, total = 1, at = version; index < total; index++) {
      const args = { chunk_index: index, ...(at === undefined ? {} : { version: at }) };
      const answer = await this.#enrolled.call('get_global_model', args, modelChunkAnswer, { signal });
      const chunk = Buffer.from(answer.chunk_b64, 'base64');
      left -= chunk.length;
      if (chunk.length === 0 || left < 0) throw notAnnounced();
      chunks.push(chunk);
      ({ total_chunks: total, version: at } = answer);
      progress?.((index + 1) / total);
      if (index + 1 < total) continue;
      const bytes = Buffer.concat(chunks);
      if (bytes.length !== answer.bytes || sha256Of(bytes) !== answer.sha256) throw notAnnounced();
      return { version: answer.version, sha256: answer.sha256, bytes };
    }
    throw notAnnounced();
  }

  /** The owner's calls. */
  async own<T>(tool: string, args: Readonly<Record<string, unknown>>, answer: z.ZodType<T>): Promise<T> {
    return this.#enrolled.call(tool, args, answer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#caller[Symbol.asyncDispose]();
  }
}

function notAnnounced(): ConnectionFailure {
  return new ConnectionFailure('the global model is not the one that was announced', true);
}

/**
 * Blobs as objects of a store that speaks S3. It needs what all of them have: no conditional writes, no deletes of several at once, no checksums
 * beyond MD5, strong consistency after a write. A value is one object, and is there as a whole or not at all: large ones come in parts, which
 * nobody sees until they are joined.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'node:https';
import { InternalError } from '../../../errors.ts';
import { checkedKey } from '../blob-key.ts';
import type { BlobStore } from '../blob-store.ts';
import { optionalPackage } from '../optional-package.ts';
import { putInParts } from './multipart-upload.ts';
import type { S3Client, S3Object, S3Sdk } from './multipart-upload.ts';
import type { S3Place } from './s3-address.ts';
import { readS3Address } from './s3-address.ts';
import { isBeyondEnd, isForAWhile, isNothing, isUploadGone, translateS3Error } from './s3-errors.ts';

const MIB = 2 ** 20;
/** Of one put; what is larger comes in parts. */
const WHOLE_BYTES = 16 * MIB;
const DELETES_AT_ONCE = 16;

const CONNECT_MS = 10_000;
/** Without a byte in either direction. */
const IDLE_MS = 30_000;
const CONNECTIONS = 64;
const PAUSE_MS = 250;
/** How long a store that is not there is waited for: within that it restarts. */
const PATIENCE_MS = 20_000;

export interface S3Options {
  readonly environment?: NodeJS.ProcessEnv;
  readonly patienceMs?: number;
  readonly idleMs?: number;
}

export class S3BlobStore implements BlobStore, Disposable {
  readonly #sdk: S3Sdk;
  readonly #client: S3Client;
  readonly #place: S3Place;
  readonly #patienceMs: number;

  /**
   * @param address as in s3-address.ts
   * @throws UsageError OBJECT_STORE_ADDRESS_INVALID, PACKAGE_MISSING; BackendError OBJECT_STORE_REFUSED, OBJECT_STORE_UNAVAILABLE
   */
  static async open(
    address: string,
    { environment, patienceMs = PATIENCE_MS, idleMs = IDLE_MS }: S3Options = {},
  ): Promise<S3BlobStore> {
    const place = await readS3Address(address, environment);
    const name = '@aws-sdk/client-s3';
    const sdk = await optionalPackage(name, 'blobs in S3', () => import('@aws-sdk/client-s3'));
    const store = new S3BlobStore(sdk, place, patienceMs, idleMs);
    try {
      // What the bucket lets us do shows here: reading its list is among what is needed.
      await store.list('-');
      return store;
    } catch (error) {
      store[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(sdk: S3Sdk, place: S3Place, patienceMs: number, idleMs: number) {
    const { endpoint, region, pathStyle, authorities } = place;
    this.#sdk = sdk;
    this.#place = place;
    this.#patienceMs = patienceMs;
    this.#client = new sdk.S3Client({
      region,
      forcePathStyle: pathStyle,
      ...(endpoint === null ? {} : { endpoint }),
      // Checksums that came later are unknown to many stores.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // Tried again below, for as long as a store takes to come back.
      maxAttempts: 1,
      requestHandler: {
        connectionTimeout: CONNECT_MS,
        // Not requestTimeout, which ends slow uploads that make progress, and does not watch over what is read of an answer.
        socketTimeout: idleMs,
        httpsAgent: new Agent({
          keepAlive: true,
          maxSockets: CONNECTIONS,
          ...(authorities === null ? {} : { ca: authorities }),
        }),
        httpAgent: { keepAlive: true, maxSockets: CONNECTIONS },
      },
    });
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }

  async put(key: string, pieces: readonly Uint8Array[]): Promise<void> {
    const object = this.#object(key);
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    if (bytes > WHOLE_BYTES) {
      const way = { sdk: this.#sdk, client: this.#client };
      return putInParts({ ...way, patiently: (request) => this.#patiently(request) }, object, pieces, bytes);
    }
    const Body = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    await this.#patiently(() => this.#client.send(new this.#sdk.PutObjectCommand({ ...object, Body })));
  }

  async get(key: string): Promise<Uint8Array> {
    return this.#read(key, undefined);
  }

  async getRange(key: string, start: number, length: number): Promise<Uint8Array> {
    const outside = new InternalError(
      `bytes ${start} to ${start + length} of the blob ${key} cannot be read`,
    );
    if (length === 0) {
      if (start > (await this.size(key))) throw outside;
      return new Uint8Array(0);
    }
    const bytes = await this.#read(key, `bytes=${start}-${start + length - 1}`).catch((error: unknown) => {
      throw isBeyondEnd(error) ? outside : error;
    });
    if (bytes.length !== length) throw outside;
    return bytes;
  }

  async size(key: string): Promise<number> {
    const size = await this.#head(key);
    if (size === null) throw new InternalError(`the blob ${key} cannot be read`);
    return size;
  }

  async has(key: string): Promise<boolean> {
    return (await this.#head(key)) !== null;
  }

  async delete(key: string): Promise<void> {
    await this.#remove(this.#object(key));
  }

  async deleteAll(prefix: string): Promise<void> {
    await this.delete(prefix);
    const { Bucket, Key } = this.#object(prefix);
    for await (const { Contents = [] } of this.#pages({ Bucket, Prefix: `${Key}/` })) {
      const rest = Contents.values();
      const next = async (): Promise<void> => {
        for (const object of rest) await this.#remove({ Bucket, Key: object.Key! });
      };
      await Promise.all(Array.from({ length: DELETES_AT_ONCE }, next));
    }
  }

  async list(prefix: string): Promise<string[]> {
    const { Bucket, Key } = this.#object(prefix);
    const below = `${Key}/`;
    const names = new Set<string>();
    for await (const page of this.#pages({ Bucket, Prefix: below, Delimiter: '/' })) {
      for (const object of page.Contents ?? []) names.add(object.Key!.slice(below.length));
      for (const common of page.CommonPrefixes ?? []) names.add(common.Prefix!.slice(below.length, -1));
    }
    return [...names].sort();
  }

  #object(key: string): S3Object {
    return { Bucket: this.#place.bucket, Key: this.#place.prefix + checkedKey(key) };
  }

  /** Its bytes; null if there is nothing. */
  async #head(key: string): Promise<number | null> {
    const object = this.#object(key);
    try {
      const head = await this.#patiently(() => this.#client.send(new this.#sdk.HeadObjectCommand(object)));
      return head.ContentLength ?? 0;
    } catch (error) {
      if (isNothing(error)) return null;
      throw error;
    }
  }

  async #read(key: string, range: string | undefined): Promise<Uint8Array> {
    const object = this.#object(key);
    const command = new this.#sdk.GetObjectCommand({
      ...object,
      ...(range === undefined ? {} : { Range: range }),
    });
    try {
      return await this.#patiently(async () => {
        const { Body, ContentLength } = await this.#client.send(command);
        const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array(0);
        if (ContentLength !== undefined && bytes.length !== ContentLength)
          throw new Error('closed before the end');
        return bytes;
      });
    } catch (error) {
      if (isNothing(error)) throw new InternalError(`the blob ${key} cannot be read`);
      throw error;
    }
  }

  async #remove(object: S3Object): Promise<void> {
    try {
      await this.#patiently(() => this.#client.send(new this.#sdk.DeleteObjectCommand(object)));
    } catch (error) {
      if (!isNothing(error)) throw error;
    }
  }

  async *#pages(
    wanted: import('@aws-sdk/client-s3').ListObjectsV2CommandInput,
  ): AsyncGenerator<import('@aws-sdk/client-s3').ListObjectsV2CommandOutput> {
    for (let token: string | undefined; ;) {
      const command = new this.#sdk.ListObjectsV2Command({
        ...wanted,
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      const page = await this.#patiently(() => this.#client.send(command));
      yield page;
      if (page.IsTruncated !== true) return;
      token = page.NextContinuationToken;
    }
  }

  /** Again for as long as a store takes to come back. What it throws is translated, but for what says that there is nothing. */
  async #patiently<T>(request: () => Promise<T>): Promise<T> {
    for (const deadline = performance.now() + this.#patienceMs; ;) {
      try {
        return await request();
      } catch (error) {
        if (isNothing(error) || isBeyondEnd(error) || isUploadGone(error)) throw error;
        if (!isForAWhile(error) || performance.now() > deadline) throw translateS3Error(error);
        await sleep(PAUSE_MS * (0.5 + Math.random()));
      }
    }
  }
}

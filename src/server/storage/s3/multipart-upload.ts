/** A large value in parts, which nobody sees until they are joined: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html */
import { inParts } from '../value-parts.ts';
import { isUploadGone, translateS3Error } from './s3-errors.ts';

export type S3Sdk = typeof import('@aws-sdk/client-s3');
export type S3Client = InstanceType<S3Sdk['S3Client']>;

export interface S3Object {
  readonly Bucket: string;
  readonly Key: string;
}

/** The way to a store. */
export interface S3Way {
  readonly sdk: S3Sdk;
  readonly client: S3Client;
  /** A request, again for as long as a store takes to come back. */
  readonly patiently: <T>(request: () => Promise<T>) => Promise<T>;
}

const PART_BYTES = 8 * 2 ** 20;
const MOST_PARTS = 10_000;
const PARTS_AT_ONCE = 4;
/** An upload whose parts somebody removed is begun anew. */
const UPLOADS = 3;

/** @param bytes of all pieces */
export async function putInParts(
  way: S3Way,
  object: S3Object,
  pieces: readonly Uint8Array[],
  bytes: number,
): Promise<void> {
  const partBytes = Math.max(PART_BYTES, Math.ceil(bytes / MOST_PARTS));
  for (let attempt = 1; ; attempt++) {
    try {
      return await upload(way, object, inParts(pieces, partBytes));
    } catch (error) {
      if (!isUploadGone(error) || attempt === UPLOADS) throw translateS3Error(error);
    }
  }
}

async function upload(
  { sdk, client, patiently }: S3Way,
  object: S3Object,
  rest: Iterable<Uint8Array>,
): Promise<void> {
  const { UploadId } = await patiently(() => client.send(new sdk.CreateMultipartUploadCommand(object)));
  const begun = { ...object, UploadId };
  const parts: { PartNumber: number; ETag: string | undefined }[] = [];
  let count = 0;
  let failed = false;
  const next = async (): Promise<void> => {
    for (const Body of rest) {
      const PartNumber = ++count;
      const part = new sdk.UploadPartCommand({ ...begun, PartNumber, Body });
      const { ETag } = await patiently(() => client.send(part));
      parts.push({ PartNumber, ETag });
      if (failed) return;
    }
  };
  try {
    await allEnded(Array.from({ length: PARTS_AT_ONCE }, next), () => (failed = true));
    const Parts = parts.sort((a, b) => a.PartNumber - b.PartNumber);
    const complete = new sdk.CompleteMultipartUploadCommand({ ...begun, MultipartUpload: { Parts } });
    await patiently(() => client.send(complete));
  } catch (error) {
    // Where this fails, too, parts are left to the rule of the bucket that removes them after a while.
    await client.send(new sdk.AbortMultipartUploadCommand(begun)).catch(() => undefined);
    throw error;
  }
}

/** All have ended when it resolves or throws the first error. */
async function allEnded(all: readonly Promise<void>[], onFailure: () => void): Promise<void> {
  const ends = await Promise.allSettled(
    all.map((one) =>
      one.catch((error: unknown) => {
        onFailure();
        throw error;
      }),
    ),
  );
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/**
 * Errors of an object store and of the way to it → ours. Of what a store says, only the code goes on: its messages can name keys, and
 * what was signed.
 */
import { BackendError, HeError, InternalError } from '../../../errors.ts';
import { NETWORK_ERRORS } from '../network-errors.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and what stores say by the status alone. */
const NOTHING_THERE = ['NoSuchKey', 'NotFound', '404'];
const UPLOAD_GONE = ['NoSuchUpload', 'InvalidPart'];
const REFUSALS = [
  'AccessDenied',
  'AllAccessDisabled',
  'Forbidden',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'InvalidToken',
  'Unauthorized',
  'CredentialsProviderError',
  'PermanentRedirect',
  'AuthorizationHeaderMalformed',
];
const FULL = ['InsufficientStorage', 'QuotaExceeded', 'XMinioStorageFull', 'ServiceQuotaExceededException'];
/** For a while: the same request may go through. */
const BUSY = [
  'SlowDown',
  'RequestTimeout',
  'ServiceUnavailable',
  'InternalError',
  'OperationAborted',
  'TimeoutError',
  ...NETWORK_ERRORS,
];
const BUSY_STATUS = [408, 429, 500, 502, 503, 504];
const CERTIFICATE = /CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO_|EPROTO/;
const ENDED = /socket hang up|aborted|terminated|closed before/i;

/** There is no such object. */
export function isNothing(error: unknown): boolean {
  return NOTHING_THERE.includes(codeOf(error));
}

export function isBeyondEnd(error: unknown): boolean {
  return codeOf(error) === 'InvalidRange' || statusOf(error) === 416;
}

/** An upload in parts was completed already, or removed by whoever tidies up. */
export function isUploadGone(error: unknown): boolean {
  return UPLOAD_GONE.includes(codeOf(error));
}

/** The same request may go through in a moment. */
export function isForAWhile(error: unknown): boolean {
  if (error instanceof HeError) return false;
  if (BUSY.includes(codeOf(error)) || BUSY_STATUS.includes(statusOf(error))) return true;
  return error instanceof Error && ENDED.test(error.message);
}

/** @returns what to throw for it; errors of ours as they are */
export function translateS3Error(error: unknown): unknown {
  if (error instanceof HeError) return error;
  const code = codeOf(error);
  // The error itself may hold headers, and thereby who asked.
  const cause = new Error(`S3: ${code === '' ? 'no code' : code}`);
  if (code === 'NoSuchBucket') {
    return new BackendError('OBJECT_STORE_REFUSED', 'the object store has no such bucket', {
      hint: 'make the bucket that the address names, or name another one',
      cause,
    });
  }
  if (FULL.includes(code) || statusOf(error) === 507) {
    return new BackendError('STORAGE_FULL', 'there is no room in the object store', {
      hint: 'make room there, or have its quota raised',
      cause,
    });
  }
  if (CERTIFICATE.test(code)) {
    return new BackendError('OBJECT_STORE_REFUSED', 'the object store does not prove who it is', {
      hint: 'name the authority of its certificate with ca-file in the address, and the host as the certificate does',
      cause,
    });
  }
  if (REFUSALS.includes(code) || [301, 401, 403].includes(statusOf(error))) {
    return new BackendError('OBJECT_STORE_REFUSED', `the object store refuses: ${code}`, {
      hint: 'check credentials, region, and what they may do with the bucket; see docs/operating.md',
      cause,
    });
  }
  if (isForAWhile(error)) {
    return new BackendError(
      'OBJECT_STORE_UNAVAILABLE',
      `the object store cannot be reached, or does not answer (${code || 'connection lost'})`,
      {
        hint: 'try again later; if it stays so, check that the object store runs and can be reached from here',
        cause,
      },
    );
  }
  if (!(error instanceof Error) || code === '') return error;
  return new InternalError(`the object store failed with ${code}`, { cause });
}

/** Node's code where there is one, since the SDK gives those errors names of their own. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string') return code;
  // "UnknownError" is what the SDK calls what came without a body: then the status is all there is.
  const { name } = error;
  return name === 'Error' || name === 'UnknownError' || name === 'Unknown' ? statusText(error) : name;
}

function statusText(error: unknown): string {
  const status = statusOf(error);
  return status === 0 ? '' : String(status);
}

function statusOf(error: unknown): number {
  const metadata = (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata;
  return metadata?.httpStatusCode ?? 0;
}

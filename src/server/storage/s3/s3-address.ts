/**
 * Where blobs lie in an object store that speaks S3: `s3://BUCKET/PREFIX?PARAMETERS`.
 *
 *   endpoint        https://HOST:PORT of a store that is not Amazon's
 *   region          left out: AWS_REGION, else us-east-1
 *   path-style      true: the bucket is a part of the path, false: of the host's name. Left out: true with an endpoint, else false
 *   ca-file         authorities in PEM; left out: those that Node knows
 *   plain-http      true: an endpoint http://… on another machine. On this machine's own addresses it needs no leave
 *
 * Credentials are looked for as AWS's own tools do: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the file that AWS_SHARED_CREDENTIALS_FILE
 * names, the role of a container or machine. They are never a part of the address.
 */
import { readFile } from 'node:fs/promises';
import { UsageError } from '../../../errors.ts';
import { checkedKey } from '../blob-key.ts';
import { isOwnAddress } from '../own-address.ts';

const PARAMETERS = ['endpoint', 'region', 'path-style', 'ca-file', 'plain-http'];
const DEFAULT_REGION = 'us-east-1';
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const REGION = /^[a-z0-9-]{1,40}$/i;

export interface S3Place {
  readonly bucket: string;
  /** In front of every key: empty, or with a "/" at its end. */
  readonly prefix: string;
  /** Null: Amazon's, of the region. */
  readonly endpoint: string | null;
  readonly region: string;
  readonly pathStyle: boolean;
  /** In PEM. */
  readonly authorities: string | null;
}

export function isS3Address(address: string): boolean {
  return /^s3:/i.test(address);
}

/** @throws UsageError OBJECT_STORE_ADDRESS_INVALID */
export async function readS3Address(
  address: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<S3Place> {
  if (!URL.canParse(address)) throw invalid('it is no URL');
  const url = new URL(address);
  if (url.protocol !== 's3:') throw invalid('it does not begin with s3://');
  if (url.username !== '' || url.password !== '')
    throw invalid('credentials are no part of it, but of the environment');
  if (url.port !== '' || url.hash !== '') throw invalid('it has a port or a fragment');
  for (const name of url.searchParams.keys()) {
    if (!PARAMETERS.includes(name))
      throw invalid(`it has a parameter "${name}", and may have ${PARAMETERS.join(', ')}`);
    if (url.searchParams.getAll(name).length > 1) throw invalid(`it has "${name}" twice`);
  }
  const parameter = (name: string): string | null => url.searchParams.get(name);
  const truth = (name: string): boolean | null => {
    const given = parameter(name);
    if (given !== null && given !== 'true' && given !== 'false')
      throw invalid(`its ${name} is neither true nor false`);
    return given === null ? null : given === 'true';
  };
  if (!BUCKET.test(url.hostname)) throw invalid('it names no bucket');
  const endpoint = endpointOf(parameter('endpoint'), truth('plain-http') ?? false);
  const region = parameter('region') ?? (environment['AWS_REGION'] || DEFAULT_REGION);
  if (!REGION.test(region)) throw invalid('its region is none');
  return {
    bucket: url.hostname,
    prefix: prefixOf(url.pathname),
    endpoint,
    region,
    pathStyle: truth('path-style') ?? endpoint !== null,
    authorities: await authoritiesOf(parameter('ca-file')),
  };
}

function endpointOf(given: string | null, plainHttp: boolean): string | null {
  if (given === null) return null;
  if (!URL.canParse(given)) throw invalid('its endpoint is no URL');
  const { protocol, hostname, host, username, password, pathname, search, hash } = new URL(given);
  if (protocol !== 'https:' && protocol !== 'http:') throw invalid('its endpoint is not https://…');
  if (username + password + search + hash !== '' || pathname !== '/')
    throw invalid('its endpoint is more than https://HOST:PORT');
  if (protocol === 'http:' && !plainHttp && !isOwnAddress(hostname.replace(/^\[(.*)\]$/, '$1')))
    throw invalid('its endpoint is plain http on another machine; plain-http=true allows it');
  return `${protocol}//${host}`;
}

function prefixOf(path: string): string {
  const prefix = path.replace(/^\/|\/$/g, '');
  if (prefix === '') return '';
  try {
    return `${checkedKey(prefix)}/`;
  } catch (cause) {
    throw invalid('its prefix is no path of letters, digits, "_", "." and "-"', cause);
  }
}

async function authoritiesOf(file: string | null): Promise<string | null> {
  if (file === null) return null;
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw invalid('the file of its ca-file cannot be read', cause);
  });
}

function invalid(why: string, cause?: unknown): UsageError {
  return new UsageError(
    'OBJECT_STORE_ADDRESS_INVALID',
    `the address of the object store cannot be used: ${why}`,
    {
      hint: 's3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION; see docs/operating.md',
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

/**
 * Where a PostgreSQL database is: `postgres://USER@HOST:PORT/DATABASE?PARAMETERS`.
 *
 *   sslmode         disable, require (encrypted; the server is not identified unless sslrootcert is given), verify-ca, verify-full.
 *                   Left out: verify-full, and nothing on this machine's own addresses. Never a silent fall back to plain text
 *   sslrootcert     file of authorities in PEM; left out: those that Node knows
 *   sslcert, sslkey files of a client's certificate and key
 *   host            folder of a Unix socket
 *   max_connections of this process, 1 to 100; 10
 *
 * The password comes from the file that HE_COMPILE_DATABASE_PASSWORD_FILE names (read again for every connection, so that it can be
 * changed while servers run), else from the URL, else from PGPASSWORD, else from ~/.pgpass. A URL with a password is
 * for the environment: arguments are seen by everybody on a machine.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { UsageError } from '../../../errors.ts';
import { readCredential } from '../credential-file.ts';
import { isOwnAddress } from '../own-address.ts';

const DEFAULT_PORT = 5432;
const DEFAULT_CONNECTIONS = 10;
const MOST_CONNECTIONS = 100;
const PASSWORD_FILE = 'HE_COMPILE_DATABASE_PASSWORD_FILE';
const PARAMETERS = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'host', 'max_connections'];
const MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;

type TlsMode = (typeof MODES)[number];

/** What `pg` connects with. */
export interface PostgresConnection {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** Left out: as `pg` has it (PGUSER, or the user of this process). */
  readonly user?: string;
  readonly password?: string | (() => Promise<string>);
  readonly ssl: false | ConnectionOptions;
  readonly maxConnections: number;
}

/**
 * @throws UsageError DATABASE_ADDRESS_INVALID, without the address in its message, which may hold a password; SECRET_UNREADABLE
 */
export async function readPostgresAddress(
  address: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<PostgresConnection> {
  const url = parse(address);
  const parameter = (name: string): string | null => url.searchParams.get(name);
  for (const name of url.searchParams.keys()) {
    if (!PARAMETERS.includes(name))
      throw invalid(`it has a parameter "${name}", and may have ${PARAMETERS.join(', ')}`);
  }
  const host = parameter('host') ?? unbracketed(decoded(url.hostname));
  if (host === '') throw invalid('it names no host');
  const database = decoded(url.pathname.slice(1));
  if (database === '' || database.includes('/')) throw invalid('it names no database');
  const password = await passwordOf(url, environment);
  return {
    host,
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    database,
    ...(url.username === '' ? {} : { user: decoded(url.username) }),
    ...(password === undefined ? {} : { password }),
    ssl: await tlsOptions(tlsMode(parameter('sslmode'), host), host, parameter),
    maxConnections: connections(parameter('max_connections')),
  };
}

function parse(address: string): URL {
  if (!URL.canParse(address)) throw invalid('it is no URL');
  const url = new URL(address);
  if (!['postgres:', 'postgresql:'].includes(url.protocol))
    throw invalid('it does not begin with postgres://');
  if (url.hash !== '') throw invalid('it has a fragment; in passwords, "#" is written %23');
  return url;
}

async function passwordOf(url: URL, environment: NodeJS.ProcessEnv): Promise<PostgresConnection['password']> {
  const file = environment[PASSWORD_FILE];
  if (file !== undefined && file !== '') {
    // Says at once what is wrong with it.
    await readCredential(PASSWORD_FILE, file);
    return () => readCredential(PASSWORD_FILE, file);
  }
  return url.password === '' ? undefined : decoded(url.password);
}

function tlsMode(given: string | null, host: string): TlsMode {
  if (given === null) return isOwnAddress(host) ? 'disable' : 'verify-full';
  const mode = MODES.find((mode) => mode === given);
  if (mode === undefined) throw invalid(`its sslmode is none of ${MODES.join(', ')}`);
  return mode;
}

async function tlsOptions(
  mode: TlsMode,
  host: string,
  parameter: (name: string) => string | null,
): Promise<PostgresConnection['ssl']> {
  if (mode === 'disable') return false;
  const file = async (name: string): Promise<string | undefined> => {
    const path = parameter(name);
    if (path === null) return undefined;
    return readFile(path, 'utf8').catch((cause: unknown) => {
      throw invalid(`the file of its ${name} cannot be read`, cause);
    });
  };
  const [ca, cert, key] = [await file('sslrootcert'), await file('sslcert'), await file('sslkey')];
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    // Names may be asked for by themselves; for addresses there is no server name to send.
    ...(isIP(host) === 0 && !host.startsWith('/') ? { servername: host } : {}),
    // As libpq has it: with authorities at hand, "require" holds the certificate against them.
    rejectUnauthorized: mode !== 'require' || ca !== undefined,
    ...(mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  };
}

function connections(given: string | null): number {
  const count = given === null ? DEFAULT_CONNECTIONS : Number(given);
  if (!Number.isInteger(count) || count < 1 || count > MOST_CONNECTIONS)
    throw invalid(`its max_connections is no number from 1 to ${MOST_CONNECTIONS}`);
  return count;
}

function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid('it has a "%" that begins no escape; written %25');
  }
}

function invalid(why: string, cause?: unknown): UsageError {
  return new UsageError('DATABASE_ADDRESS_INVALID', `the address of the database cannot be used: ${why}`, {
    hint: 'postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE; see docs/operating.md',
    ...(cause === undefined ? {} : { cause }),
  });
}

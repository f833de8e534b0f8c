/** PostgreSQL of this machine's packages as a server on loopback, with a folder of its own that goes with it. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TLS_CERTIFICATE, TLS_KEY } from '../../testing/certificates.ts';
import { freePorts, listens, LoopbackProcess } from './loopback-process.ts';

const run = promisify(execFile);
/** Where Debian has them: a folder for each version. */
const VERSIONS = '/usr/lib/postgresql';
/** The server does not run as root; packages make this user. */
const SYSTEM_USER = 'postgres';
const USER = 'he';
/** With what a URL has to escape. */
const PASSWORD = 'not@secret/%';
const DATABASE = 'he';
/** To a statement of a test. */
const ANSWER_MS = 10_000;

export interface PostgresOptions {
  /** With a certificate that vouches for itself, in `certificateFile`; without TLS nobody is let in then. */
  readonly tls?: boolean;
}

/** Why there is none here; null where there is. Continuous integration installs it, and must have it. */
export function postgresMissing(): string | null {
  if (binaries() !== null) return null;
  if (process.env['CI'] !== undefined)
    throw new Error('no PostgreSQL: run scripts/install-cluster-services.sh');
  return 'PostgreSQL is not installed: scripts/install-cluster-services.sh';
}

export class PostgresServer implements AsyncDisposable {
  readonly port: number;
  /** For `sslrootcert`, with TLS. */
  readonly certificateFile: string;
  readonly #folder: string;
  readonly #tls: boolean;
  readonly #owner: { uid: number; gid: number } | undefined;
  #process: LoopbackProcess;

  static async start({ tls = false }: PostgresOptions = {}): Promise<PostgresServer> {
    const folder = await mkdtemp(join(tmpdir(), 'he-compile-postgres-'));
    const owner = process.getuid?.() === 0 ? await systemUser() : undefined;
    const own = async (file: string, mode: number): Promise<void> => {
      await chmod(file, mode);
      if (owner !== undefined) await chown(file, owner.uid, owner.gid);
    };
    await own(folder, 0o700);
    const files = [
      ['password', `${PASSWORD}\n`],
      ['server.crt', TLS_CERTIFICATE],
      ['server.key', TLS_KEY],
    ] as const;
    for (const [name, text] of files) {
      await writeFile(join(folder, name), text);
      await own(join(folder, name), 0o600);
    }
    await run(
      join(binaries()!, 'initdb'),
      [
        ...['--pgdata', join(folder, 'data'), '--username', USER, '--pwfile', join(folder, 'password')],
        ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C.UTF-8'],
      ],
      { ...owner, cwd: folder },
    );
    if (tls) {
      const rule = 'hostssl all all 127.0.0.1/32 scram-sha-256\n';
      await writeFile(join(folder, 'data/pg_hba.conf'), rule);
    }
    const [port = 0] = await freePorts(1);
    const server = new PostgresServer(folder, port, tls, owner);
    await server.#ready();
    await server.query(`CREATE DATABASE ${DATABASE}`, 'postgres');
    return server;
  }

  private constructor(
    folder: string,
    port: number,
    tls: boolean,
    owner: { uid: number; gid: number } | undefined,
  ) {
    this.#folder = folder;
    this.port = port;
    this.#tls = tls;
    this.#owner = owner;
    this.certificateFile = join(folder, 'server.crt');
    this.#process = this.#spawn();
  }

  /** Of an empty database, and of a user who may do everything. */
  get address(): string {
    return this.addressOf(DATABASE);
  }

  get password(): string {
    return PASSWORD;
  }

  addressOf(database: string, user = USER, password = PASSWORD): string {
    const tls = this.#tls
      ? `?sslmode=verify-full&sslrootcert=${encodeURIComponent(this.certificateFile)}`
      : '';
    return `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${this.port}/${database}${tls}`;
  }

  /** One statement, as the user who may do everything. */
  async query(sql: string, database = DATABASE): Promise<Record<string, unknown>[]> {
    const { default: pg } = await import('pg');
    const client = new pg.Client({
      host: '127.0.0.1',
      ...{ port: this.port, user: USER, password: PASSWORD, database },
      ssl: this.#tls ? { rejectUnauthorized: false } : false,
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
    });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** SIGKILL to the server; its processes notice and end. */
  async kill(): Promise<void> {
    await this.#process.end('SIGKILL');
  }

  /** A fast shutdown: connections are ended. */
  async stop(): Promise<void> {
    await this.#process.end('SIGINT');
  }

  /** Neither answers nor ends, until `resume`. */
  suspend(): void {
    this.#process.signal('SIGSTOP');
  }

  resume(): void {
    this.#process.signal('SIGCONT');
  }

  /** At the same port, with the same data. */
  async restart(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      this.#process = this.#spawn();
      try {
        return await this.#ready();
      } catch (error) {
        // Processes of the server that was killed may hold its memory for a moment.
        if (attempt === 20) throw error;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.signal('SIGCONT');
    await this.#process.end('SIGINT');
    await rm(this.#folder, { recursive: true, force: true });
  }

  #spawn(): LoopbackProcess {
    const settings = [
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'shared_buffers=32MB',
      'log_min_messages=fatal',
      ...(this.#tls
        ? ['ssl=on', `ssl_cert_file=${this.certificateFile}`, `ssl_key_file=${this.#folder}/server.key`]
        : []),
    ];
    return new LoopbackProcess(
      join(binaries()!, 'postgres'),
      [
        '-D',
        join(this.#folder, 'data'),
        '-p',
        String(this.port),
        ...settings.flatMap((setting) => ['-c', setting]),
      ],
      join(this.#folder, 'log'),
      { ...this.#owner, cwd: this.#folder },
    );
  }

  /** It listens before it lets anybody in. */
  async #ready(): Promise<void> {
    await this.#process.ready(
      async () =>
        (await listens(this.port)) &&
        (await this.query('SELECT 1', 'postgres').then(
          () => true,
          () => false,
        )),
    );
  }
}

/** Of the newest version. */
function binaries(): string | null {
  try {
    const versions = readdirSync(VERSIONS).filter((name) => /^\d+$/.test(name));
    const newest = versions.map(Number).sort((a, b) => b - a)[0];
    const folder = join(VERSIONS, String(newest), 'bin');
    return readdirSync(folder).includes('initdb') ? folder : null;
  } catch {
    return null;
  }
}

async function systemUser(): Promise<{ uid: number; gid: number }> {
  const id = async (flag: string): Promise<number> => Number((await run('id', [flag, SYSTEM_USER])).stdout);
  return { uid: await id('-u'), gid: await id('-g') };
}

/** OpenStack Swift of this machine's packages, which speaks S3, as servers on loopback, with a folder of its own that goes with them. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { InternalError } from '../../../errors.ts';
import { freePorts, listens, LoopbackProcess } from './loopback-process.ts';

const run = promisify(execFile);
const FOLDER = '/usr/bin';
const KINDS = ['account', 'container', 'object'] as const;
const NEEDED = [...KINDS, 'proxy'].map((kind) => join(FOLDER, `swift-${kind}-server`));
/** Of the only user, whom the proxy knows. */
const ACCESS_KEY = 'test:tester';
const SECRET_KEY = 'not-a-secret-of-anybody';
const BUCKET = 'blobs';
const REGION = 'us-east-1';

/** Why there is none here; null where there is. Continuous integration installs it, and must have it. */
export function swiftMissing(): string | null {
  if ([...NEEDED, '/usr/bin/memcached'].every((file) => existsSync(file))) return null;
  if (process.env['CI'] !== undefined) throw new Error('no Swift: run scripts/install-cluster-services.sh');
  return 'OpenStack Swift is not installed: scripts/install-cluster-services.sh';
}

export class SwiftServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #others: readonly LoopbackProcess[];
  #proxy: LoopbackProcess;

  /** With an empty bucket. */
  static async start(): Promise<SwiftServer> {
    const folder = await mkdtemp(join(tmpdir(), 'he-compile-swift-'));
    const [proxy = 0, cache = 0, ...ports] = await freePorts(2 + KINDS.length);
    await mkdir(join(folder, 'devices/one'), { recursive: true });
    const conf = join(folder, 'conf');
    await mkdir(conf);
    await writeFile(
      join(conf, 'swift.conf'),
      '[swift-hash]\nswift_hash_path_suffix = a\nswift_hash_path_prefix = b\n[storage-policy:0]\nname = one\ndefault = yes\n',
    );
    for (const [i, kind] of KINDS.entries()) {
      const ring = (...args: string[]): Promise<unknown> =>
        run(join(FOLDER, 'swift-ring-builder'), [`${kind}.builder`, ...args], { cwd: conf });
      await ring('create', '4', '1', '1');
      await ring('add', `r1z1-127.0.0.1:${ports[i]}/one`, '1');
      await ring('rebalance');
      await writeFile(join(conf, `${kind}.conf`), storageConfiguration(folder, kind, ports[i]!));
    }
    await writeFile(join(conf, 'proxy.conf'), proxyConfiguration(folder, proxy, cache));
    const log = join(folder, 'log');
    const others = [
      new LoopbackProcess(
        '/usr/bin/memcached',
        ['-u', userInfo().username, '-l', '127.0.0.1', '-p', String(cache), '-U', '0'],
        log,
      ),
      ...KINDS.map((kind) => daemon(folder, kind)),
    ];
    for (const [i, port] of [cache, ...ports].entries()) await others[i]!.ready(() => listens(port));
    const server = new SwiftServer(folder, proxy, others);
    await server.#ready();
    await server.#makeBucket();
    return server;
  }

  private constructor(folder: string, port: number, others: readonly LoopbackProcess[]) {
    this.#folder = folder;
    this.port = port;
    this.#others = others;
    this.#proxy = daemon(folder, 'proxy');
  }

  /** Of the bucket. */
  get address(): string {
    return this.addressOf(BUCKET);
  }

  /** What a process that uses the address has to have. */
  get environment(): { readonly AWS_ACCESS_KEY_ID: string; readonly AWS_SECRET_ACCESS_KEY: string } {
    return { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY };
  }

  addressOf(bucket: string, prefix = ''): string {
    return `s3://${bucket}/${prefix}?endpoint=http://127.0.0.1:${this.port}&region=${REGION}`;
  }

  /** SIGKILL to who answers clients. */
  async kill(): Promise<void> {
    await this.#proxy.end('SIGKILL');
  }

  /** Neither answers nor ends, until `resume`. */
  suspend(): void {
    this.#proxy.signal('SIGSTOP');
  }

  resume(): void {
    this.#proxy.signal('SIGCONT');
  }

  /** At the same port, with the same data. */
  async restart(): Promise<void> {
    this.#proxy = daemon(this.#folder, 'proxy');
    await this.#ready();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of [this.#proxy, ...this.#others]) await one.end('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    await this.#proxy.ready(() => listens(this.port));
  }

  async #makeBucket(): Promise<void> {
    const { S3Client, CreateBucketCommand } = await import('@aws-sdk/client-s3');
    const client = new S3Client({
      endpoint: `http://127.0.0.1:${this.port}`,
      region: REGION,
      forcePathStyle: true,
      credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
      requestChecksumCalculation: 'WHEN_REQUIRED',
    });
    try {
      await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
    } catch (cause) {
      throw new InternalError('Swift does not make a bucket', { cause });
    } finally {
      client.destroy();
    }
  }
}

function daemon(folder: string, kind: string): LoopbackProcess {
  const configuration = join(folder, 'conf', `${kind}.conf`);
  return new LoopbackProcess(join(FOLDER, `swift-${kind}-server`), [configuration], join(folder, 'log'));
}

function common(folder: string, kind: string, port: number): string {
  return [
    '[DEFAULT]',
    'bind_ip = 127.0.0.1',
    `bind_port = ${port}`,
    `user = ${userInfo().username}`,
    `swift_dir = ${join(folder, 'conf')}`,
    'workers = 0',
    `log_name = ${kind}`,
    `log_address = ${join(folder, 'no-log')}`,
    '',
  ].join('\n');
}

function storageConfiguration(folder: string, kind: string, port: number): string {
  return `${common(folder, kind, port)}devices = ${join(folder, 'devices')}
mount_check = false
disable_fallocate = true
[pipeline:main]
pipeline = ${kind}-server
[app:${kind}-server]
use = egg:swift#${kind}
`;
}

function proxyConfiguration(folder: string, port: number, cachePort: number): string {
  return `${common(folder, 'proxy', port)}[pipeline:main]
pipeline = catch_errors cache listing_formats s3api tempauth bulk slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:${cachePort}
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = ${REGION}
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = ${SECRET_KEY} .admin
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
`;
}

/**
 * Keys, sessions and their queue as the remote server has them, on stores of the test's own, but with evaluation processes that
 * do what the test says: no key is loaded and nothing is evaluated, so that every branch takes milliseconds.
 */
import { ToolError } from '../protocol/error-codes.ts';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeArtifact } from '../../program/codec.ts';
import type { Artifact } from '../../program/artifact.ts';
import { smallArtifact } from '../../program/testing/small-artifact.ts';
import { Authentication } from '../hosting/authentication.ts';
import { DEFAULT_LIMITS, type ServerConfiguration, type ServerLimits } from '../inference/configuration.ts';
import { EnrolmentOffice } from '../hosting/enrolment.ts';
import type { EvaluatorPool, EvaluatorRequest, Lease } from '../inference/evaluation/evaluator-pool.ts';
import type { ProcessProgress } from '../inference/evaluation/evaluator-process.ts';
import type { Order } from '../inference/evaluation/process-protocol.ts';
import { ownWork } from '../inference/work/own-work.ts';
import { KeyProvisioning } from '../inference/key-provisioning.ts';
import type { Log } from '../hosting/log.ts';
import { Metrics } from '../hosting/metrics.ts';
import { ModelCatalog } from '../inference/model-catalog.ts';
import { requestRates } from '../hosting/request-rates.ts';
import { RateLimiter } from '../transport/rate-limiter.ts';
import { StorageRoom } from '../hosting/storage-room.ts';
import { ServerIdentity } from '../hosting/server-identity.ts';
import type { InferenceServices } from '../inference/services.ts';
import { Sessions } from '../inference/sessions.ts';
import { type ChunkArrival, Staging } from '../hosting/staging.ts';
import { sha256Of } from '../protocol/identifiers.ts';
import { FileBlobStore } from '../storage/file-blob-store.ts';
import type { KeyFile, KeySetRecord, SessionOutcome } from '../storage/records.ts';
import { SqliteMetadataStore } from '../storage/sqlite-metadata-store.ts';

export const DONE = {
  ok: true,
  resultBytes: 3,
  resultSha256: sha256Of(Buffer.from('out')),
  inferSeconds: 0.5,
  remainingLevel: 0,
  scale: 2 ** 30,
  noiseBudgetBits: null,
  depthUsed: 3,
  outputShape: [1, 10],
} as const satisfies SessionOutcome;

/** What an evaluation process does when it is asked; tests put their own in place. */
export interface FakeProcess {
  load: (request: EvaluatorRequest, progress: ProcessProgress, signal: AbortSignal) => Promise<void>;
  evaluate: (order: Order, progress: ProcessProgress, signal: AbortSignal) => Promise<void>;
}

export async function evaluationWorld(
  limits: Partial<ServerLimits> = {},
  names: readonly string[] = ['small'],
  artifact: Artifact = smallArtifact(),
) {
  const folder = await mkdtemp(join(tmpdir(), 'he-compile-world-'));
  const files = names.map((_, index) => join(folder, `${index}.hemodel`));
  for (const [index, model] of names.entries()) {
    const signature = { ...artifact.signature, model, labels: [String(index)] };
    await writeFile(files[index]!, encodeArtifact({ ...artifact, signature }));
  }
  const catalog = await ModelCatalog.load(files);
  const blobs = await FileBlobStore.open(join(folder, 'blobs'));
  const store = await SqliteMetadataStore.open(':memory:');
  const process: FakeProcess = { load: () => Promise.resolve(), evaluate: () => Promise.resolve() };
  const requests: EvaluatorRequest[] = [];
  const dropped: string[] = [];
  const leases = { open: 0 };
  const pool = {
    async acquire(request: EvaluatorRequest, progress: ProcessProgress, signal: AbortSignal): Promise<Lease> {
      requests.push(request);
      await process.load(request, progress, signal);
      leases.open++;
      const evaluate = async (order: Order, report: ProcessProgress, stop: AbortSignal) => {
        await process.evaluate(order, report, stop);
        await blobs.put(order.outputKey, [Buffer.from('out')]);
        const { ok: _, ...outcome } = DONE;
        return outcome;
      };
      return {
        process: { evaluate } as unknown as Lease['process'],
        [Symbol.dispose]: () => void leases.open--,
      };
    },
    warm: [],
    drop(clientId: string, keyRef: string): Promise<void> {
      const held = `${clientId} ${keyRef} `;
      dropped.push(...requests.map(({ affinity }) => affinity).filter((each) => each.startsWith(held)));
      return Promise.resolve();
    },
  } as unknown as EvaluatorPool;
  const configuration: ServerConfiguration = {
    stateFolder: folder,
    limits: { ...DEFAULT_LIMITS, ...limits },
    enrolment: { open: true, unsigned: true, authorities: [] },
    threads: 4,
  };
  const logged: string[] = [];
  const log: Log = (level, event, fields) =>
    void logged.push(`${level}: ${event} ${fields?.code ?? ''}`.trim());
  const metrics = new Metrics();
  const staging = new Staging(
    store,
    blobs,
    new StorageRoom(store, folder, configuration.limits, { missingBytes: 0 }),
  );
  const { limits: all } = configuration;
  const { queue, worker } = ownWork({
    ...{ store, blobs, staging, pool, models: catalog, configuration, log, metrics },
  });
  worker.start();
  const keys = new KeyProvisioning({ store, staging, queue, holders: pool, catalog, limits: all });
  const sessions = new Sessions({ store, blobs, staging, queue, keys, catalog, limits: all });

  const { requestsPerSecond, requestBurst } = configuration.limits;
  const rates = requestRates(new RateLimiter(requestsPerSecond, requestBurst));
  const identity = await ServerIdentity.open(folder);
  const authentication = new Authentication(store, rates, {
    clockSkewMs: configuration.limits.clockSkewMs,
    unsigned: true,
    serverKeyId: identity.id,
  });
  const enrolment = new EnrolmentOffice(store, authentication, configuration.enrolment, configuration.limits);
  const services: InferenceServices = {
    ...{ configuration, identity, catalog, authentication, enrolment, keys, sessions, metrics, log },
  };

  /** Announces, sends and commits a key file with this content. */
  const provide = async (
    clientId: string,
    content: string,
    model = catalog.all[0]!,
  ): Promise<KeySetRecord> => {
    const { record } = await keys.begin(clientId, model, [keyFile(content)]);
    await keys.accept(clientId, record.keyRef, wholeChunk('keys.hekeys', content));
    return keys.commit(clientId, record.keyRef, () => undefined, new AbortController().signal);
  };

  return {
    ...{ folder, catalog, blobs, store, pool, process, requests, dropped, leases, log, logged, metrics },
    ...{ staging, keys, worker, queue, sessions, services, limits: configuration.limits, provide },
    async [Symbol.asyncDispose](): Promise<void> {
      await queue.close();
      await worker.drain(1000);
      await store[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
export type EvaluationWorld = Awaited<ReturnType<typeof evaluationWorld>>;

export function keyFile(content: string, fileName = 'keys.hekeys'): KeyFile {
  return { fileName, bytes: content.length, sha256: sha256Of(Buffer.from(content)) };
}

/** A file that is one chunk. */
export function wholeChunk(fileName: string, content: string): ChunkArrival {
  const chunkText = Buffer.from(content).toString('base64');
  return { fileName, chunkIndex: 0, totalChunks: 1, chunkText, chunkSha256: undefined };
}

/** Of the refusal, which says why, or 'none'. */
export async function codeOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    if (error instanceof ToolError && error.message !== '') return error.code;
    throw error;
  }
  return 'none';
}

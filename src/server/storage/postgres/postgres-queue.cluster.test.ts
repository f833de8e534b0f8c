import { afterAll, beforeAll, describe } from 'vitest';
import { evaluationQueueContract } from '../testing/evaluation-queue-contract.ts';
import { metadataStoreContract } from '../testing/metadata-store-contract.ts';
import { postgresMissing, PostgresServer } from '../testing/postgres-server.ts';
import { PostgresDatabase } from './postgres-database.ts';
import { PostgresMetadataStore } from './postgres-metadata-store.ts';
import { PostgresNotices } from './postgres-notices.ts';
import { CLUSTER_RULES, PostgresQueue } from './postgres-queue.ts';

describe.skipIf(postgresMissing() !== null)('on PostgreSQL', () => {
  let server: PostgresServer;
  let databases = 0;
  beforeAll(async () => {
    server = await PostgresServer.start();
  }, 60_000);
  afterAll(() => server[Symbol.asyncDispose]());

  /** Each test has one of its own. */
  async function open(): Promise<PostgresDatabase> {
    const name = `d${databases++}`;
    await server.query(`CREATE DATABASE ${name}`);
    return PostgresDatabase.open(server.addressOf(name));
  }

  evaluationQueueContract('the queue', async (bounds) => {
    const database = await open();
    const notices = new PostgresNotices(database);
    const store = new PostgresMetadataStore(database);
    const rules = { ...CLUSTER_RULES, pollMs: 50, ...bounds, quantum: 1, quantumMs: 0 };
    const queue = new PostgresQueue(database, notices, 'worker', rules);
    return {
      ...{ queue, store },
      async [Symbol.asyncDispose](): Promise<void> {
        await queue.close();
        await store[Symbol.asyncDispose]();
        await notices[Symbol.asyncDispose]();
        await database[Symbol.asyncDispose]();
      },
    };
  });

  metadataStoreContract('the records', async () => {
    const database = await open();
    const store = new PostgresMetadataStore(database);
    const close = store[Symbol.asyncDispose].bind(store);
    return Object.assign(store, {
      async [Symbol.asyncDispose](): Promise<void> {
        await close();
        await database[Symbol.asyncDispose]();
      },
    });
  });
});

import { EmbeddedQueue } from './embedded-queue.ts';
import { SqliteMetadataStore } from './sqlite-metadata-store.ts';
import { evaluationQueueContract } from './testing/evaluation-queue-contract.ts';

evaluationQueueContract('the embedded queue', async (bounds) => {
  const store = await SqliteMetadataStore.open(':memory:');
  const queue = new EmbeddedQueue(store, { ...bounds, quantum: 1, quantumMs: 0 });
  return {
    ...{ queue, store },
    async [Symbol.asyncDispose](): Promise<void> {
      await queue.close();
      await store[Symbol.asyncDispose]();
    },
  };
});

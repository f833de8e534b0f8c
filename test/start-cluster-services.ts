/** For suites that are run on a cluster: one PostgreSQL server for all of them, named to them by the environment, and one object store. */
import { postgresMissing, PostgresServer } from '../src/server/storage/testing/postgres-server.ts';
import { swiftMissing, SwiftServer } from '../src/server/storage/testing/swift-server.ts';
import { TEST_BLOBS, TEST_DATABASE } from '../src/server/testing/open-test-server.ts';

export default async function start(): Promise<() => Promise<void>> {
  if (postgresMissing() !== null || swiftMissing() !== null) return async () => undefined;
  const database = await PostgresServer.start();
  const blobs = await SwiftServer.start();
  Object.assign(process.env, blobs.environment, {
    [TEST_DATABASE]: database.address,
    [TEST_BLOBS]: blobs.address,
  });
  return async () => {
    await blobs[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  };
}

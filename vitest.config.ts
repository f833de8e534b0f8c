import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Commands and workers that tests start run from the sources: their types are stripped once, not in each process. */
const env = { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/node', import.meta.url)) };

/** Those that open their server by `openTestServer`. */
const SUITES_OF_SERVERS = [
  'src/server/inference/{inference-server,durability,refusal-matrix,security,mutations}.test.ts',
  'src/server/inference/{bfv-inference,confidentiality,model-documents}.test.ts',
  'src/server/{tasks,agent-path,transport/transports,client/require-bearer,client/connection}.test.ts',
  'src/server/crypto/{crypto-server,out-of-range}.test.ts',
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          include: ['{src,cli,test,fixtures,bench,conformance}/**/*.test.ts'],
          exclude: ['**/*.slow.test.ts', '**/*.cluster.test.ts'],
          pool: 'forks',
          env,
          // One more than vitest would start: much of the time, tests wait for processes of their own.
          maxWorkers: '100%',
          testTimeout: 60_000,
          // Set-ups compile models and make keys.
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'slow',
          include: ['{src,cli,test,fixtures,bench,conformance}/**/*.slow.test.ts'],
          pool: 'forks',
          env,
          maxWorkers: 1,
          testTimeout: 1_800_000,
        },
      },
      {
        test: {
          // Starts servers of others on this machine: scripts/install-cluster-services.sh.
          name: 'cluster',
          include: ['{src,cli,test,bench}/**/*.cluster.test.ts'],
          pool: 'forks',
          env,
          maxWorkers: 1,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          // The suites of one server, on two front ends and three workers.
          name: 'suites-on-cluster',
          include: SUITES_OF_SERVERS,
          globalSetup: ['test/start-cluster-services.ts'],
          pool: 'forks',
          env,
          maxWorkers: 1,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});

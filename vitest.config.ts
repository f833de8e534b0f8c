import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          include: ['{src,cli,test,fixtures,bench,conformance}/**/*.test.ts'],
          exclude: ['**/*.slow.test.ts'],
          pool: 'forks',
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
          maxWorkers: 1,
          testTimeout: 1_800_000,
        },
      },
    ],
  },
});

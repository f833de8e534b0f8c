/** For StrykerJS, which knows one project only: the tests that `scripts/mutation.ts` names. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: JSON.parse(process.env['MUTATION_TESTS'] ?? '["src/**/*.test.ts"]') as string[],
    exclude: ['**/*.slow.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

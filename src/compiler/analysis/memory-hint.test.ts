import { expect, it } from 'vitest';
import { memoryHint } from './memory-hint.ts';

it('where one heap bounds memory, so much may be allowed and no more, and other targets are named that have none', () => {
  const hint = memoryHint({ backend: 'seal', maxMemoryMb: 1000 });
  expect(hint).toMatch(/^--backend native is not bound to one WASM heap; /);
  expect(hint).toContain('raise --max-memory-mb up to 3968');
  expect(memoryHint({ backend: 'seal', maxMemoryMb: 3968 })).not.toContain('--max-memory-mb');
});

it.each(['native', 'cleartext'] as const)('for %s more memory may be allowed, whatever is', (backend) => {
  const hint = memoryHint({ backend, maxMemoryMb: 100_000 });
  expect(hint).toMatch(/^fewer levels .*, or raise --max-memory-mb; /);
  expect(hint).not.toContain('heap');
});

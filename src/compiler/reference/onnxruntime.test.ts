import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import './onnxruntime.ts';

describe('onnxruntime', () => {
  it('is loaded with telemetry off', () => {
    expect(process.env['ORT_DISABLE_TELEMETRY']).toBe('1');
  });

  it('is imported through one door only', async () => {
    const root = join(import.meta.dirname, '../../..');
    const importers: string[] = [];
    for (const folder of ['src', 'cli', 'bench', 'test', 'fixtures', 'scripts']) {
      for (const file of await readdir(join(root, folder), { recursive: true })) {
        if (!file.endsWith('.ts')) continue;
        const text = readFileSync(join(root, folder, file), 'utf8');
        if (/^(import|export) .*from 'onnxruntime-node';/m.test(text)) importers.push(join(folder, file));
      }
    }
    expect(importers).toEqual(['src/compiler/reference/onnxruntime.ts']);
  });
});

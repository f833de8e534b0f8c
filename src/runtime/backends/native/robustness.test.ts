/** No argument, and no byte of a key or a ciphertext, takes Node down. */
import { spawn } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { describeNative } from '../testing/describe-native.ts';

const SECONDS = 4;

describeNative('robustness of the addons', () => {
  it('survives everything that it can be called with', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const script = new URL('./testing/torment.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [script, String(seed), String(SECONDS)]);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const end = await new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
    expect(end, `seed ${seed}: ${output}`).toEqual({ code: 0, signal: null });
    expect(output).toMatch(/survived \d{3,} calls/);
  });

  it('survives workers that are ended in the middle of a call', async () => {
    const entry = new URL('./testing/busy-worker.ts', import.meta.url);
    for (const delay of [0, 5, 20, 60]) {
      const worker = new Worker(entry);
      await new Promise((resolve) => worker.once('message', resolve));
      await new Promise((resolve) => setTimeout(resolve, delay));
      expect(await worker.terminate()).toBeTypeOf('number');
    }
  });
});

/** Inputs that the model was not certified for, and results that it cannot give, over the local server's tools. */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { bytesOf, npyFile } from '../../data/testing/sample-files.ts';
import { digit } from '../testing/served-model.ts';
import type { LocalWorld } from './testing/local-world.ts';
import { openLocalWorld } from './testing/local-world.ts';

const FACTORS = [1, 3, 10, 1e6];
let world: LocalWorld;
let agent: Client;
/** Tools of the remote server, in the order in which they were called. */
let asked: string[] = [];
beforeAll(async () => {
  world = await openLocalWorld();
  const image = await digit(world.model.artifact, '3-0');
  for (const factor of FACTORS) {
    const values = Float32Array.from(image, (value) => factor * value);
    await writeFile(file(factor), npyFile('<f4', [1, 1, 28, 28], bytesOf(values)));
  }
  world.network.wrap = (connection) => ({
    settings: connection.settings,
    call: (tool, args, meta, options) => {
      asked.push(tool);
      return connection.call(tool, args, meta, options);
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  });
  agent = new Client({ name: 'agent', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  const headers = { Authorization: `Bearer ${world.token}` };
  await agent.connect(
    new StreamableHTTPClientTransport(new URL(world.localUrl), { requestInit: { headers } }),
  );
}, 120_000);
afterAll(async () => {
  await agent.close();
  await world[Symbol.asyncDispose]();
});
beforeEach(() => {
  asked = [];
});

const file = (factor: number): string => join(world.root, `x${factor}.npy`);

async function call(name: string, args: Record<string, unknown>): Promise<Record<string, unknown>> {
  const result = await agent.callTool({ name, arguments: args }, { timeout: 60_000 });
  return result.structuredContent as Record<string, unknown>;
}

const refusal = {
  ok: false,
  error_code: 'ERROR_INPUT_OUT_OF_RANGE',
  message: expect.stringContaining('input input leaves the range') as string,
  hint: expect.stringContaining('allow_out_of_range') as string,
  retryable: false,
};

it.each([3, 10, 1e6])(
  'refuses an input ×%d before keys are made or anything is sent for it',
  async (factor) => {
    const answer = await call('fhe_classify_file', { image_path: file(factor), client_id: `new-${factor}` });
    expect(answer).toMatchObject(refusal);
    expect(asked).toContain('describe_model');
    expect(asked.filter((tool) => /key|upload|inference/.test(tool))).toEqual([]);
    expect((await call('fhe_list_keys', { client_id: `new-${factor}` }))['key_sets']).toEqual([]);
    expect(await readdir(join(world.sessions, `new-${factor}`))).toEqual([]);
  },
);

it('does not show a result that the model cannot give, and the server sees nothing of that', async () => {
  const good = await call('fhe_classify_file', { image_path: file(1) });
  expect(good).toMatchObject({ ok: true, class: { index: 3 } });
  expect(good).not.toHaveProperty('warnings');
  asked = [];
  await call('fhe_classify_file', { image_path: file(1) });
  const usual = asked.toSorted();
  asked = [];
  const spoilt = await call('fhe_classify_file', { image_path: file(10), allow_out_of_range: true });
  expect(spoilt).toMatchObject({ ok: false, error_code: 'ERROR_OUTPUT_OUT_OF_RANGE', retryable: false });
  expect(spoilt['message']).not.toContain('session_id');
  expect(asked.toSorted()).toEqual(usual);
});

it('encrypts by itself what is allowed, and warns', async () => {
  const { key_sets } = (await call('fhe_list_keys', {})) as { key_sets: { client_id: string }[] };
  const args = { client_id: key_sets[0]!.client_id, session_dir: join(world.root, 'session') };
  for (const factor of [3, 10, 1e6]) {
    expect(await call('fhe_encrypt', { ...args, image_path: file(factor) })).toMatchObject(refusal);
  }
  const allowed = await call('fhe_encrypt', { ...args, image_path: file(10), allow_out_of_range: true });
  expect(allowed).toMatchObject({
    ok: true,
    warnings: [expect.stringContaining('leaves the range') as string],
  });
  expect(await call('fhe_encrypt', { ...args, image_path: file(1) })).not.toHaveProperty('warnings');
});

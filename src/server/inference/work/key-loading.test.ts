/** What a process is asked to load, and with how many threads. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { KeySetRecord } from '../../storage/records.ts';
import { blobsAtHand, type NearBlobs } from '../../storage/near-blobs.ts';
import { codeOf, type EvaluationWorld, evaluationWorld, keyFile } from '../../testing/evaluation-world.ts';
import { KeyLoading } from './key-loading.ts';

const QUIET = new AbortController().signal;

let world: EvaluationWorld;
let near: NearBlobs;
let loading: KeyLoading;
let record: KeySetRecord;
beforeEach(async () => {
  world = await evaluationWorld();
  const { staging, pool, blobs, limits } = world;
  near = blobsAtHand(blobs.location);
  loading = new KeyLoading(staging, near, pool, { threads: 4, maxMemoryBytes: limits.maxMemoryBytes });
  record = await world.provide('client', '12345');
  world.requests.length = 0;
});
afterEach(() => world[Symbol.asyncDispose]());

const load = (threads: number | null = null, of = record) =>
  loading.load(of, world.catalog.all[0]!, threads, () => undefined, QUIET);

it('keys are loaded with the threads asked for, of those there are', async () => {
  for (const threads of [null, 0, 1, 3, 99]) {
    using _ = await load(threads);
  }
  expect(world.requests.map(({ need }) => need.threads)).toEqual([4, 1, 1, 3, 4]);
});

it('their blobs are brought when the process is opened, and not before', async () => {
  const brought: (readonly string[])[] = [];
  near.bring = async (blobs) => {
    brought.push(blobs.map(({ key }) => key));
    return { [Symbol.dispose]: () => undefined };
  };
  using _ = await load();
  expect(brought).toEqual([]);
  const [{ bring, opening }] = world.requests as [(typeof world.requests)[0]];
  (await bring(QUIET))[Symbol.dispose]();
  expect(brought).toEqual([opening.keys.flatMap(({ chunks }) => chunks)]);
  expect(brought[0]).toHaveLength(1);
});

it('files that have not arrived are not loaded', async () => {
  const more = { ...record, files: [...record.files, keyFile('x', 'other')] };
  expect(await codeOf(() => load(null, more))).toBe('ERROR_UPLOAD_INCOMPLETE');
  expect(world.requests).toEqual([]);
});

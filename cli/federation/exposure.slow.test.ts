/**
 * What an aggregator's process ever has of a single participant: its memory, files, log and every byte on the wire are searched for updates, with
 * noise and without, for seeds, keys and shares, while a round goes on and afterwards. One participant drops out, so that both kinds of share
 * are revealed: of survivors those of the seed, of who dropped out those of the key, and never the other one.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RandomIntegers, seededBytes } from '../../src/federation/privacy/random-integers.ts';
import type { ParticipantState } from '../../src/federation/secure-aggregation/participant-state.ts';
import { noisedBlocks } from '../../src/federation/update/quantise.ts';
import { contributionName } from '../../src/server/crypto/federation/contribution.ts';
import { needlesOf } from '../../src/server/testing/byte-search.ts';
import { formsOf, NeedleSearch } from './testing/needle-search.ts';
import { ProcessFederation } from './testing/process-federation.ts';
import { SERVER } from './testing/process-participant.ts';
import { memoryOf } from './testing/process-memory.ts';
import { prepareAll, syntheticFederation } from './testing/synthetic-rounds.ts';

const NAMES = ['berlin', 'lyon', 'oslo', 'porto', 'turin'];
const GONE = 'oslo';
const SURVIVORS = NAMES.filter((name) => name !== GONE);
/** Consecutive numbers of an update that nobody else has by chance. */
const PIECE_BYTES = 24;
const PIECES = 8;

type Needles = [name: string, bytes: Uint8Array][];

let federation: ProcessFederation;
/** Never to be seen by anybody else. */
const lasting: Needles = [];
/** Not before shares are revealed. */
const untilRevealed: Needles = [];
/** What the aggregator does have: a search that misses it sees nothing. */
const known: Needles = [];

beforeAll(async () => {
  federation = await ProcessFederation.open(syntheticFederation(NAMES, 'secure-aggregation'));
}, 120_000);
afterAll(async () => federation[Symbol.asyncDispose]());

function pieces(what: string, values: Int32Array | Float32Array | Float64Array): Needles {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return needlesOf(bytes, PIECE_BYTES, PIECES).map((piece, i) => [`${what} [${i}]`, piece]);
}

/** Out of the participant's vault, when its masked update is made. */
async function collect(name: string, round: number): Promise<void> {
  const participant = federation.participant(name);
  const id = federation.update(name);
  await participant.withVault(async (vault) => {
    const sealed = await vault.contribution(contributionName(SERVER, name, 'synthetic', round));
    const state = sealed!.state as ParticipantState;
    const { values } = await vault.update(id);
    const { form } = state.terms;
    const none = { mechanism: 'none', parameter: 0 } as const;
    const quantised: number[] = [];
    for await (const block of noisedBlocks(() => [values], form, none, new RandomIntegers(seededBytes(''))))
      quantised.push(...block);
    const { noised } = (await participant.given('synthetic', round, id))!;
    lasting.push(
      ...pieces(`update of ${name}, float32`, values),
      ...pieces(`update of ${name}, float64`, Float64Array.from(values)),
      ...pieces(`update of ${name}, quantised`, Int32Array.from(quantised)),
      ...pieces(`update of ${name}, noised`, noised),
    );
    const { seed, maskKey, channelKey, noise } = state.secrets!;
    const bytes = (text: string): Buffer => Buffer.from(text, 'base64');
    lasting.push([`channel key of ${name}`, bytes(channelKey)], [`noise of ${name}`, bytes(noise)]);
    (name === GONE ? lasting : untilRevealed).push([`seed of ${name}`, bytes(seed)]);
    (name === GONE ? untilRevealed : lasting).push([`mask key of ${name}`, bytes(maskKey)]);
    for (const { of, seed, key } of state.entrusted!) {
      (of === GONE ? lasting : untilRevealed).push([`seed share of ${of} at ${name}`, bytes(seed)]);
      (of === GONE ? untilRevealed : lasting).push([`key share of ${of} at ${name}`, bytes(key)]);
    }
    known.push([`public key of ${name}`, bytes(state.advertisement.maskKey)]);
  });
}

async function inMemory(needles: Needles, processId = federation.aggregatorId): Promise<string[]> {
  const search = new NeedleSearch(needles);
  const found = new Set<string>();
  let bytes = 0;
  for await (const piece of memoryOf(processId, search.longest)) {
    bytes += piece.length;
    for (const name of search.find(piece)) found.add(name);
  }
  expect(bytes).toBeGreaterThan(2 ** 20);
  return [...found].sort();
}

async function inFiles(needles: Needles): Promise<string[]> {
  const search = new NeedleSearch(needles);
  const entries = await readdir(federation.state, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const all = await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name))));
  return [...new Set(all.flatMap((bytes) => [...search.find(bytes)]))].sort();
}

/** Needles of which some form is among what was found. */
function seen(needles: Needles, found: readonly string[]): string[] {
  return needles.map(([name]) => name).filter((name) => found.some((form) => form.startsWith(`${name}, `)));
}

describe('an aggregator', () => {
  const heard: { readonly revealing: boolean; readonly bytes: Buffer }[] = [];
  const masked: Needles = [];
  let revealing = false;

  it('has no update, seed or share of one participant in memory or files, at any step', async () => {
    const round = await federation.openRound();
    await prepareAll(federation, round);
    federation.tap.heard = (_participant, bytes) => void heard.push({ revealing, bytes });
    let gone = false;
    const [confirmed, revealed] = [new Set<string>(), new Set<string>()];
    federation.tap.before = async ({ participant, tool, args }) => {
      if (tool === 'upload_update_chunk' && participant === GONE) {
        await collect(participant, round);
        await federation.participant(GONE).kill();
        gone = true;
        return false;
      }
      if (tool === 'upload_update_chunk')
        masked.push(...pieces(`masked update of ${participant}`, wordsOf(String(args['chunk_b64']))));
      if (tool === 'commit_update') await collect(participant, round);
      // Bodies of this call are heard already when it comes here.
      if (tool === 'reveal_shares') {
        revealing = true;
        heard.push({ revealing, bytes: heard.pop()!.bytes });
      }
      return true;
    };
    federation.tap.after = async ({ tool, participant }) => {
      const first = tool === 'confirm_survivors' ? confirmed : tool === 'reveal_shares' ? revealed : null;
      if (first === null || first.has(participant)) return true;
      first.add(participant);
      if (first === confirmed && first.size === 2)
        expect(await inMemory([...lasting, ...untilRevealed])).toEqual([]);
      if (first === revealed && first.size === 2) expect(await inMemory(lasting)).toEqual([]);
      return true;
    };
    const running = Promise.allSettled(NAMES.map((name) => federation.contribute(name)));
    await federation.until(round, ({ progress }) => gone && progress?.uploaded === SURVIVORS.length);
    // While all masked updates are there.
    const secrets = [...lasting, ...untilRevealed];
    expect(secrets.length).toBeGreaterThan(NAMES.length * (4 * 6 + 4 + 2 * 4));
    expect(await inMemory(secrets)).toEqual([]);
    expect(await inFiles(secrets)).toEqual([]);
    const there = [...known, ...masked];
    expect(seen(known, await inMemory(known))).toEqual(known.map(([name]) => name));
    expect(seen(there, await inFiles(there))).toEqual(there.map(([name]) => name));
    await federation.passDeadline();
    const status = await federation.until(round, ({ stage }) => stage === 'opened' || stage === 'aborted');
    const outcomes = await running;
    expect(status).toMatchObject({ stage: 'opened', survivors: SURVIVORS, dropouts: [GONE] });
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(SURVIVORS.length);
    expect([confirmed.size, revealed.size]).toEqual([4, 4]);
    expect(await inMemory(lasting)).toEqual([]);
    expect(await inFiles([...lasting, ...untilRevealed])).toEqual([]);
  });

  it('neither hears nor says any of it, nor logs it', () => {
    const [all, always] = [new NeedleSearch([...lasting, ...untilRevealed]), new NeedleSearch(lasting)];
    const found = heard.flatMap((each) => [...(each.revealing ? always : all).find(each.bytes)]);
    expect(found).toEqual([]);
    expect(federation.logs).toContain('round over');
    expect([...all.find(Buffer.from(federation.logs))]).toEqual([]);
    // It hears what it hears.
    const wire = Buffer.concat(heard.map(({ bytes }) => bytes));
    const there = [...known, ...masked];
    expect(seen(there, [...new NeedleSearch(there).find(wire)])).toEqual(there.map(([name]) => name));
    // What is revealed, is: of the survivors' seeds.
    const [shares] = [untilRevealed.filter(([name]) => name.startsWith('seed share'))];
    expect(seen(shares, [...new NeedleSearch(shares).find(wire)]).length).toBeGreaterThan(0);
  });
});

describe('the search', () => {
  it('finds what another process has in memory, in every form', async () => {
    const secret = randomBytes(32);
    const forms = formsOf('planted', secret);
    // Into that process by a pipe, each form between others: nothing but the forms is there.
    const holder =
      "let held = []; process.stdin.on('data', (bytes) => held.push(bytes)).on('end', () => console.log(held.length)); setInterval(() => {}, 1e6);";
    const child = spawn(process.execPath, ['-e', holder], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      child.stdin.end(
        Buffer.concat(forms.flatMap(({ bytes }) => [randomBytes(1000), bytes, randomBytes(3001)])),
      );
      await once(child.stdout, 'data');
      const found = await inMemory([['planted', secret]], child.pid);
      expect(found).toEqual(forms.map(({ name }) => name).sort());
    } finally {
      child.kill('SIGKILL');
    }
  });
});

function wordsOf(base64: string): Int32Array {
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
  return new Int32Array(bytes.buffer);
}

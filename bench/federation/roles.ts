/**
 * The three parts of a measurement, each in a process of its own: everybody's messages are made and written down; the aggregator alone reads them
 * and opens the sum; one participant alone draws its noise and masks its update.
 */
import { createPublicKey, verify } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RandomIntegers } from '../../src/federation/privacy/random-integers.ts';
import { SecureAggregator } from '../../src/federation/secure-aggregation/aggregator.ts';
import type {
  Advertisement,
  Confirmation,
  Revelation,
  ShareBox,
  VerifyIdentity,
} from '../../src/federation/secure-aggregation/messages.ts';
import { SecureParticipant } from '../../src/federation/secure-aggregation/participant.ts';
import type { ParticipantState } from '../../src/federation/secure-aggregation/participant-state.ts';
import { Enrolment } from '../../src/federation/secure-aggregation/testing/simulated-round.ts';
import { noisedBlocks } from '../../src/federation/update/quantise.ts';
import { bytesOf, peakMemoryBytes, Steps } from './measured.ts';
import type { Scenario } from './scenario.ts';
import { everybody, modelUpdate, survivors, systemBytes, updateBlocks } from './scenario.ts';

interface Messages {
  readonly advertisements: readonly Advertisement[];
  readonly shares: Readonly<Record<string, readonly ShareBox[]>>;
  readonly vectors: Readonly<Record<string, string>>;
  readonly confirmations: readonly Confirmation[];
  readonly revelations: readonly Revelation[];
  readonly publicKeys: Readonly<Record<string, string>>;
  /** Of the participant that is measured alone, before it masks. */
  readonly state: ParticipantState;
}

const vectorFile = (folder: string, name: string): string => join(folder, 'vectors', name);

/** Everybody, in one process. The first participant's steps are timed, with every signature verified; the others trust what it verified. */
export async function playRound(scenario: Scenario, folder: string): Promise<object> {
  const { terms } = scenario;
  const all = everybody(scenario);
  const enrolment = new Enrolment(all);
  const [steps, trusting]: [Steps, VerifyIdentity] = [new Steps(), () => true];
  await mkdir(join(folder, 'vectors'), { recursive: true });
  const [first, ...others] = all.map((name) =>
    SecureParticipant.join(terms, name, enrolment.identity(name), systemBytes),
  );
  await steps.time('join', () =>
    SecureParticipant.join(terms, all[0]!, enrolment.identity(all[0]!), systemBytes),
  );
  const aggregator = SecureAggregator.open(terms, trusting);
  for (const one of [first!, ...others]) aggregator.addAdvertisement(one.advertisement());
  const roster = aggregator.closeRoster();
  const shares: Record<string, readonly ShareBox[]> = {};
  shares[all[0]!] = await steps.time('share keys', () => first!.shareKeys(roster, enrolment.verify));
  for (const one of others) shares[one.name] = await one.shareKeys(roster, trusting);
  for (const name of all) aggregator.addShares(name, shares[name]!);
  aggregator.closeSharing();
  const received = aggregator.boxesFor(all[0]!);
  await steps.time('receive shares', () => first!.receiveShares(received));
  for (const one of others) one.receiveShares(aggregator.boxesFor(one.name));
  const state = first!.state();
  const present = [first!, ...others].slice(0, survivors(scenario).length);
  const vectors: Record<string, string> = {};
  for (const one of present) {
    await using file = await open(vectorFile(folder, one.name), 'w');
    for await (const block of one.maskedBlocks(updateBlocks(one.name, scenario.length)))
      await file.write(block);
    vectors[one.name] = one.vectorDigest;
    await aggregator.addVector(one.name, one.vectorDigest, readBlocks(vectorFile(folder, one.name)));
  }
  const list = aggregator.closeUploads();
  await steps.time('confirm', () => first!.confirm(list));
  for (const one of present) aggregator.addConfirmation(one.confirm(list));
  const confirmations = aggregator.closeConfirmations();
  await steps.time('reveal', () => first!.reveal(confirmations, enrolment.verify));
  const revelations = present.map((one) => one.reveal(confirmations, trusting));
  const messages: Messages = {
    advertisements: roster.advertisements,
    shares,
    vectors,
    confirmations,
    revelations,
    publicKeys: enrolment.publicKeys(),
    state,
  };
  await writeFile(join(folder, 'messages.json'), JSON.stringify(messages));
  return {
    participant: steps.times,
    bytesPerClient: {
      sent: {
        advertisement: bytesOf(first!.advertisement()),
        shareBoxes: bytesOf(shares[all[0]!]),
        maskedUpdate: 4 * scenario.length,
        confirmation: bytesOf(confirmations[0]),
        revelation: bytesOf(revelations[0]),
      },
      received: {
        roster: bytesOf(roster),
        shareBoxes: bytesOf(received),
        survivorList: bytesOf(list),
        confirmations: bytesOf(confirmations),
      },
    },
  };
}

/** The aggregator alone, every signature verified. */
export async function aggregate(scenario: Scenario, folder: string): Promise<object> {
  const text = await readFile(join(folder, 'messages.json'), 'utf8');
  const messages = JSON.parse(text) as Messages;
  const steps = new Steps();
  const keys = new Map(
    Object.entries(messages.publicKeys).map(([name, key]) => [
      name,
      createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' }),
    ]),
  );
  const aggregator = SecureAggregator.open(scenario.terms, (name, bytes, signature) =>
    verify(null, bytes, keys.get(name)!, signature),
  );
  await steps.time('take advertisements', () => {
    for (const ad of messages.advertisements) aggregator.addAdvertisement(ad);
    aggregator.closeRoster();
  });
  await steps.time('take share boxes', () => {
    for (const [name, boxes] of Object.entries(messages.shares)) aggregator.addShares(name, boxes);
    aggregator.closeSharing();
  });
  await steps.time('take masked updates', async () => {
    for (const [name, digest] of Object.entries(messages.vectors))
      await aggregator.addVector(name, digest, readBlocks(vectorFile(folder, name)));
    aggregator.closeUploads();
  });
  await steps.time('take confirmations', () => {
    for (const confirmation of messages.confirmations) aggregator.addConfirmation(confirmation);
    aggregator.closeConfirmations();
  });
  await steps.time('take revelations', () => {
    for (const revelation of messages.revelations) aggregator.addRevelation(revelation);
  });
  const read = async (name: string, start: number, length: number): Promise<Uint32Array> => {
    await using file = await open(vectorFile(folder, name), 'r');
    const block = new Uint32Array(length);
    await file.read(block, 0, 4 * length, 4 * start);
    return block;
  };
  const updates = survivors(scenario).map((name) => updateBlocks(name, scenario.length));
  const sum = aggregator.openSum(read);
  for (;;) {
    const next = await steps.time('open the sum', () => sum.next());
    if (next.done === true) break;
    const block = next.value;
    for (const update of updates) {
      const one = update.next().value as Int32Array;
      for (let i = 0; i < block.length; i++) block[i] = block[i]! - one[i]!;
    }
    if (block.some((left) => left !== 0)) throw new Error('the sum is not that of the updates');
  }
  return { aggregator: steps.times, aggregatorPeakMemoryBytes: peakMemoryBytes(), sumIsExact: true };
}

/** One participant alone: clips, quantises, draws exact noise and masks, block by block into a file. */
export async function contribute(scenario: Scenario, folder: string): Promise<object> {
  const { state } = JSON.parse(await readFile(join(folder, 'messages.json'), 'utf8')) as Messages;
  const { terms, length } = scenario;
  const steps = new Steps();
  const one = SecureParticipant.resume(state, { sign: () => new Uint8Array(64) });
  const noised = join(folder, 'noised');
  await steps.time('clip, quantise and add noise', async () => {
    await using file = await open(noised, 'w');
    const random = new RandomIntegers(one.noiseBytes());
    for await (const block of noisedBlocks(() => modelUpdate(length), terms.form, terms.noise, random))
      await file.write(block);
  });
  await steps.time('mask', async () => {
    await using file = await open(join(folder, 'masked'), 'w');
    for await (const block of one.maskedBlocks(readBlocks(noised) as AsyncIterable<never>))
      await file.write(block);
  });
  return { participant: steps.times, participantPeakMemoryBytes: peakMemoryBytes() };
}

async function* readBlocks(file: string): AsyncGenerator<Uint32Array> {
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 18 })) {
    const bytes = chunk as Buffer;
    yield new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }
}

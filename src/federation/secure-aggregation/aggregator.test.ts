/** What participants that are not honest, or not well, are refused by the aggregator. */
import { beforeEach, describe, expect, it } from 'vitest';
import { SecureAggregator } from './aggregator.ts';
import type { Advertisement, Revelation, ShareBox } from './messages.ts';
import { advertisementBytes, confirmationBytes, listDigest, toBase64 } from './messages.ts';
import { termsDigest } from '../round-terms.ts';
import type { LastStep } from './testing/simulated-round.ts';
import { names, roundTerms, SimulatedRound, viaJson } from './testing/simulated-round.ts';

const ALL = names(7);
const TERMS = roundTerms({ minSurvivors: 4, colluders: 1, maxParticipants: 7 });
const VICTIM = ALL[6]!;
const SUM = new Int32Array(10).fill(1 + 2 + 3 + 4 + 5 + 6);
const update = (name: string): Int32Array => new Int32Array(10).fill(ALL.indexOf(name) + 1);
const code = (name: string): object => expect.objectContaining({ code: `FEDERATION_${name}` }) as object;

let round: SimulatedRound;

beforeEach(() => {
  round = new SimulatedRound(TERMS, ALL, new Map<string, LastStep>([[VICTIM, 'share']]));
});

/** As after a restart. */
function restart(): void {
  round.aggregator = SecureAggregator.resume(viaJson(round.aggregator.snapshot()), round.enrolment.verify);
}

describe('an aggregator', () => {
  it('goes on after a restart at any step, and opens the same sum again', async () => {
    round.advertise();
    restart();
    await round.share();
    restart();
    await round.mask(update);
    restart();
    round.confirm();
    restart();
    expect(round.aggregator.isOpenable).toBe(false);
    round.reveal();
    restart();
    expect(round.aggregator.isOpenable).toBe(true);
    expect(await round.open()).toEqual(SUM);
    restart();
    expect(round.aggregator.stage).toBe('opened');
    expect(await round.open()).toEqual(SUM);
    expect(round.aggregator.progress).toEqual({
      joined: 7,
      shared: 7,
      uploaded: 6,
      confirmed: 6,
      revealed: 6,
    });
  });

  it('hears the same message twice, and of two different ones the first', async () => {
    const [first, second] = round.participants;
    const ad = first!.advertisement();
    round.advertise();
    round.aggregator.addAdvertisement(ad);
    const other = { ...ad, seedDigest: 'c'.repeat(64) };
    expect(() => round.aggregator.addAdvertisement(other)).toThrow(code('EQUIVOCATION'));
    await round.share();
    const boxes = await first!.shareKeys(round.aggregator.roster(), round.enrolment.verify);
    round.aggregator.addShares(ALL[0]!, boxes);
    const exchanged = boxes.map((box, i) => ({ ...box, box: boxes[(i + 1) % boxes.length]!.box }));
    expect(() => round.aggregator.addShares(ALL[0]!, exchanged)).toThrow(code('EQUIVOCATION'));
    await round.mask(update);
    await expect(
      round.aggregator.addVector(ALL[0]!, second!.vectorDigest, [round.vectors.get(ALL[1]!)!]),
    ).rejects.toThrow(code('EQUIVOCATION'));
    round.confirm();
    round.confirm();
    round.reveal();
    round.reveal();
    expect(await round.open()).toEqual(SUM);
  });

  it('refuses advertisements that are forged, of low order, of a key that is taken, or too many', () => {
    const [first, second] = round.participants.map((one) => one.advertisement());
    const signed = (ad: Advertisement): Advertisement => {
      const bytes = advertisementBytes(termsDigest(TERMS), ad);
      return { ...ad, signature: toBase64(round.enrolment.identity(ad.participant).sign(bytes)) };
    };
    const add = (ad: Advertisement) => () => round.aggregator.addAdvertisement(ad);
    expect(add({ ...first!, participant: ALL[1]! })).toThrow(code('SIGNATURE_INVALID'));
    expect(add({ ...first!, participant: 'zoe' })).toThrow(code('SIGNATURE_INVALID'));
    const zero = toBase64(new Uint8Array(32));
    expect(add(signed({ ...first!, maskKey: zero }))).toThrow(code('MESSAGE_INVALID'));
    expect(add(signed({ ...first!, channelKey: first!.maskKey }))).toThrow(code('MESSAGE_INVALID'));
    add(first!)();
    expect(add(signed({ ...second!, maskKey: first!.channelKey }))).toThrow(code('MESSAGE_INVALID'));
    const few = SecureAggregator.open({ ...TERMS, maxParticipants: 4 }, () => true);
    const all = round.participants.map((one) => one.advertisement());
    for (const ad of all.slice(0, 4)) few.addAdvertisement(ad);
    expect(() => few.addAdvertisement(all[4]!)).toThrow(code('ROSTER_FULL'));
  });

  it('refuses share boxes for others than all neighbours', async () => {
    round.advertise();
    const roster = round.aggregator.closeRoster();
    const boxes = await round.participants[0]!.shareKeys(roster, round.enrolment.verify);
    const add = (name: string, some: readonly ShareBox[]) => () => round.aggregator.addShares(name, some);
    expect(add(ALL[0]!, boxes.slice(1))).toThrow(code('MESSAGE_INVALID'));
    expect(add(ALL[0]!, [boxes[1]!, ...boxes.slice(1)])).toThrow(code('MESSAGE_INVALID'));
    expect(add(ALL[1]!, boxes)).toThrow(code('MESSAGE_INVALID'));
    expect(add('zoe', boxes)).toThrow(code('NOT_IN_ROUND'));
    expect(() => round.aggregator.boxesFor(ALL[0]!)).toThrow(code('WRONG_STAGE'));
  });

  it('refuses a masked update that is not what its digest says, of another length, too late, or of who is out', async () => {
    round.advertise();
    await round.share();
    await round.mask(update);
    const [digest, vector] = [round.participants[0]!.vectorDigest, round.vectors.get(ALL[0]!)!];
    const add = (name: string, of: string, elements: Uint32Array): Promise<void> =>
      round.aggregator.addVector(name, of, [elements]);
    await expect(
      add(
        VICTIM,
        digest,
        vector.map((x) => x + 1),
      ),
    ).rejects.toThrow(code('MESSAGE_INVALID'));
    await expect(add(VICTIM, digest, vector.subarray(1))).rejects.toThrow(code('UPDATE_INVALID'));
    await expect(add(VICTIM, digest, new Uint32Array(11))).rejects.toThrow(code('UPDATE_INVALID'));
    await expect(add('zoe', digest, vector)).rejects.toThrow(code('NOT_IN_ROUND'));
    round.aggregator.closeUploads();
    await expect(add(VICTIM, digest, vector)).rejects.toThrow(code('WRONG_STAGE'));
  });

  it('refuses confirmations and revelations of others, of another list, and of other shares', async () => {
    round.advertise();
    await round.share();
    await round.mask(update);
    const list = round.aggregator.closeUploads();
    const confirmation = round.participants[0]!.confirm(list);
    const confirm = (change: object) => () =>
      round.aggregator.addConfirmation({ ...confirmation, ...change });
    expect(confirm({ participant: ALL[1]! })).toThrow(code('MESSAGE_INVALID'));
    const other = { participant: ALL[0]!, list: listDigest({ ...list, survivors: [] }) };
    expect(confirm(other)).toThrow(code('MESSAGE_INVALID'));
    const signature = toBase64(round.enrolment.identity(ALL[0]!).sign(confirmationBytes(other)));
    expect(confirm({ ...other, signature })).toThrow(/of another list/);
    round.confirm();
    const all = round.aggregator.closeConfirmations();
    const revelation = round.participants[0]!.reveal(all, round.enrolment.verify);
    const reveal = (change: object) => () => round.aggregator.addRevelation({ ...revelation, ...change });
    const { seeds, keys } = revelation;
    expect(reveal({ participant: VICTIM })).toThrow(code('NOT_IN_ROUND'));
    // Both kinds of share of one client are not taken either.
    expect(reveal({ seeds: [...seeds, keys[0]!] })).toThrow(code('MESSAGE_INVALID'));
    expect(reveal({ keys: [] })).toThrow(code('MESSAGE_INVALID'));
    expect(reveal({ seeds: seeds.slice(1) })).toThrow(code('MESSAGE_INVALID'));
  });

  /** The first share of one kind, changed. */
  const wrongShare = (revelation: Revelation, kind: 'seeds' | 'keys'): Revelation => {
    const [first, ...rest] = revelation[kind];
    const bytes = Buffer.from(first!.share, 'base64');
    bytes[3]! ^= 1;
    return { ...revelation, [kind]: [{ ...first!, share: toBase64(bytes) }, ...rest] };
  };
  /** @param wrong participants of whose shares one is wrong */
  async function revealedWith(wrong: readonly string[], kind: 'seeds' | 'keys'): Promise<void> {
    round.advertise();
    await round.share();
    await round.mask(update);
    round.confirm();
    const all = round.aggregator.closeConfirmations();
    for (const one of round.at('reveal')) {
      const revelation = one.reveal(all, round.enrolment.verify);
      round.aggregator.addRevelation(wrong.includes(one.name) ? wrongShare(revelation, kind) : revelation);
    }
  }

  it('does without a wrong share of a key where there is one to spare', async () => {
    await revealedWith([ALL[2]!], 'keys');
    expect(await round.open()).toEqual(SUM);
  });

  it.each<['seeds' | 'keys', string[]]>([
    // Five of six shares are needed of the victim's key, five of five of a survivor's seed.
    ['keys', ALL.slice(1, 4)],
    ['seeds', ALL.slice(1, 2)],
  ])('opens no wrong sum where wrong shares are too many: of %s', async (kind, wrong) => {
    await revealedWith(wrong, kind);
    await expect(round.open()).rejects.toThrow(code('ROUND_ABORTED'));
    expect(round.aggregator.aborted?.reason).toBe('wrong-shares');
  });

  it('opens no sum of what was changed where it lay', async () => {
    await revealedWith([], 'keys');
    round.vectors.get(ALL[0]!)![5]! ^= 1;
    await expect(round.open()).rejects.toThrow(code('ROUND_ABORTED'));
    expect(round.aggregator.aborted?.reason).toBe('vector-changed');
    restart();
    await expect(round.open()).rejects.toThrow(code('WRONG_STAGE'));
  });

  it('refuses steps out of order, and all of them once the round has ended', async () => {
    expect(() => round.aggregator.roster()).toThrow(code('WRONG_STAGE'));
    expect(() => round.aggregator.closeSharing()).toThrow(code('WRONG_STAGE'));
    expect(() => round.aggregator.closeUploads()).toThrow(code('WRONG_STAGE'));
    expect(() => round.aggregator.closeConfirmations()).toThrow(code('WRONG_STAGE'));
    await expect(round.open()).rejects.toThrow(code('WRONG_STAGE'));
    round.aggregator.abort('cancelled', 'the owner closed the federation');
    expect(round.aggregator.aborted).toEqual({
      reason: 'cancelled',
      message: 'the owner closed the federation',
    });
    expect(() => round.advertise()).toThrow(code('WRONG_STAGE'));
    expect(() => round.aggregator.closeRoster()).toThrow(code('WRONG_STAGE'));
  });
});

describe('dropouts', () => {
  const steps: readonly LastStep[] = ['advertise', 'share', 'mask', 'confirm'];
  const pairs = steps.flatMap((first) => steps.map((second): [LastStep, LastStep] => [first, second]));

  it.each(pairs)(
    'two at once, after %s and after %s: the sum of those whose updates arrived',
    async (one, other) => {
      const all = names(8);
      const last = new Map<string, LastStep>([
        [all[2]!, one],
        [all[5]!, other],
      ]);
      round = new SimulatedRound(roundTerms({ minSurvivors: 5, colluders: 1 }), all, last);
      const sum = await round.run((name) => new Int32Array(10).fill(2 ** all.indexOf(name)));
      const arrived = all.filter((name) => !['advertise', 'share'].includes(last.get(name) ?? 'reveal'));
      const expected = arrived.reduce((total, name) => total + 2 ** all.indexOf(name), 0);
      expect(sum).toEqual(new Int32Array(10).fill(expected));
    },
  );

  it.each<[LastStep, string]>([
    ['advertise', 'too-few-sharers'],
    ['share', 'too-few-survivors'],
    ['mask', 'too-few-confirmations'],
    ['confirm', 'too-few-shares'],
  ])('of half of them, after %s: no sum, and the reason is %s', async (step, reason) => {
    const last = new Map(ALL.slice(0, 4).map((name) => [name, step]));
    round = new SimulatedRound(TERMS, ALL, last);
    await expect(round.run(update)).rejects.toThrow(code('ROUND_ABORTED'));
    expect(round.aggregator.aborted?.reason).toBe(reason);
  });

  it('of whom the others could still be summed, but are fewer than the terms say: no sum', async () => {
    const all = names(9);
    const last = new Map<string, LastStep>([
      [all[0]!, 'share'],
      [all[1]!, 'share'],
    ]);
    round = new SimulatedRound(roundTerms({ minSurvivors: 8 }), all, last);
    await expect(round.run(() => new Int32Array(10))).rejects.toThrow(/7 of 8 updates/);
    expect(round.aggregator.aborted?.reason).toBe('too-few-survivors');
  });

  it('of whom too few are left before the roster: no sum', () => {
    for (const one of round.participants.slice(0, 3)) round.aggregator.addAdvertisement(one.advertisement());
    expect(() => round.aggregator.closeRoster()).toThrow(code('ROUND_ABORTED'));
    expect(round.aggregator.aborted?.reason).toBe('too-few-participants');
  });
});

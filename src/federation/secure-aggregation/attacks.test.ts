/** What an aggregator that is not honest, alone or with a participant, is refused by an honest participant. */
import { beforeEach, describe, expect, it } from 'vitest';
import { systemBytes } from '../privacy/random-integers.ts';
import type { Confirmation, Roster, ShareBox, SurvivorList } from './messages.ts';
import { advertisementBytes, rosterDigest, toBase64 } from './messages.ts';
import { SecureParticipant } from './participant.ts';
import { termsDigest } from '../round-terms.ts';
import { names, roundTerms, SimulatedRound, viaJson } from './testing/simulated-round.ts';

const ALL = names(7);
const TERMS = roundTerms({ minSurvivors: 4, colluders: 1 });
const TERMS9 = roundTerms({ minSurvivors: 8 });
const VICTIM = ALL[6]!;
const update = (name: string): Int32Array => new Int32Array(10).fill(ALL.indexOf(name) + 1);
const code = (name: string): RegExp | object =>
  expect.objectContaining({ code: `FEDERATION_${name}` }) as object;

let round: SimulatedRound;
let honest: SecureParticipant;

/** Up to where everybody but the victim has uploaded. */
async function untilUploaded(): Promise<void> {
  round = new SimulatedRound(TERMS, ALL, new Map([[VICTIM, 'share']]));
  honest = round.participants[0]!;
  round.advertise();
  await round.share();
  await round.mask(update);
}

/** As after a restart, at any moment. */
function restarted(one: SecureParticipant): SecureParticipant {
  return SecureParticipant.resume(viaJson(one.state()), round.enrolment.identity(one.name));
}

/** Both lists of an aggregator that asks for both kinds of share of one client. */
function twoLists(): { readonly without: SurvivorList; readonly with: SurvivorList } {
  const without = round.aggregator.closeUploads();
  return { without, with: { ...without, survivors: [...without.sharers] } };
}

describe('both kinds of share of one client', () => {
  beforeEach(untilUploaded);

  it('are never given: a second list is refused, before and after a restart, and after revealing', () => {
    const lists = twoLists();
    for (const one of round.at('mask')) round.aggregator.addConfirmation(one.confirm(lists.without));
    expect(() => honest.confirm(lists.with)).toThrow(code('EQUIVOCATION'));
    expect(() => restarted(honest).confirm(lists.with)).toThrow(code('EQUIVOCATION'));
    const revelation = honest.reveal(round.aggregator.closeConfirmations(), round.enrolment.verify);
    expect(revelation.keys.map(({ of }) => of)).toEqual([VICTIM]);
    expect(revelation.seeds.map(({ of }) => of)).not.toContain(VICTIM);
    for (const one of [honest, restarted(honest)]) {
      expect(() => one.confirm(lists.with)).toThrow(code('EQUIVOCATION'));
      expect(one.reveal([], round.enrolment.verify)).toEqual(revelation);
    }
  });

  it('are not left in what is stored, once one kind was given', () => {
    const { entrusted } = honest.state();
    const seed = entrusted!.find(({ of }) => of === VICTIM)!.seed;
    const key = entrusted!.find(({ of }) => of === ALL[1])!.key;
    round.confirm();
    honest.reveal(round.aggregator.closeConfirmations(), round.enrolment.verify);
    const stored = JSON.stringify(honest.state());
    expect(stored).not.toContain(seed);
    expect(stored).not.toContain(key);
    expect(honest.state().secrets).toBeNull();
  });

  it('are not given to an aggregator that shows half of them one list and half another', () => {
    const lists = twoLists();
    const confirmations = round
      .at('mask')
      .map((one, i): Confirmation => one.confirm(i % 2 === 0 ? lists.without : lists.with));
    const same = confirmations.filter((_, i) => i % 2 === 0);
    expect(() => honest.reveal(same, round.enrolment.verify)).toThrow(code('CONFIRMATIONS_MISSING'));
    expect(() => honest.reveal(confirmations, round.enrolment.verify)).toThrow(code('EQUIVOCATION'));
    expect(honest.stage).toBe('confirmed');
  });

  it('are not given for confirmations that nobody signed, that a stranger signed, or that count twice', () => {
    round.confirm();
    const confirmations = round.aggregator.closeConfirmations();
    const forged = confirmations.map((each) => ({ ...each, signature: confirmations[0]!.signature }));
    expect(() => honest.reveal(forged, round.enrolment.verify)).toThrow(code('SIGNATURE_INVALID'));
    const twice = confirmations.slice(0, 3).flatMap((each) => [each, each]);
    expect(() => honest.reveal(twice, round.enrolment.verify)).toThrow(code('MESSAGE_INVALID'));
    const dropout = { ...confirmations[0]!, participant: VICTIM };
    expect(() => honest.reveal([...confirmations, dropout], round.enrolment.verify)).toThrow(
      code('MESSAGE_INVALID'),
    );
    expect(() => honest.reveal(confirmations.slice(0, 4), round.enrolment.verify)).toThrow(
      code('CONFIRMATIONS_MISSING'),
    );
    expect(honest.reveal(confirmations.slice(0, 5), round.enrolment.verify).keys).toHaveLength(1);
  });
});

describe('a roster', () => {
  const roster = (change: (roster: Roster) => Roster): Roster => change(viaJson(round.aggregator.roster()));
  const refuse = (change: (roster: Roster) => Roster, as: string): Promise<void> =>
    expect(honest.shareKeys(roster(change), round.enrolment.verify)).rejects.toThrow(code(as));

  beforeEach(() => {
    round = new SimulatedRound(TERMS, ALL);
    honest = round.participants[0]!;
    round.advertise();
    round.aggregator.closeRoster();
  });

  it('without the participant, or with another key of it, is refused', async () => {
    await refuse((r) => ({ ...r, advertisements: r.advertisements.slice(1) }), 'ROSTER_REFUSED');
    const again = SecureParticipant.join(TERMS, ALL[0]!, round.enrolment.identity(ALL[0]!), systemBytes);
    await refuse(
      (r) => ({ ...r, advertisements: [again.advertisement(), ...r.advertisements.slice(1)] }),
      'ROSTER_REFUSED',
    );
  });

  it.each(['maskKey', 'channelKey', 'seedDigest'] as const)(
    'with another %s of the participant is refused, though it is signed',
    async (field) => {
      const again = SecureParticipant.join(TERMS, ALL[0]!, round.enrolment.identity(ALL[0]!), systemBytes);
      await refuse((r) => {
        const [first, ...rest] = r.advertisements;
        const changed = { ...first!, [field]: again.advertisement()[field] };
        const bytes = advertisementBytes(termsDigest(TERMS), changed);
        const signature = toBase64(round.enrolment.identity(ALL[0]!).sign(bytes));
        return { ...r, advertisements: [{ ...changed, signature }, ...rest] };
      }, 'ROSTER_REFUSED');
    },
  );

  it('of invented participants, or whose keys were exchanged, is refused', async () => {
    const other = new SimulatedRound(TERMS, ALL);
    other.advertise();
    const invented = other.aggregator.closeRoster().advertisements;
    await refuse(
      (r) => ({ ...r, advertisements: [r.advertisements[0]!, ...invented.slice(1)] }),
      'SIGNATURE_INVALID',
    );
    await refuse((r) => {
      const [first, second, ...rest] = r.advertisements;
      return { ...r, advertisements: [first!, { ...second!, maskKey: invented[1]!.maskKey }, ...rest] };
    }, 'SIGNATURE_INVALID');
  });

  it('that names one twice, out of order, or two with one key, is refused', async () => {
    await refuse(
      (r) => ({ ...r, advertisements: [r.advertisements[0]!, ...r.advertisements] }),
      'MESSAGE_INVALID',
    );
    await refuse((r) => ({ ...r, advertisements: [...r.advertisements].reverse() }), 'MESSAGE_INVALID');
    await refuse((r) => {
      const [first, second, ...rest] = r.advertisements;
      const terms = termsDigest(TERMS);
      const copied = { ...second!, maskKey: first!.maskKey };
      const signature = toBase64(round.enrolment.identity(ALL[1]!).sign(advertisementBytes(terms, copied)));
      return { ...r, advertisements: [first!, { ...copied, signature }, ...rest] };
    }, 'ROSTER_REFUSED');
  });

  it('of other terms, or of too few, is refused', async () => {
    await refuse((r) => ({ ...r, terms: { ...TERMS, minSurvivors: 3 } }), 'ROSTER_REFUSED');
    await refuse((r) => ({ ...r, terms: { ...TERMS, round: 2 } }), 'ROSTER_REFUSED');
    await refuse((r) => ({ ...r, terms: null as never }), 'ROSTER_REFUSED');
    await refuse((r) => ({ ...r, advertisements: r.advertisements.slice(0, 3) }), 'TERMS_REFUSED');
  });

  it('is accepted once: another one is refused, also after a restart', async () => {
    const first = roster((r) => r);
    const boxes = await honest.shareKeys(first, round.enrolment.verify);
    const second = { ...first, advertisements: first.advertisements.slice(0, 6) };
    for (const one of [honest, restarted(honest)]) {
      await expect(one.shareKeys(second, round.enrolment.verify)).rejects.toThrow(code('EQUIVOCATION'));
      expect(await one.shareKeys(first, round.enrolment.verify)).toEqual(boxes);
    }
  });

  it('of an earlier round is of no use to one who joins anew', async () => {
    const again = SecureParticipant.join(TERMS, ALL[0]!, round.enrolment.identity(ALL[0]!), systemBytes);
    await expect(
      again.shareKeys(
        roster((r) => r),
        round.enrolment.verify,
      ),
    ).rejects.toThrow(code('ROSTER_REFUSED'));
  });

  it('that differs between two participants leaves them without shares of each other', async () => {
    const first = roster((r) => r);
    const second = { ...first, advertisements: first.advertisements.slice(0, 6) };
    expect(rosterDigest(first)).not.toBe(rosterDigest(second));
    await honest.shareKeys(first, round.enrolment.verify);
    const boxes: ShareBox[] = [];
    for (const one of round.participants.slice(1, 6))
      boxes.push(
        ...(await one.shareKeys(second, round.enrolment.verify)).filter(({ to }) => to === honest.name),
      );
    expect(() => honest.receiveShares(boxes)).toThrow(code('SHARE_INVALID'));
  });
});

describe('share boxes', () => {
  let boxes: readonly ShareBox[];

  beforeEach(async () => {
    round = new SimulatedRound(TERMS, ALL);
    honest = round.participants[0]!;
    round.advertise();
    await round.share();
    round.aggregator.closeSharing();
    boxes = viaJson(round.aggregator.boxesFor(honest.name));
  });

  it('that were changed, exchanged, or meant for another are refused', () => {
    const [first, second, ...rest] = boxes;
    const swapped = [{ ...first!, box: second!.box }, { ...second!, box: first!.box }, ...rest];
    expect(() => honest.receiveShares(swapped)).toThrow(code('SHARE_INVALID'));
    const bytes = Buffer.from(first!.box, 'base64');
    bytes[40]! ^= 1;
    const changed = [{ ...first!, box: toBase64(bytes) }, second!, ...rest];
    expect(() => honest.receiveShares(changed)).toThrow(code('SHARE_INVALID'));
    const others = round.aggregator.boxesFor(ALL[1]!);
    expect(() => honest.receiveShares(others)).toThrow(code('MESSAGE_INVALID'));
    const relabelled = others
      .map((box) => ({ ...box, to: honest.name }))
      .filter(({ from }) => from !== honest.name);
    expect(() => honest.receiveShares(relabelled)).toThrow(code('SHARE_INVALID'));
    expect(() => honest.receiveShares([...rest, first!, first!])).toThrow(code('MESSAGE_INVALID'));
    honest.receiveShares(boxes);
    expect(honest.stage).toBe('received');
  });

  it('of too few neighbours end the round for the participant', () => {
    expect(() => honest.receiveShares(boxes.slice(0, 3))).toThrow(code('ROUND_ABORTED'));
  });

  it('are taken once: a smaller set later would leave masks that nobody takes off', () => {
    honest.receiveShares(boxes);
    for (const one of [honest, restarted(honest)]) {
      expect(() => one.receiveShares(boxes.slice(1))).toThrow(code('EQUIVOCATION'));
      one.receiveShares(boxes);
    }
  });
});

describe('a survivor list', () => {
  beforeEach(untilUploaded);

  it.each<[string, (list: SurvivorList) => SurvivorList, string]>([
    ['of another round', (l) => ({ ...l, roster: 'b'.repeat(64) }), 'LIST_REFUSED'],
    ['without the participant', (l) => ({ ...l, survivors: l.survivors.slice(1) }), 'LIST_REFUSED'],
    ['of too few', (l) => ({ ...l, survivors: l.survivors.slice(0, 3) }), 'LIST_REFUSED'],
    ['without a sharer', (l) => ({ ...l, sharers: l.sharers.slice(0, 6) }), 'LIST_REFUSED'],
    ['with a stranger', (l) => ({ ...l, sharers: [...l.sharers, 'zoe'] }), 'LIST_REFUSED'],
    ['of a survivor that shared nothing', (l) => ({ ...l, sharers: l.sharers.slice(1) }), 'MESSAGE_INVALID'],
    ['in disorder', (l) => ({ ...l, survivors: [...l.survivors].reverse() }), 'MESSAGE_INVALID'],
  ])('%s is refused, and nothing is signed', (_, change, refusal) => {
    const list = round.aggregator.closeUploads();
    expect(() => honest.confirm(change(list))).toThrow(code(refusal));
    expect(honest.state().confirmation).toBeNull();
    expect(honest.confirm(list).participant).toBe(honest.name);
  });

  it('with a sharer whose box never came is refused', async () => {
    const many = names(9);
    round = new SimulatedRound(TERMS9, many, new Map([[many[8]!, 'advertise']]));
    round.advertise();
    await round.share();
    await round.mask(() => new Int32Array(10));
    const list = round.aggregator.closeUploads();
    expect(() => round.participants[0]!.confirm({ ...list, sharers: many })).toThrow(code('LIST_REFUSED'));
    expect(round.participants[0]!.confirm(list).participant).toBe(many[0]);
  });

  it('of fewer than the terms say is refused, though they could open the sum', async () => {
    const many = names(9);
    round = new SimulatedRound(TERMS9, many);
    round.advertise();
    await round.share();
    await round.mask(() => new Int32Array(10));
    const list = round.aggregator.closeUploads();
    expect(() => round.participants[0]!.confirm({ ...list, survivors: many.slice(0, 7) })).toThrow(
      /fewer than the 8/,
    );
    expect(round.participants[0]!.confirm({ ...list, survivors: many.slice(0, 8) }).participant).toBe(
      many[0],
    );
  });

  it('by which colluders could part the sum is refused', async () => {
    const many = names(16);
    const terms = roundTerms({ neighbours: 8, colluders: 5, shareThreshold: 0.75, minSurvivors: 8 });
    round = new SimulatedRound(terms, many);
    round.advertise();
    await round.share();
    await round.mask(() => new Int32Array(10));
    const { roster, sharers, survivors } = round.aggregator.closeUploads();
    // Two out of four in a row on the circle: eight neighbours, none missing, are cut by eight; with two gone by six; with six gone by fewer.
    const list = { roster, sharers, survivors };
    expect(round.participants[0]!.confirm(list).list).toMatch(/^[0-9a-f]{64}$/);
    const refusals = round.participants.slice(1).map((one) => {
      const others = survivors.filter((name) => name !== one.name).slice(0, 9);
      try {
        one.confirm({ roster, sharers, survivors: [one.name, ...others].sort() });
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    });
    expect(refusals.filter((message) => /apart|left to open/.test(message)).length).toBe(15);
    expect(refusals.some((message) => message.includes('apart'))).toBe(true);
  });
});

describe('masking', () => {
  beforeEach(untilUploaded);

  it('another update under the same masks is refused, also after a restart; the same one gives the same', async () => {
    const masked = async (one: SecureParticipant, vector: Int32Array): Promise<Uint32Array[]> => {
      const blocks: Uint32Array[] = [];
      for await (const block of one.maskedBlocks([vector])) blocks.push(block);
      return blocks;
    };
    for (const one of [honest, restarted(honest)]) {
      await expect(masked(one, update(ALL[1]!))).rejects.toThrow(code('UPDATE_CHANGED'));
      expect(await masked(one, update(honest.name))).toEqual([round.vectors.get(honest.name)]);
      await expect(masked(one, new Int32Array(9))).rejects.toThrow(code('UPDATE_INVALID'));
    }
  });

  it('draws the same noise after a restart, and other noise in another round', () => {
    const drawn = (one: SecureParticipant): Uint8Array => {
      const bytes = new Uint8Array(16);
      one.noiseBytes()(bytes);
      return bytes;
    };
    expect(drawn(restarted(honest))).toEqual(drawn(honest));
    expect(drawn(round.participants[1]!)).not.toEqual(drawn(honest));
  });
});

it('leaving a round leaves no secret, and no way back', async () => {
  await untilUploaded();
  honest.abort('told to');
  const stored = honest.state();
  expect(stored).toMatchObject({
    stage: 'aborted',
    secrets: null,
    entrusted: null,
    boxes: null,
    aborted: 'told to',
  });
  for (const one of [honest, restarted(honest)]) {
    expect(() => one.confirm(round.aggregator.closeUploads())).toThrow(code('WRONG_STAGE'));
    expect(() => one.reveal([], round.enrolment.verify)).toThrow(code('WRONG_STAGE'));
    expect(() => one.noiseBytes()).toThrow(code('WRONG_STAGE'));
  }
});

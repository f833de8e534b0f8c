/**
 * Rounds in which parties are killed and started again from what they had stored: before storing (all of the step is lost), after it (nothing was
 * sent), and after sending (it is sent again). What ever left a participant is kept, to see that it never was both kinds of share of one client.
 */
import { expect, it } from 'vitest';
import { RandomIntegers, seededBytes } from '../privacy/random-integers.ts';
import { SecureAggregator } from './aggregator.ts';
import type { Revelation } from './messages.ts';
import { SecureParticipant } from './participant.ts';
import type { LastStep } from './testing/simulated-round.ts';
import { names, roundTerms, SimulatedRound, viaJson } from './testing/simulated-round.ts';

const KILLS = 60;
const KILLS_A_ROUND = 5;
const all = names(6);
const terms = roundTerms({ minSurvivors: 4, colluders: 1 });
const update = (name: string): Int32Array => new Int32Array(10).fill(3 ** all.indexOf(name));

class KilledRound {
  readonly round: SimulatedRound;
  readonly sent: Revelation[] = [];
  readonly #random: RandomIntegers;
  #killsLeft = KILLS_A_ROUND;
  kills = 0;

  constructor(seed: string) {
    this.#random = new RandomIntegers(seededBytes(seed));
    const steps: readonly LastStep[] = ['share', 'mask', 'confirm'];
    this.round = new SimulatedRound(
      terms,
      all,
      new Map([[all[this.#random.below(6)]!, steps[this.#random.below(3)]!]]),
    );
  }

  #isKilled(): boolean {
    if (this.#killsLeft === 0 || this.#random.below(12) !== 0) return false;
    this.#killsLeft--;
    this.kills++;
    return true;
  }

  /** A participant's step, to be stored and then sent. */
  async step<T>(
    name: string,
    work: (one: SecureParticipant) => T | Promise<T>,
    send: (result: T) => unknown,
  ): Promise<void> {
    const { participants, enrolment } = this.round;
    const index = all.indexOf(name);
    let stored = viaJson(participants[index]!.state());
    const restart = (): void => {
      participants[index] = SecureParticipant.resume(viaJson(stored), enrolment.identity(name));
    };
    for (let again = true; again;) {
      const result = await work(participants[index]!);
      again = this.#isKilled();
      if (again) {
        restart();
        continue;
      }
      stored = viaJson(participants[index]!.state());
      again = this.#isKilled();
      if (again) {
        restart();
        continue;
      }
      await this.hear(() => send(viaJson(result)));
      again = this.#isKilled();
      if (again) restart();
    }
  }

  /** What the aggregator does with a message, stored before it is acknowledged; what is not acknowledged is sent again. */
  async hear<T>(work: (aggregator: SecureAggregator) => T | Promise<T>): Promise<T> {
    for (;;) {
      const stored = viaJson(this.round.aggregator.snapshot());
      const answer = await work(this.round.aggregator);
      const isStored = this.#random.bit();
      if (!this.#isKilled()) return answer;
      const state = isStored ? viaJson(this.round.aggregator.snapshot()) : stored;
      this.round.aggregator = SecureAggregator.resume(state, this.round.enrolment.verify);
    }
  }

  async run(): Promise<Int32Array> {
    const { round } = this;
    const { verify } = round.enrolment;
    const at = (step: LastStep): string[] => round.at(step).map(({ name }) => name);
    for (const name of all)
      await this.step(
        name,
        (one) => one.advertisement(),
        (ad) => round.aggregator.addAdvertisement(ad),
      );
    const roster = await this.hear((aggregator) => aggregator.closeRoster());
    for (const name of at('share'))
      await this.step(
        name,
        (one) => one.shareKeys(roster, verify),
        (boxes) => round.aggregator.addShares(name, boxes),
      );
    await this.hear((aggregator) => aggregator.closeSharing());
    for (const name of at('mask')) {
      const boxes = round.aggregator.boxesFor(name);
      await this.step(
        name,
        (one) => one.receiveShares(boxes) ?? null,
        () => null,
      );
      const mask = async (one: SecureParticipant): Promise<{ digest: string; vector: number[] }> => {
        const vector: number[] = [];
        for await (const block of one.maskedBlocks([update(name)])) vector.push(...block);
        return { digest: one.vectorDigest, vector };
      };
      await this.step(name, mask, async ({ digest, vector }) => {
        round.vectors.set(name, Uint32Array.from(vector));
        await round.aggregator.addVector(name, digest, [Uint32Array.from(vector)]);
      });
    }
    const list = await this.hear((aggregator) => aggregator.closeUploads());
    for (const name of at('confirm'))
      await this.step(
        name,
        (one) => one.confirm(list),
        (confirmation) => round.aggregator.addConfirmation(confirmation),
      );
    const confirmations = await this.hear((aggregator) => aggregator.closeConfirmations());
    for (const name of at('reveal'))
      await this.step(
        name,
        (one) => one.reveal(confirmations, verify),
        (revelation) => {
          this.sent.push(revelation);
          round.aggregator.addRevelation(revelation);
        },
      );
    return this.hear(() => round.open());
  }
}

it(`${KILLS} kills, each anywhere in a round, change no sum and bring nobody to give both kinds of share`, async () => {
  let kills = 0;
  for (let i = 0; kills < KILLS; i++) {
    const killed = new KilledRound(`round ${i}`);
    const sum = await killed.run();
    kills += killed.kills;
    const arrived = killed.round.at('mask').map(({ name }) => update(name)[0]!);
    expect(sum).toEqual(new Int32Array(10).fill(arrived.reduce((total, each) => total + each, 0)));
    const given = (kind: 'seeds' | 'keys'): Set<string> =>
      new Set(killed.sent.flatMap((each) => each[kind].map(({ of }) => of)));
    const [seeds, keys] = [given('seeds'), given('keys')];
    expect([...seeds].filter((name) => keys.has(name))).toEqual([]);
    expect(seeds.size + keys.size).toBe(6);
  }
}, 60_000);

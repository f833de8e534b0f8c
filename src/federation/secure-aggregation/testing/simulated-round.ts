/** Rounds in one process, for tests and measurements: everybody's messages pass through JSON, as they would on a wire. */
import type { KeyObject } from 'node:crypto';
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { systemBytes } from '../../privacy/random-integers.ts';
import type { RoundTerms } from '../../round-terms.ts';
import { SecureAggregator } from '../aggregator.ts';
import type { Identity, VerifyIdentity } from '../messages.ts';
import { toBase64 } from '../messages.ts';
import { SecureParticipant } from '../participant.ts';
import type { VectorReader } from '../unmask.ts';

/** The last step that a participant takes. */
export type LastStep = 'advertise' | 'share' | 'mask' | 'confirm' | 'reveal';
const STEPS: readonly LastStep[] = ['advertise', 'share', 'mask', 'confirm', 'reveal'];

export function roundTerms(terms: Partial<RoundTerms> = {}): RoundTerms {
  return {
    federation: 'digits',
    round: 1,
    model: 'a'.repeat(64),
    form: { length: 10, clip: 1, norm: 'l2', scale: 1000 },
    noise: { mechanism: 'none', parameter: 0 },
    protocol: 'secure-aggregation',
    maxParticipants: 16,
    minSurvivors: 4,
    colluders: 1,
    neighbours: 1000,
    shareThreshold: 0.7,
    delta: 1e-5,
    ...terms,
  };
}

/** Enrolled participants: who they are, and what everybody knows of them. */
export class Enrolment {
  readonly #keys = new Map<string, { readonly publicKey: KeyObject; readonly privateKey: KeyObject }>();

  readonly #verified = new Set<string>();

  constructor(names: readonly string[]) {
    for (const name of names) this.#keys.set(name, generateKeyPairSync('ed25519'));
  }

  identity(name: string): Identity {
    return { sign: (bytes) => sign(null, bytes, this.#keys.get(name)!.privateKey) };
  }

  /** Public keys, Base64 of SubjectPublicKeyInfo. */
  publicKeys(): Record<string, string> {
    const text = (key: KeyObject): string => key.export({ format: 'der', type: 'spki' }).toString('base64');
    return Object.fromEntries([...this.#keys].map(([name, { publicKey }]) => [name, text(publicKey)]));
  }

  /** Everybody verifies the same signatures: what was once found right is not computed again. */
  readonly verify: VerifyIdentity = (name, bytes, signature) => {
    const keys = this.#keys.get(name);
    const text = [name, toBase64(bytes), toBase64(signature)].join(' ');
    if (keys === undefined || this.#verified.has(text)) return keys !== undefined;
    const isRight = verify(null, bytes, keys.publicKey, signature);
    if (isRight) this.#verified.add(text);
    return isRight;
  };
}

export const viaJson = <T>(message: T): T => JSON.parse(JSON.stringify(message)) as T;

export function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `site-${String(i).padStart(4, '0')}`);
}

/** One round, step by step, so that a test can do something else at any of them. */
export class SimulatedRound {
  readonly enrolment: Enrolment;
  readonly participants: SecureParticipant[];
  readonly vectors = new Map<string, Uint32Array<ArrayBuffer>>();
  readonly last: ReadonlyMap<string, LastStep>;
  aggregator: SecureAggregator;

  /** @param last who stops after which step; nobody else does */
  constructor(terms: RoundTerms, all: readonly string[], last: ReadonlyMap<string, LastStep> = new Map()) {
    this.enrolment = new Enrolment(all);
    this.last = last;
    this.aggregator = SecureAggregator.open(terms, this.enrolment.verify);
    this.participants = all.map((name) =>
      SecureParticipant.join(terms, name, this.enrolment.identity(name), systemBytes),
    );
  }

  /** Who takes a step. */
  at(step: LastStep): SecureParticipant[] {
    return this.participants.filter(
      (one) => STEPS.indexOf(this.last.get(one.name) ?? 'reveal') >= STEPS.indexOf(step),
    );
  }

  readonly read: VectorReader = (name, start, length) =>
    this.vectors.get(name)!.subarray(start, start + length);

  advertise(): void {
    for (const one of this.participants) this.aggregator.addAdvertisement(viaJson(one.advertisement()));
  }

  async share(): Promise<void> {
    const roster = this.aggregator.closeRoster();
    for (const one of this.at('share'))
      this.aggregator.addShares(
        one.name,
        viaJson(await one.shareKeys(viaJson(roster), this.enrolment.verify)),
      );
  }

  /** @param updateOf quantised and noised */
  async mask(updateOf: (name: string) => Int32Array): Promise<void> {
    this.aggregator.closeSharing();
    for (const one of this.at('share')) one.receiveShares(viaJson(this.aggregator.boxesFor(one.name)));
    for (const one of this.at('mask')) {
      const vector = new Uint32Array(one.terms.form.length);
      let filled = 0;
      for await (const block of one.maskedBlocks([updateOf(one.name)])) {
        vector.set(block, filled);
        filled += block.length;
      }
      this.vectors.set(one.name, vector);
      await this.aggregator.addVector(one.name, one.vectorDigest, [vector]);
    }
  }

  confirm(): void {
    const list = this.aggregator.closeUploads();
    for (const one of this.at('confirm'))
      this.aggregator.addConfirmation(viaJson(one.confirm(viaJson(list))));
  }

  reveal(): void {
    const confirmations = this.aggregator.closeConfirmations();
    for (const one of this.at('reveal'))
      this.aggregator.addRevelation(viaJson(one.reveal(viaJson(confirmations), this.enrolment.verify)));
  }

  async open(): Promise<Int32Array> {
    const blocks: Int32Array[] = [];
    for await (const block of this.aggregator.openSum(this.read)) blocks.push(block);
    const sum = new Int32Array(blocks.reduce((length, block) => length + block.length, 0));
    blocks.reduce((filled, block) => (sum.set(block, filled), filled + block.length), 0);
    return sum;
  }

  async run(updateOf: (name: string) => Int32Array): Promise<Int32Array> {
    this.advertise();
    await this.share();
    await this.mask(updateOf);
    this.confirm();
    this.reveal();
    return this.open();
  }
}

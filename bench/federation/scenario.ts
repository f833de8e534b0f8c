/** What is measured, and the vectors that everybody in it has. */
import { systemBytes, seededBytes } from '../../src/federation/privacy/random-integers.ts';
import type { RoundTerms } from '../../src/federation/round-terms.ts';
import { BLOCK_ELEMENTS } from '../../src/federation/secure-aggregation/mask-stream.ts';
import { names } from '../../src/federation/secure-aggregation/testing/simulated-round.ts';

export interface Scenario {
  readonly name: string;
  readonly participants: number;
  readonly length: number;
  /** Who shares keys and is not heard of again: masks of theirs have to be rebuilt. */
  readonly dropouts: number;
  readonly terms: RoundTerms;
}

const CLIP = 1;
const SCALE = 2 ** 20;

function scenario(
  name: string,
  participants: number,
  length: number,
  dropouts: number,
  some: Partial<RoundTerms>,
): Scenario {
  return {
    name,
    participants,
    length,
    dropouts,
    terms: {
      federation: 'bench',
      round: 1,
      model: '0'.repeat(64),
      form: { length, clip: CLIP, norm: 'l2', scale: SCALE },
      noise: { mechanism: 'none', parameter: 0 },
      protocol: 'secure-aggregation',
      maxParticipants: participants,
      minSurvivors: Math.floor((2 * participants) / 3) + 1,
      colluders: 1,
      neighbours: participants - 1,
      shareThreshold: 0.67,
      delta: 1e-6,
      ...some,
    },
  };
}

export const SCENARIOS: readonly Scenario[] = [
  // σ of the sum four times a participant's bound, of six survivors less one colluder.
  scenario('10^7 x 8', 8, 10_000_000, 1, {
    noise: { mechanism: 'discrete-gaussian', parameter: Math.ceil((4 * SCALE) ** 2 / 5) },
  }),
  // 50 colluders neither rebuild a secret (67 shares of 100) nor part the sum (two windows of 50 on the circle, less dropouts).
  scenario('10^5 x 1000', 1000, 100_000, 50, {
    neighbours: 100,
    colluders: 50,
    form: { length: 100_000, clip: CLIP, norm: 'l2', scale: 2 ** 20 },
    noise: { mechanism: 'discrete-gaussian', parameter: Math.ceil((4 * SCALE) ** 2 / 617) },
  }),
];

export function scenarioOf(name: string): Scenario {
  return SCENARIOS.find((one) => one.name === name)!;
}

export function everybody({ participants }: Scenario): string[] {
  return names(participants);
}

export function survivors(one: Scenario): string[] {
  return everybody(one).slice(0, one.participants - one.dropouts);
}

/** Any integers, in blocks: what a participant masks. The same whenever they are asked for. */
export function* updateBlocks(name: string, length: number): Generator<Int32Array<ArrayBuffer>> {
  const bytes = seededBytes(`update of ${name}`);
  for (let start = 0; start < length; start += BLOCK_ELEMENTS) {
    const block = new Int32Array(Math.min(BLOCK_ELEMENTS, length - start));
    bytes(new Uint8Array(block.buffer));
    yield block;
  }
}

/** A model's update in blocks: small numbers. */
export function* modelUpdate(length: number): Generator<Float32Array<ArrayBuffer>> {
  for (const block of updateBlocks('a model', length)) yield Float32Array.from(block, (x) => x / 2 ** 38);
}

export { systemBytes };

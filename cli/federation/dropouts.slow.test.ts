/**
 * Participants' processes are killed at every step of a round, one alone and two at once: the sum is, bit for bit, that of the others' and of
 * whoever had sent its update; where too few are left, the round ends without one. What was debited stays so, once.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RoundStatus } from '../../src/server/client/remote-federation.ts';
import { checkSum } from './check-sum.ts';
import { ProcessFederation } from './testing/process-federation.ts';
import { prepareAll, syntheticFederation } from './testing/synthetic-rounds.ts';

const NAMES = ['berlin', 'brno', 'ghent', 'lyon', 'oslo', 'porto', 'turin', 'vienna'];

interface Step {
  /** The call at which a process is killed, before it arrives or once it was answered. */
  readonly tool: string;
  readonly when: 'before' | 'after';
  /** Stage that waits for who was killed; null: none does. */
  readonly stage: 'sharing' | 'uploading' | null;
  readonly debited: boolean;
  readonly survives: boolean;
}
const STEPS: Readonly<Record<string, Step>> = {
  'before sharing': {
    tool: 'upload_key_shares',
    when: 'before',
    stage: 'sharing',
    debited: false,
    survives: false,
  },
  'after sharing': {
    tool: 'upload_key_shares',
    when: 'after',
    stage: 'uploading',
    debited: false,
    survives: false,
  },
  'before upload': {
    tool: 'upload_update_chunk',
    when: 'before',
    stage: 'uploading',
    debited: true,
    survives: false,
  },
  // Others' shares are enough.
  'before unmasking': { tool: 'reveal_shares', when: 'before', stage: null, debited: true, survives: true },
};
const ALL = Object.keys(STEPS);
const TWO = ALL.flatMap((first, i) => ALL.slice(i).map((second) => [first, second]));

let federation: ProcessFederation;
let rounds = 0;
const debits = new Map(NAMES.map((name) => [name, [] as number[]]));
beforeAll(async () => {
  federation = await ProcessFederation.open(syntheticFederation(NAMES, 'secure-aggregation'));
}, 120_000);
afterAll(async () => federation[Symbol.asyncDispose]());

/** One round in which participants are killed, each at a step. */
async function roundWith(
  fates: ReadonlyMap<string, Step>,
): Promise<{ readonly before: Uint8Array; readonly status: RoundStatus }> {
  const round = ++rounds;
  const before = await federation.model();
  await federation.openRound();
  await prepareAll(federation, round);
  const killed = new Set<string>();
  const fate = async (when: Step['when'], name: string, tool: string): Promise<boolean> => {
    const step = fates.get(name);
    if (step?.tool !== tool || step.when !== when || killed.has(name)) return true;
    killed.add(name);
    await federation.participant(name).kill();
    return false;
  };
  federation.tap.before = ({ participant, tool }) => fate('before', participant, tool);
  federation.tap.after = ({ participant, tool }) => fate('after', participant, tool);
  const running = Promise.allSettled(NAMES.map((name) => federation.contribute(name)));
  for (const stage of ['sharing', 'uploading'] as const) {
    const missing = [...fates].filter(([, step]) => step.stage === stage);
    if (missing.length === 0) continue;
    // Nobody waits for hours: all others have done the step.
    const gone = [...fates].filter(
      ([, step]) => step.stage !== null && (step.stage === 'sharing' || stage === 'uploading'),
    );
    const done = stage === 'sharing' ? 'shared' : 'uploaded';
    await federation.until(
      round,
      (status) =>
        status.stage === stage &&
        status.progress?.[done] === NAMES.length - gone.length &&
        missing.every(([name]) => killed.has(name)),
    );
    await federation.passDeadline();
  }
  const status = await federation.until(round, ({ stage }) => stage === 'opened' || stage === 'aborted');
  federation.tap.before = () => true;
  federation.tap.after = () => true;
  await running;
  expect([...killed].sort()).toEqual([...fates.keys()].sort());
  for (const name of killed) await federation.participant(name).start();
  for (const name of NAMES) if (fates.get(name)?.debited !== false) debits.get(name)!.push(round);
  return { before, status };
}

/** Of all rounds so far: every debit, once. */
async function expectLedgers(): Promise<void> {
  for (const name of NAMES) {
    const ledger = await federation.participant(name).ledger();
    expect(
      ledger.rounds.map(({ round }) => round),
      name,
    ).toEqual(debits.get(name));
  }
}

describe('a participant whose process is killed', () => {
  it.each([...ALL.map((step) => [step]), ...TWO].map((steps) => [steps.join(' and '), steps] as const))(
    '%s',
    async (_, steps) => {
      const fates = new Map(steps.map((step, i) => [NAMES[(rounds + 3 * i) % NAMES.length]!, STEPS[step]!]));
      const { before, status } = await roundWith(fates);
      const survivors = NAMES.filter((name) => fates.get(name)?.survives !== false);
      expect(status).toMatchObject({ stage: 'opened', survivors, abort_reason: null });
      const given = survivors.map((name) => federation.given.get(name)!);
      expect(checkSum(before, await federation.model(), given)).toMatchObject({ wrong: 0 });
      await expectLedgers();
    },
  );
});

describe('three of eight whose processes are killed before they upload', () => {
  it('end the round without a sum, and what was debited stays so', async () => {
    const fates = new Map(NAMES.slice(2, 5).map((name) => [name, STEPS['before upload']!]));
    const { before, status } = await roundWith(fates);
    expect(status).toMatchObject({ stage: 'aborted', abort_reason: 'too-few-survivors', new_version: null });
    expect(Buffer.compare(before, await federation.model())).toBe(0);
    await expectLedgers();
  });
});

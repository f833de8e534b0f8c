/**
 * `npm run bench:refresh`: a refresh (bootstrap) of 16,384 values in the ring of degree 32768: precision over values of several kinds, time by
 * step on one thread and on two, bytes of the keys. Goes to bench/results/refresh.json.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from '../cli/report/statistics.ts';
import { collectVersions, describeMachine } from '../cli/versions.ts';
import { Random } from '../src/compiler/random.ts';
import { refreshed } from '../src/program/semantics/evaluate-refresh.ts';
import { REFRESH_STEPS } from '../src/program/semantics/refresh-plan.ts';
import type { BootstrapChain } from '../src/runtime/backends/native/testing/bootstrap-party.ts';
import { BootstrapParty } from '../src/runtime/backends/native/testing/bootstrap-party.ts';
import { describeCommit } from './commit.ts';

/** Four levels are left for a network; 865 bits of the 868 that 128 bits of security allow. */
const CHAIN: BootstrapChain = {
  polyModulusDegree: 32768,
  dataBits: [38, 31, 31, 36, 36, 36, 36, 36, 42, 43, 41, 41, 41, 41, 41, 41, 41, 41],
  specialBits: [43, 43, 43, 43],
  dnum: 5,
  down: [7, 7].map((stages) => ({ stages, babies: 16 })),
  up: [5, 5, 4].map((stages) => ({ stages, babies: 8 })),
  scaleBits: 36,
  raisedBits: 41,
  ratio: 4,
  weight: 40,
};
/** Values reach so far; the compiler scales them. */
const REACH = 0.75;

const random = new Random(1);
const uniform = (): number => REACH * (2 * random.next() - 1);
const KINDS: Readonly<Record<string, () => (slot: number) => number>> = {
  random: () => uniform,
  constant: () => {
    const value = uniform();
    return () => value;
  },
  'one hot': () => {
    const hot = Math.floor(random.next() * 16384);
    return (slot) => (slot === hot ? REACH : 0);
  },
  extreme: () => () => (random.next() < 0.5 ? -REACH : REACH),
  correlated: () => {
    const period = 2 ** (3 + Math.floor(random.next() * 8));
    return (slot) => REACH * Math.sin((2 * Math.PI * slot) / period);
  },
};

interface Run {
  readonly kind: string;
  readonly rmsBits: number;
  readonly worstBits: number;
  readonly ms: Readonly<Record<string, number>>;
}

function measure(party: BootstrapParty, kind: string): Run {
  const valueOf = KINDS[kind]!();
  const z = Float64Array.from({ length: party.slotCount }, (_, slot) => valueOf(slot));
  const input = party.encrypt(z);
  const ms: Record<string, number> = {};
  let before = performance.now();
  const output = party.refresh(input, (step) => {
    const now = performance.now();
    ms[step] = now - before;
    before = now;
  });
  const errors = party.decrypt(output).map((s, slot) => Math.abs(s - refreshed(z[slot]!, CHAIN.ratio)));
  party.engine.free(input);
  party.engine.free(output);
  const rms = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
  const worst = errors.reduce((most, error) => Math.max(most, error), 0);
  return { kind, rmsBits: -Math.log2(rms), worstBits: -Math.log2(worst), ms };
}

const { values: flags } = parseArgs({ options: { refreshes: { type: 'string', default: '100' } } });
const kinds = Object.keys(KINDS);
const results = [];
for (const threads of [1, 2]) {
  using party = new BootstrapParty(CHAIN, threads);
  measure(party, 'random');
  const runs = Array.from({ length: Number(flags.refreshes) }, (_, i) =>
    measure(party, kinds[i % kinds.length]!),
  );
  const totals = runs.map(({ ms }) => Object.values(ms).reduce((sum, each) => sum + each, 0));
  const result = {
    threads,
    refreshes: runs.length,
    ms: {
      median: median(totals),
      least: Math.min(...totals),
      ...Object.fromEntries(REFRESH_STEPS.map((step) => [step, median(runs.map(({ ms }) => ms[step]!))])),
    },
    valuesTimesLevelsPerSecond:
      (party.slotCount * (party.plan.outputLevel - party.plan.slotsToCoefficients.length)) /
      (median(totals) / 1000),
    precisionBits: {
      rms: {
        least: Math.min(...runs.map(({ rmsBits }) => rmsBits)),
        median: median(runs.map(({ rmsBits }) => rmsBits)),
      },
      worst: {
        least: Math.min(...runs.map(({ worstBits }) => worstBits)),
        median: median(runs.map(({ worstBits }) => worstBits)),
      },
    },
    byKind: Object.fromEntries(
      kinds.map((kind) => {
        const own = runs.filter((run) => run.kind === kind);
        return [
          kind,
          {
            rmsBits: median(own.map(({ rmsBits }) => rmsBits)),
            worstBits: Math.min(...own.map(({ worstBits }) => worstBits)),
          },
        ];
      }),
    ),
    engineBytes: party.engine.status()[1],
    keyBytesSent: party.keyBytes,
    logQP: party.logQP,
  };
  console.log(JSON.stringify(result, null, 2));
  results.push(result);
}
const document = {
  schema: 1,
  name: 'refresh',
  command: 'npm run bench:refresh',
  createdAt: new Date().toISOString(),
  commit: await describeCommit(),
  machine: describeMachine(),
  versions: await collectVersions(),
  chain: CHAIN,
  reach: REACH,
  results,
};
await writeFile(join(import.meta.dirname, 'results/refresh.json'), `${JSON.stringify(document, null, 2)}\n`);

/**
 * `npm run bench:federation`: one round of secure aggregation of many parameters and of many participants: time by step, bytes per client, peak
 * memory of the aggregator and of one participant, each in a process of its own. Goes to bench/results/federation.json.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { collectVersions, describeMachine } from '../cli/versions.ts';
import { describeCommit } from './commit.ts';
import { aggregate, contribute, playRound } from './federation/roles.ts';
import type { StepTime } from './federation/measured.ts';
import type { Scenario } from './federation/scenario.ts';
import { SCENARIOS, scenarioOf } from './federation/scenario.ts';

const ROLES = { play: playRound, aggregate, contribute } as const;
type Role = keyof typeof ROLES;

/** Beside ours, as published. */
const PUBLISHED = [
  {
    protocol: 'SecAgg (Bonawitz et al., CCS 2017), from its abstract',
    setting: '2^20 elements of 16 bits, 2^10 participants',
    expansion: 1.73,
  },
  {
    protocol: 'SecAgg (Bonawitz et al., CCS 2017), from its abstract',
    setting: '2^24 elements of 16 bits, 2^14 participants',
    expansion: 1.98,
  },
];

interface Part {
  readonly participant?: Readonly<Record<string, StepTime>>;
  readonly bytesPerClient?: {
    readonly sent: Readonly<Record<string, number>>;
    readonly received: Readonly<Record<string, number>>;
  };
}

async function inProcess(role: Role, scenario: Scenario, folder: string): Promise<Part> {
  const args = [import.meta.filename, '--role', role, '--scenario', scenario.name, '--folder', folder];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 24 });
  return JSON.parse(stdout) as Part;
}

async function measure(scenario: Scenario): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), 'federation-'));
  try {
    const played = await inProcess('play', scenario, folder);
    const aggregated = await inProcess('aggregate', scenario, folder);
    const contributed = await inProcess('contribute', scenario, folder);
    const total = (bytes: Readonly<Record<string, number>>): number =>
      Object.values(bytes).reduce((sum, each) => sum + each, 0);
    const { sent, received } = played.bytesPerClient!;
    return {
      ...scenario,
      ...played,
      ...aggregated,
      ...contributed,
      participant: { ...played.participant, ...contributed.participant },
      bytesPerClientTotal: { sent: total(sent), received: total(received) },
      // As the papers count it: what is sent, against the vector alone, in elements of as many bits.
      expansion: total(sent) / (4 * scenario.length),
      expansionBothWays: (total(sent) + total(received)) / (4 * scenario.length),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const { values: flags } = parseArgs({
  options: {
    role: { type: 'string' },
    scenario: { type: 'string' },
    folder: { type: 'string' },
    output: { type: 'string', default: join(import.meta.dirname, 'results/federation.json') },
  },
});
if (flags.role !== undefined) {
  const role = ROLES[flags.role as Role];
  console.log(JSON.stringify(await role(scenarioOf(flags.scenario!), flags.folder!)));
} else {
  const [createdAt, before] = [new Date().toISOString(), loadavg()[0]!];
  const results = [];
  for (const scenario of SCENARIOS) {
    if (flags.scenario !== undefined && flags.scenario !== scenario.name) continue;
    const result = await measure(scenario);
    console.log(JSON.stringify(result, null, 2));
    results.push(result);
  }
  const document = {
    schema: 1,
    name: 'federation',
    command: 'npm run bench:federation',
    createdAt,
    commit: await describeCommit(),
    machine: describeMachine(),
    load: { before, after: loadavg()[0]! },
    versions: await collectVersions(),
    results,
    published: PUBLISHED,
  };
  await writeFile(flags.output, `${JSON.stringify(document, null, 2)}\n`);
}

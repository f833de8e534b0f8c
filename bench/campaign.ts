/**
 * `npm run bench:campaign`: an honest client classifies all the time while another sends 10,000 hostile requests without a token, from
 * the same address and from many, and 10,000 with one. Writes `results/campaign.json`.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { collectVersions, describeMachine } from '../cli/versions.ts';
import { HeError } from '../src/errors.ts';
import { decodeArtifact } from '../src/program/codec.ts';
import { evaluationBackend } from '../src/server/inference/evaluation/evaluation-backend.ts';
import { invite } from '../src/server/hosting/invite.ts';
import { startServer } from '../src/server/testing/crash-server.ts';
import type { AttackOrders, AttackReport } from './campaign/attacker.ts';
import { CLIENT_KINDS } from './campaign/client-attacks.ts';
import type { HonestWork } from './campaign/honest-client.ts';
import { HonestClient } from './campaign/honest-client.ts';
import type { CampaignOptions } from './campaign/options.ts';
import { parseCampaignOptions } from './campaign/options.ts';
import { attack, startDecoy } from './campaign/processes.ts';
import { strangerAttacks } from './campaign/stranger-attacks.ts';
import { describeCommit } from './commit.ts';
import { compileServedFixture } from './serve-fixture.ts';
import { Participant } from './serve-participant.ts';
import type { Resources } from './server-resources.ts';
import { readResources, ResourcePeaks } from './server-resources.ts';

const ENTRY = join(import.meta.dirname, '../bin/he-compile.js');
const RESULTS = join(import.meta.dirname, 'results');
const INPUTS = 8;
const VICTIM = 'client-0';
/** A /18 of them: each has a burst of its own. */
const MANY_ORIGINS = 16_384;
const CODE_LIFETIME_MS = 3_600_000;
/** What was open is closed, and what an attack left to do is done. */
const AFTERMATH_MS = 5000;

interface Phase {
  readonly name: string;
  readonly attack: (AttackReport & { readonly processorShare: number }) | null;
  readonly honest: HonestWork;
  /** The median against that of the first phase. */
  readonly slowdown: number;
  /** And against that of the second, where the same attacker only takes what it takes of the machine; null before. */
  readonly slowdownByServer: number | null;
  /** Of one processor. */
  readonly serverProcessorShare: number;
  readonly resources: {
    readonly before: Resources;
    readonly peak: Resources | null;
    readonly after: Resources;
  };
}

class Campaign {
  readonly #options: CampaignOptions;
  readonly #honest: HonestClient;
  readonly #resources: () => Promise<Resources>;
  readonly phases: Phase[] = [];

  constructor(options: CampaignOptions, honest: HonestClient, resources: () => Promise<Resources>) {
    this.#options = options;
    this.#honest = honest;
    this.#resources = resources;
  }

  /** @param orders null: nobody attacks */
  async phase(name: string, orders: AttackOrders | null): Promise<Phase> {
    const attacking = orders === null ? null : attack(orders);
    await attacking?.begun;
    const before = await this.#resources();
    const start = performance.now();
    using peaks = new ResourcePeaks(this.#resources);
    let over = false;
    const ended = (attacking?.report ?? delay(1000 * this.#options.seconds).then(() => null)).finally(
      () => (over = true),
    );
    const [honest, report] = await Promise.all([this.#honest.work(() => over, INPUTS), ended]);
    const wallMs = performance.now() - start;
    const peak = peaks.peaks;
    const { processorMs } = await this.#resources();
    await delay(AFTERMATH_MS);
    const first = this.phases[0]?.honest ?? honest;
    const machine = this.phases[1]?.honest;
    const phase: Phase = {
      name,
      attack: report === null ? null : { ...report, processorShare: report.processorMs / report.wallMs },
      honest,
      slowdown: honest.latencyMs.median / first.latencyMs.median,
      slowdownByServer: machine === undefined ? null : honest.latencyMs.median / machine.latencyMs.median,
      serverProcessorShare: (processorMs - before.processorMs) / wallMs,
      resources: { before, peak, after: await this.#resources() },
    };
    this.phases.push(phase);
    const { latencyMs, classifications, failed, repeated } = honest;
    process.stderr.write(
      `${name}: ${report?.requests ?? 0} hostile requests in ${Math.round(wallMs / 1000)} s; ${classifications} classifications, ${failed.length} failed, median ${latencyMs.median} ms (${phase.slowdown.toFixed(2)}×), p95 ${latencyMs.p95}, max ${latencyMs.max}; repeated ${JSON.stringify(repeated)}; server at ${phase.serverProcessorShare.toFixed(2)}\n`,
    );
    return phase;
  }
}

async function run(options: CampaignOptions, folder: string): Promise<object> {
  const createdAt = new Date().toISOString();
  const commit = await describeCommit();
  const loadBefore = loadavg()[0]!;
  const file = await compileServedFixture(folder);
  const artifact = decodeArtifact(await readFile(file));
  const backend = evaluationBackend(artifact);
  const state = join(folder, 'state');
  const args = [
    ...[file, '--http', '127.0.0.1:0', '--state', state, '--threads', String(options.threads)],
    // So that the attacker can say where its requests come from; who says nothing comes from this machine.
    ...['--trust-proxy', '127.0.0.1'],
  ];
  const code = async (): Promise<string> => (await invite(state, null, CODE_LIFETIME_MS)).code;
  const enrolmentCode = await code();
  const server = await startServer(args, ENTRY);
  const honest = new HonestClient();
  try {
    await using participant = await Participant.join(server.url, artifact, backend, 0, INPUTS, folder, {
      ...honest.options,
      enrolmentCode,
    });
    honest.participant = participant;
    const resources = (): Promise<Resources> => readResources(server.processId, state);
    const campaign = new Campaign(options, honest, resources);
    await honest.work(() => true, INPUTS);
    await campaign.phase('nobody attacks', null);
    const orders: AttackOrders = {
      ...{ url: server.url, decoy: null, victim: VICTIM, enrolment: null, kinds: options.kinds },
      ...{ requests: options.requests, leastMs: 1000 * options.seconds },
      ...{ connections: options.connections, nice: options.nice, origins: null },
    };
    const enrolled = async (): Promise<AttackOrders> => ({
      ...orders,
      enrolment: {
        code: await code(),
        keys: join(folder, VICTIM, 'evaluation.keys'),
        input: join(folder, VICTIM, 'input-0.hect'),
      },
    });
    const strangers = [
      'without a token, from the honest client’s address',
      'without a token, from many addresses',
    ];
    {
      using decoy = await startDecoy();
      await campaign.phase('attacks another process: what the machine takes', {
        ...orders,
        decoy: decoy.url,
      });
    }
    if (options.byKind) {
      await everyKind(campaign, orders, enrolled, options.kinds);
    } else {
      if (options.only !== 'clients') {
        await campaign.phase(strangers[0]!, orders);
        await campaign.phase(strangers[1]!, { ...orders, origins: MANY_ORIGINS });
      }
      if (options.only !== 'strangers') await campaign.phase('with a token', await enrolled());
    }
    await campaign.phase('nobody attacks any more', null);
    const { phases } = campaign;
    return {
      schema: 1,
      createdAt,
      commit,
      machine: describeMachine(),
      load: { before: loadBefore, after: loadavg()[0]! },
      versions: await collectVersions(),
      options: { ...options, output: undefined, model: 'fixtures/digits-square.onnx, compiled', backend },
      mostSlowdown: Math.max(...phases.map(({ slowdown }) => slowdown)),
      mostSlowdownByServer: Math.max(...phases.map(({ slowdownByServer }) => slowdownByServer ?? 1)),
      failed: phases.reduce((sum, phase) => sum + phase.honest.failed.length, 0),
      phases,
    };
  } finally {
    await server.kill();
  }
}

async function everyKind(
  campaign: Campaign,
  orders: AttackOrders,
  enrolled: () => Promise<AttackOrders>,
  only: readonly string[] | null,
): Promise<void> {
  const chosen = (kinds: readonly string[]): readonly string[] =>
    kinds.filter((kind) => only?.includes(kind) ?? true);
  for (const kind of chosen(Object.keys(strangerAttacks(VICTIM, '0')))) {
    await campaign.phase(`${kind}, many addresses`, { ...orders, kinds: [kind], origins: MANY_ORIGINS });
  }
  for (const kind of chosen(CLIENT_KINDS)) {
    await campaign.phase(`${kind}, with a token`, { ...(await enrolled()), kinds: [kind] });
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'he-compile-campaign-'));
  try {
    const options = parseCampaignOptions(argv);
    const result = await run(options, folder);
    await mkdir(RESULTS, { recursive: true });
    await writeFile(
      options.output ??
        join(RESULTS, options.only === null ? 'campaign.json' : `campaign-${options.only}.json`),
      `${JSON.stringify(result, null, 2)}\n`,
    );
    return 0;
  } catch (error) {
    if (!(error instanceof HeError)) throw error;
    process.stderr.write(`error ${error.code}: ${error.message}\n${error.hint ?? ''}\n`);
    return error.exitCode;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main(process.argv.slice(2));

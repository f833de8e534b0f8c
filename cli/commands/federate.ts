/**
 * `he-compile federate --template model.onnx --policy policy.json --http HOST:PORT`: the aggregator of a federation. Nothing that this
 * module imports can read or use a secret key or an update; a test keeps it so.
 */
import type { Command } from 'commander';
import { readBounded } from '../../src/data/read-file.ts';
import { UsageError } from '../../src/errors.ts';
import { FederationServer } from '../../src/server/federation/federation-server.ts';
import { parsePolicy } from '../../src/server/federation/policy-file.ts';
import { HOSTING_LIMITS } from '../../src/server/hosting/limits.ts';
import { jsonLog } from '../../src/server/hosting/log.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import type { HostingFlags } from '../hosting-options.ts';
import {
  aborted,
  addHostingOptions,
  defaultState,
  enrolmentOf,
  inviteToFolder,
  limitsOf,
  listenSettings,
  makeInvitation,
  MIB,
  noteEnrolment,
  requireHostingSense,
} from '../hosting-options.ts';
import { packageVersion } from '../versions.ts';

interface FederateFlags extends HostingFlags {
  readonly template?: string;
  readonly policy?: string;
  readonly autoOpen?: boolean;
}

const MAX_TEMPLATE_BYTES = 2048 * MIB;
const MAX_POLICY_BYTES = MIB;

export function define(command: Command, run: Runner): void {
  addHostingOptions(
    command
      .option(
        '--template <FILE>',
        'ONNX model whose weights are trained; its weights are what the first round starts from',
      )
      .option('--policy <FILE>', 'policy of the federation, JSON: see docs/federation.md'),
    'records, masked updates and global models (default: ~/.local/state/he-compile/federation)',
  )
    .option('--auto-open', 'open the next round as soon as one is over, without the owner')
    .action((flags: FederateFlags) => run((context) => federate(flags, context)));
}

async function federate(flags: FederateFlags, context: CommandContext): Promise<Outcome> {
  const stateFolder = flags.state ?? defaultState('federation');
  const inviter = inviteToFolder(stateFolder);
  if (flags.invite !== undefined) return makeInvitation(inviter, flags.invite);
  const { template, policy: policyFile } = flags;
  if (template === undefined || policyFile === undefined)
    throw new UsageError('USAGE', 'a federation takes a template and a policy', {
      hint: 'he-compile federate --template model.onnx --policy policy.json --http 127.0.0.1:8444',
    });
  requireHostingSense(flags, 'federate');
  const policy = parsePolicy(
    Buffer.from(await readBounded(policyFile, MAX_POLICY_BYTES, 'the policy')).toString('utf8'),
  );
  const enrolment = await enrolmentOf(flags, false);
  const configuration = {
    ...{ stateFolder, enrolment },
    limits: { ...HOSTING_LIMITS, ...limitsOf(flags) },
    autoOpen: flags.autoOpen === true,
  };
  const bytes = await readBounded(template, MAX_TEMPLATE_BYTES, 'the template');
  const log = jsonLog((line) => process.stderr.write(line));
  await using server = await FederationServer.open(bytes, policy, configuration, await packageVersion(), log);
  const ends: Promise<unknown>[] = [aborted(context.signal)];
  let url: string | null = null;
  if (flags.http !== undefined) {
    ({ url } = await server.listenHttp(await listenSettings(flags, flags.http)));
    context.note(`listening on ${url}`);
  }
  if (flags.stdio === true) ends.push(server.listenStdio().closed);
  const { epsilon, delta, mechanism, minSurvivors, colluders } = policy.protection;
  context.note(
    `${policy.federation}: ${mechanism}, ε ${epsilon} at δ ${delta} over ${policy.rounds} rounds, noise multiplier ${server.services.federation.noiseMultiplier.toPrecision(3)}, sums of ${minSurvivors} at least, ${colluders} of whom may collude`,
  );
  await noteEnrolment(context, 'federate', inviter, await server.clients(), enrolment.open, policy.owner);
  await Promise.race(ends);
  return { document: { url, stopped: true }, text: flags.stdio === true ? '' : 'stopped' };
}

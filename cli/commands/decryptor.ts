/**
 * `he-compile decryptor --server NAME=URL`: opens the encrypted sums of a federation. A process of its own, which nobody can ask anything: it asks the
 * aggregator.
 */
import { join } from 'node:path';
import type { Command } from 'commander';
import { openDecryptor } from '../../src/server/crypto/federation/open-decryptor.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { readMembers } from '../federation-floor.ts';
import type { LocalFlags } from '../local-side.ts';
import { addVaultOptions, localSettings, namedServer, stateFolder } from '../local-side.ts';
import { firstAssignment } from '../parse-options.ts';
import { packageVersion } from '../versions.ts';

interface DecryptorFlags extends LocalFlags {
  readonly server: readonly [string, string];
  readonly enrolmentCode?: string;
  readonly members?: string;
}

/** As policies name it by default. */
const NAME = 'decryptor';

export function define(command: Command, run: Runner): void {
  addVaultOptions(command)
    .requiredOption('--server <NAME=URL>', 'the aggregator', firstAssignment)
    .option(
      '--enrolment-code <CODE>',
      'one-time code of the operator of the aggregator, for the decryptor’s name',
    )
    .option('--members <FILE>', 'public keys of the participants by name, JSON (default: as first seen)')
    .action((flags: DecryptorFlags) => run((context) => decrypt(flags, context)));
}

async function decrypt(flags: DecryptorFlags, context: CommandContext): Promise<Outcome> {
  const [server, url] = flags.server;
  const aggregator = namedServer(server, url, flags.enrolmentCode, await packageVersion());
  const { vaultFolder, unlocking, certified } = await localSettings(flags, [], []);
  const name = flags.clientId ?? NAME;
  await using opened = await openDecryptor({
    ...{ vaultFolder, unlocking, certified, aggregator, name },
    members: flags.members === undefined ? null : await readMembers(flags.members),
    folder: join(stateFolder(), 'decryptor'),
    note: (event, round, code) =>
      context.note(JSON.stringify({ event, round, ...(code === undefined ? {} : { code }) })),
  });
  context.note(
    `${name} is known by this key, which participants name by --decryptor ${name}=KEY: ${opened.publicKey}`,
  );
  await opened.decryptor.run(context.signal);
  return { document: { stopped: true }, text: 'stopped' };
}

/** `he-compile profile` */
import type { Command } from 'commander';
import type { NativeProfile } from '../../src/compiler/profile/native-profile.ts';
import { profileKernels } from '../../src/runtime/backends/native/profile.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { measureProfile } from '../measure/measure-profile.ts';
import { profileFile, saveProfile } from '../profile-store.ts';
import { alignColumns } from '../report/text.ts';

interface ProfileFlags {
  readonly output?: string;
}

export function define(command: Command, run: Runner): void {
  command
    .option(
      '-o, --output <FILE>',
      "file to write (default: in the user's cache folder, where compiling finds it)",
    )
    .action((flags: ProfileFlags) => run((context) => profile(flags, context)));
}

async function profile({ output }: ProfileFlags, context: CommandContext): Promise<Outcome> {
  const measured = await measureProfile(profileKernels, context);
  const file = output ?? profileFile();
  await saveProfile(measured, file);
  return { document: { file, profile: measured }, text: `${describe(measured)}\n\nwrote ${file}` };
}

function describe(measured: NativeProfile): string {
  const head = [
    'nanoseconds per coefficient',
    'NTT layer',
    'inverse',
    'accumulate',
    'multiply',
    'convert',
    'add',
  ];
  const rows = measured.kernels.map((one) => [
    `primes of up to ${one.maxBits} bits`,
    ...[one.forward, one.inverse, one.accumulate, one.multiply, one.convert, one.add].map((value) =>
      value.toFixed(3),
    ),
  ]);
  const others = [
    `from memory ${measured.stream.toFixed(3)}`,
    `permute ${measured.permute.toFixed(3)}`,
    `encode, per layer ${measured.encode.toFixed(3)}`,
  ];
  return `${measured.machine}\n\n${alignColumns([head, ...rows], 1)}\n${others.join(', ')}`;
}

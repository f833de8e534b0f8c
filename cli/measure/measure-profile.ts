/** Makes a cost profile of this machine from the kernels' times. */
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseNativeProfile, type NativeProfile } from '../../src/compiler/profile/native-profile.ts';
import { InternalError } from '../../src/errors.ts';
import { nearestNttPrime } from '../../src/program/primes.ts';
import type { KernelTimes } from '../../src/runtime/backends/native/profile.ts';
import type { CommandContext } from '../command.ts';

/** Where most programs run; costs per coefficient hardly depend on it. */
const RING = 16384;
/** The engine's arithmetic classes, in bits of a prime. */
const CLASSES = [46, 50, 60] as const;
/** Other work on the machine only ever makes kernels slower: the quickest of so many rounds counts. */
const ROUNDS = 3;
/** Where the system does not tell. */
const USUAL_CACHE_BYTES = 32 * 2 ** 20;

type Measure = (degree: number, modulus: bigint) => KernelTimes;

export async function measureProfile(
  measure: Measure,
  { progress, signal }: Pick<CommandContext, 'progress' | 'signal'>,
): Promise<NativeProfile> {
  const classes: KernelTimes[] = [];
  for (const [index, bits] of CLASSES.entries()) {
    const modulus = nearestNttPrime(2 ** bits - 1, RING, new Set(), bits);
    if (modulus === null) throw new InternalError(`no prime of ${bits} bits`);
    const rounds: KernelTimes[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      progress.report('profile', (index + round / ROUNDS) / CLASSES.length);
      // Kernels block this thread; in between, Ctrl-C gets its turn.
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      rounds.push(measure(RING, modulus));
    }
    classes.push(quickest(rounds));
  }
  return profileOf(classes);
}

/** @param classes times of primes of 46, 50 and 60 bits */
export function profileOf(classes: readonly KernelTimes[]): NativeProfile {
  const layers = Math.log2(RING);
  const each = (nanoseconds: number): number => Number((nanoseconds / RING).toPrecision(4));
  const first = classes[0]!;
  return parseNativeProfile({
    version: 1,
    machine: `${cpus()[0]?.model.trim() ?? process.arch} (${[...new Set(classes.map(({ path }) => path))].join(', ')})`,
    kernels: classes.map((times, index) => ({
      maxBits: CLASSES[index]!,
      forward: each(times.forward / layers),
      inverse: each(times.inverse / layers),
      accumulate: each(times.accumulate),
      multiply: each(times.multiply),
      convert: each(times.convert),
      add: each(times.add),
    })),
    stream: each(first.accumulateStreamed),
    permute: each(first.permute),
    encode: each(first.encode / layers),
    cacheBytes: cacheBytes() / 2,
  });
}

function quickest(rounds: readonly KernelTimes[]): KernelTimes {
  const least = (of: (times: KernelTimes) => number): number => Math.min(...rounds.map(of));
  return {
    path: rounds[0]!.path,
    forward: least((times) => times.forward),
    inverse: least((times) => times.inverse),
    accumulate: least((times) => times.accumulate),
    accumulateStreamed: least((times) => times.accumulateStreamed),
    multiply: least((times) => times.multiply),
    convert: least((times) => times.convert),
    permute: least((times) => times.permute),
    add: least((times) => times.add),
    encode: least((times) => times.encode),
  };
}

/** Of the last level, which other cores share. */
function cacheBytes(): number {
  const file = '/sys/devices/system/cpu/cpu0/cache/index3/size';
  if (!existsSync(file)) return USUAL_CACHE_BYTES;
  const kibibytes = /^(\d+)K/.exec(readFileSync(file, 'utf8'))?.[1];
  return kibibytes === undefined ? USUAL_CACHE_BYTES : Number(kibibytes) * 1024;
}

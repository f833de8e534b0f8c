/**
 * What the native engine's kernels cost on a machine: the unit costs from which every prediction for it is made. Measured by
 * `he-compile profile`, or the shipped default; part of a compilation's inputs, so that equal ones give equal artifacts.
 */
import { z } from 'zod';
import { CompileError } from '../../errors.ts';

/** Nanoseconds per coefficient of one limb; transforms per coefficient and layer (log2 N layers). */
const kernels = z.object({
  /** Primes below 2^maxBits. */
  maxBits: z.int().min(20).max(60),
  forward: z.number().positive(),
  inverse: z.number().positive(),
  /** One product added to a sum, operands in cache. */
  accumulate: z.number().positive(),
  /** A product and reduction of its own. */
  multiply: z.number().positive(),
  /** One source limb of a base conversion. */
  convert: z.number().positive(),
  add: z.number().positive(),
});

const profile = z.object({
  version: z.literal(1),
  /** Processor and instruction set, e.g. "AMD EPYC (ifma)". */
  machine: z.string().min(1).max(200),
  /** Ascending by `maxBits`, the last one 60. */
  kernels: z
    .array(kernels)
    .min(1)
    .max(8)
    .refine(
      (list) =>
        list.at(-1)?.maxBits === 60 && list.every(({ maxBits }, i) => maxBits > (list[i - 1]?.maxBits ?? 0)),
      'must ascend to 60 bits',
    ),
  /** Nanoseconds per 8-byte word that comes from memory rather than cache. */
  stream: z.number().positive(),
  /** Nanoseconds per coefficient: values moved by an automorphism. */
  permute: z.number().positive(),
  /** Nanoseconds per coefficient and layer: a slot vector's transform to coefficients, before any limb's. */
  encode: z.number().positive(),
  /** Bytes that stay in cache between uses. */
  cacheBytes: z.number().positive(),
});

export type NativeKernels = Readonly<z.infer<typeof kernels>>;
export type NativeProfile = Omit<Readonly<z.infer<typeof profile>>, 'kernels'> & {
  readonly kernels: readonly NativeKernels[];
};

/** @throws CompileError PROFILE_INVALID if it is no profile of this version */
export function parseNativeProfile(untrusted: unknown): NativeProfile {
  const parsed = profile.safeParse(untrusted);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new CompileError(
    'PROFILE_INVALID',
    `the cost profile is invalid: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    { hint: 'measure it again with "he-compile profile"' },
  );
}

/** The kernels that work on a prime of so many bits. */
export function kernelsFor({ kernels: list }: NativeProfile, bits: number): NativeKernels {
  return list.find(({ maxBits }) => bits <= maxBits) ?? list.at(-1)!;
}

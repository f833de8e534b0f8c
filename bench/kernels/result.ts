/** The document in `bench/results/kernels.json`. Fields may be added, not renamed; a change of meaning raises `schema`. */
import type { Machine, Versions } from '../../cli/versions.ts';

export interface RingShape {
  readonly degree: number;
  readonly dataPrimes: number;
  readonly specialPrimes: number;
  readonly digits: number;
  readonly largestBits: number;
}

export interface KernelsResult {
  readonly schema: 1;
  readonly kind: 'kernels';
  /** ISO 8601, UTC; when the run began and ended. */
  readonly createdAt: string;
  readonly finishedAt: string;
  readonly commit: string | null;
  readonly machine: Machine & { readonly instructionSets: readonly string[] };
  readonly versions: Versions & { readonly compiler: string };
  /** Load average of one minute before and after: what else the machine was doing. */
  readonly load: { readonly before: number; readonly after: number };
  readonly sets: Readonly<Record<string, RingShape>>;
  /** The same operation on both sides, timed in turn in one run, one core. */
  readonly comparisons: readonly Comparison[];
  /** Operations that node-seal has no counterpart of, beside its rotation of a ciphertext of as many primes. */
  readonly hoisted: readonly Comparison[];
  readonly transforms: readonly EngineTime[];
  /** One thread and two, timed in turn. */
  readonly scaling: readonly {
    readonly set: string;
    readonly operation: string;
    readonly oneThreadMs: number;
    readonly twoThreadsMs: number;
    readonly gain: number;
  }[];
  /** What two threads that share nothing get done, by what one gets done: how much a second core is worth on this machine. */
  readonly independentThreads: Readonly<Record<string, number>>;
  /** Limits of one core: GB/s by where the data are, and vector instructions per nanosecond. */
  readonly limits: Readonly<Record<string, number>>;
  readonly kernels: readonly KernelTime[];
  /** Forward transforms of the scalar path by those of another, N = 32768. */
  readonly pathGains: Readonly<Record<string, number>>;
}

export interface EngineTime {
  readonly set: string;
  readonly operation: string;
  readonly medianMs: number;
  /** Of all threads, median: what the wall clock would say on an idle machine. */
  readonly processorMs: number;
  readonly bestMs: number;
  /** Shortest time that arithmetic and memory allow, by the median; null where it is not counted. */
  readonly fractionOfLimit: number | null;
}

export interface Comparison extends EngineTime {
  readonly seal: {
    readonly set: string;
    readonly operation: string;
    /** Data primes of its ciphertext. */
    readonly primes: number;
    readonly medianMs: number;
    readonly bestMs: number;
  };
  /** node-seal's median by the engine's. */
  readonly ratio: number;
}

export interface KernelTime {
  readonly path: string;
  readonly bits: number;
  readonly degree: number;
  readonly kernel: string;
  readonly ns: number;
  readonly bytes: number;
  readonly multiplications: number;
  /** Shortest times that vector multiplications and bandwidth allow; null on paths whose rate is not measured. */
  readonly arithmeticNs: number | null;
  readonly memoryNs: number;
  /** The larger of both by `ns`: 1 is the machine's limit. */
  readonly fractionOfLimit: number;
}

/** Times the engine and node-seal in turn, round by round, so that a busy machine is busy for both. */
import { median } from '../../cli/report/statistics.ts';
import type { Times } from './engine-process.ts';
import { EngineProcess } from './engine-process.ts';
import type { Limits } from './limits.ts';
import { limitMs } from './limits.ts';
import type { Comparison, EngineTime, KernelsResult } from './result.ts';
import { chainOf, SealOperations } from './seal-operations.ts';

/** How long each operation is repeated in a round, on each side. */
export interface Effort {
  readonly rounds: number;
  readonly milliseconds: number;
}

/** Both sides do these. */
const COMMON = ['rotate', 'multiply, relinearize', 'multiply plain', 'rescale', 'encode'] as const;
const HOISTED = ['hoisted rotation', 'hoisted rotation, division deferred'] as const;
const TRANSFORMS = ['transform 8 x 8', 'transform 8 x 8, Horner', 'transform 16 x 4'] as const;

/** Rings by node-seal's chain, and the hybrid set that carries as many levels or fewer in it. */
const RINGS = [
  { seal: 'P1', degree: 8192, dataPrimes: 3, hybrid: null },
  { seal: 'P2', degree: 16384, dataPrimes: 8, hybrid: 'H14' },
  { seal: 'P3', degree: 32768, dataPrimes: 19, hybrid: 'H15' },
] as const;

type Part = Pick<KernelsResult, 'comparisons' | 'hoisted' | 'transforms' | 'scaling'> & {
  readonly sets: Record<string, EngineProcess['shape']>;
};

export async function measureRings(
  limits: Limits,
  { rounds, milliseconds }: Effort,
  progress: (line: string) => void,
): Promise<Part> {
  const part = {
    sets: {} as Record<string, EngineProcess['shape']>,
    comparisons: [] as Comparison[],
    hoisted: [] as Comparison[],
    transforms: [] as EngineTime[],
    scaling: [] as KernelsResult['scaling'][number][],
  };
  for (const ring of RINGS) {
    progress(`${ring.seal}: making keys on both sides`);
    using seal = await SealOperations.create(chainOf(ring.degree, ring.dataPrimes));
    for (const set of [ring.seal, ring.hybrid]) {
      if (set === null) continue;
      progress(`${set}: timing both sides in turn`);
      using engine = await EngineProcess.start(set, 1);
      const { shape } = engine;
      part.sets[set] = shape;
      const own = new Stopwatch(engine, milliseconds);
      const other = seal.at(shape.dataPrimes);
      const theirs = new Map([...other.keys()].map((name) => [name, [] as number[]]));
      for (let round = 0; round < rounds; round++) {
        for (const name of COMMON) {
          await own.time(name);
          const operation = other.get(name);
          if (operation !== undefined) theirs.get(name)!.push(...repeat(operation, milliseconds));
        }
        if (set !== ring.hybrid) continue;
        for (const name of ['hoisted 1', 'hoisted 16', 'deferred 1', 'deferred 16', ...TRANSFORMS])
          await own.time(name);
      }
      const timeOf = (
        operation: string,
        [medianMs, processorMs, bestMs]: readonly [number, number, number],
      ): EngineTime => {
        const limit = limitMs(operation, shape, limits);
        return {
          set,
          operation,
          medianMs,
          processorMs,
          bestMs,
          fractionOfLimit: limit === null ? null : limit / medianMs,
        };
      };
      const against = (time: EngineTime, operation: string): Comparison => {
        const times = theirs.get(operation)!;
        const sealSide = {
          set: ring.seal,
          operation,
          primes: shape.dataPrimes,
          medianMs: median(times),
          bestMs: Math.min(...times),
        };
        return { ...time, seal: sealSide, ratio: sealSide.medianMs / time.medianMs };
      };
      for (const name of COMMON) {
        if (theirs.has(name)) part.comparisons.push(against(timeOf(name, own.of(name)), name));
      }
      if (set !== ring.hybrid) continue;
      for (const name of HOISTED) part.hoisted.push(against(timeOf(name, own.further(name)), 'rotate'));
      for (const name of TRANSFORMS) part.transforms.push(timeOf(name, own.of(name)));
      progress(`${set}: one thread and two`);
      using pair = await EngineProcess.start(set, 2);
      part.scaling.push(...(await scaling(set, [engine, pair], { rounds, milliseconds })));
    }
  }
  return part;
}

async function scaling(
  set: string,
  [one, two]: readonly [EngineProcess, EngineProcess],
  { rounds, milliseconds }: Effort,
): Promise<KernelsResult['scaling']> {
  const sides = [new Stopwatch(one, milliseconds), new Stopwatch(two, milliseconds)] as const;
  const names = ['rotate', 'multiply, relinearize', 'transform 8 x 8, Horner'];
  for (let round = 0; round < rounds; round++) {
    for (const name of names) for (const side of sides) await side.time(name);
  }
  return names.map((operation) => {
    const [[oneThreadMs], [twoThreadsMs]] = [sides[0].of(operation), sides[1].of(operation)];
    return { set, operation, oneThreadMs, twoThreadsMs, gain: oneThreadMs / twoThreadsMs };
  });
}

/** Collects the times of one process of the engine. */
class Stopwatch {
  readonly #engine: EngineProcess;
  readonly #milliseconds: number;
  readonly #times = new Map<string, Times[]>();

  constructor(engine: EngineProcess, milliseconds: number) {
    this.#engine = engine;
    this.#milliseconds = milliseconds;
  }

  async time(name: string): Promise<void> {
    const times = this.#times.get(name) ?? [];
    this.#times.set(name, times);
    times.push(await this.#engine.time(name, this.#milliseconds));
  }

  /** Median, median of processor time, least; milliseconds over all rounds. */
  of(name: string): [number, number, number] {
    const times = this.#times.get(name)!;
    const wall = times.flatMap((one) => one.wall);
    return [median(wall), median(times.flatMap((one) => one.processor)), Math.min(...wall)];
  }

  /** What one rotation more costs of a ciphertext that is decomposed already. */
  further(name: (typeof HOISTED)[number]): [number, number, number] {
    const kind = name === 'hoisted rotation' ? 'hoisted' : 'deferred';
    const [one, all] = [this.of(`${kind} 1`), this.of(`${kind} 16`)];
    return [0, 1, 2].map((i) => (all[i]! - one[i]!) / 15) as [number, number, number];
  }
}

/** Milliseconds of each call, twice at least. */
function repeat(operation: () => void, milliseconds: number): number[] {
  operation();
  const times: number[] = [];
  const begin = performance.now();
  do {
    const start = performance.now();
    operation();
    times.push(performance.now() - start);
  } while (times.length < 2 || performance.now() - begin < milliseconds);
  return times;
}

/**
 * A checker for StrykerJS that lets through a sample of the faults, drawn at random without replacement from all of a part's,
 * those that no test runs included. The others are reported as `CompileError`, which counts in no score.
 */
import { Random } from '../src/compiler/random.ts';

export interface Sample {
  readonly size: number;
  readonly seed: number;
}

/** What StrykerJS knows of a fault, as far as it tells two of them apart. */
export interface Fault {
  readonly id: string;
  readonly fileName: string;
  readonly location: { readonly start: { readonly line: number; readonly column: number } };
  readonly mutatorName: string;
  readonly replacement: string;
}

/** The ids of `size` faults, of all of them where there are fewer; their order does not matter. */
export function draw(faults: readonly Fault[], { size, seed }: Sample): Set<string> {
  const name = ({ fileName, location: { start }, mutatorName, replacement }: Fault): string =>
    JSON.stringify([fileName, start.line, start.column, mutatorName, replacement]);
  const ids = faults
    .map((fault) => ({ id: fault.id, name: name(fault) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ id }) => id);
  const order = [...new Random(seed).permutation(ids.length)];
  return new Set(order.slice(0, size).map((index) => ids[index]!));
}

function sampleChecker() {
  const sample = JSON.parse(process.env['MUTATION_SAMPLE']!) as Sample;
  return {
    init: () => Promise.resolve(),
    group: (faults: readonly Fault[]) => Promise.resolve([faults.map(({ id }) => id)]),
    check: (faults: readonly Fault[]) => {
      const drawn = draw(faults, sample);
      const verdict = (id: string) =>
        drawn.has(id)
          ? { status: 'passed' as const }
          : { status: 'compileError' as const, reason: 'not in the sample' };
      return Promise.resolve(Object.fromEntries(faults.map(({ id }) => [id, verdict(id)])));
    },
  };
}

export const strykerPlugins = [{ kind: 'Checker', name: 'sample', factory: sampleChecker }];

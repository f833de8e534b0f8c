/** The ways to round a graph to integers, from coarse to fine, and which of them a program can hold. */
import type { LinearGraph } from '../ir/linear-graph.ts';
import type { CompileOptions } from '../options.ts';
import type { Samples } from '../passes/build-candidate.ts';
import { worstCaseOutput } from './integer-bounds.ts';
import { limitFor } from '../passes/approximation/accuracy-bound.ts';
import type { IntegerQuality, IntegerReference } from './integer-quality.ts';
import { measureIntegers } from './integer-quality.ts';
import type { IntegerGraph, QuantisationBits } from './quantise-graph.ts';
import { quantiseGraph } from './quantise-graph.ts';

/** From coarse to fine: each step adds as much to the size of the outputs as it takes from their error. */
const LADDER: readonly QuantisationBits[] = [
  [2, 4],
  [2, 5],
  [3, 5],
  [4, 5],
  [4, 6],
  [5, 6],
  [5, 7],
  [6, 7],
  [6, 8],
  [8, 8],
  [8, 10],
].map(([input, weight]) => ({ input: input!, weight: weight! }));

/** Where the worst case does not fit: outputs may be this much larger than any seen in calibration. */
export const CALIBRATED_MARGIN = 4;

/** One way to round the graph. */
export interface Rounding {
  readonly bits: QuantisationBits;
  readonly integer: IntegerGraph;
  readonly worst: number;
  readonly quality: () => IntegerQuality;
}

/** Lazily measured: most are not needed. */
export function makeRoundings(
  graph: LinearGraph,
  samples: Samples,
  reference: IntegerReference,
  { inputBits, weightBits }: CompileOptions,
): Rounding[] {
  const wanted = new Map<string, QuantisationBits>();
  for (const { input, weight } of LADDER) {
    const bits = { input: inputBits ?? input, weight: weightBits ?? weight };
    wanted.set(`${bits.input}/${bits.weight}`, bits);
  }
  return [...wanted.values()]
    .map((bits) => {
      const integer = quantiseGraph(graph, samples, bits);
      let quality: IntegerQuality | null = null;
      return {
        bits,
        integer,
        worst: worstCaseOutput(integer.graph, integer.inputs),
        quality: () => (quality ??= measureIntegers(integer, reference)),
      };
    })
    .sort((a, b) => a.worst - b.worst);
}

/** Bits of integers between −bound and bound. */
export function bitsFor(bound: number): number {
  return Math.log2(2 * bound + 1);
}

/**
 * The finest quantisation whose worst case fits and that is accurate enough. Bits that were asked for are taken whatever their
 * accuracy, and if the worst case does not fit, what was seen in calibration has to.
 */
export function finest(
  roundings: readonly Rounding[],
  capacity: number,
  options: CompileOptions,
): Rounding | null {
  const asked = options.inputBits !== null && options.weightBits !== null;
  for (const rounding of roundings.toReversed()) {
    const fits = bitsFor(rounding.worst) <= capacity;
    if (asked) {
      return fits || bitsFor(CALIBRATED_MARGIN * rounding.quality().largest) <= capacity ? rounding : null;
    }
    if (!fits) continue;
    const { drop } = rounding.quality();
    if (drop.points <= limitFor(drop.measure, options)) return rounding;
  }
  return null;
}

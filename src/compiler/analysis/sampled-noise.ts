/**
 * The forecast of CKKS errors that the compiler decides by: what every operation adds comes from the formulas of
 * `noise.ts`, how it travels from experiment. Each value of the graph is disturbed by noise of the variance that its
 * computation adds, on calibration inputs, and the effect on all later values is measured. Formulas for the propagation must
 * assume a distribution of the values and independence between them; squares and small weights make that wrong by bits.
 */
import type { Layout } from '../../program/layout.ts';
import type { Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import { reachOf, typicalReach } from '../../program/typical-reach.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';
import { Random } from '../random.ts';
import { evaluateNodes } from './evaluate-linear-graph.ts';
import { IMAGINARY_SHARE } from './refresh-noise.ts';
import {
  forecastNoise,
  normalTail,
  outputForecast,
  ownVariances,
  worstDeviations,
  type NoiseForecast,
} from './noise.ts';
import type { SlotVariances } from './instruction-noise.ts';

/** Enough to pin a standard deviation to a few percent over hundreds of elements, and to a fraction of a bit over ten. */
const SAMPLES = 16;

/**
 * @param graph what the program was packed from (node ids are value ids)
 * @param layouts where the elements of each value are
 * @param samples `samples[i]` holds the values of the graph's inputs
 */
export function forecastOnSamples(
  program: Program,
  parameters: CkksParameters,
  graph: LinearGraph,
  layouts: readonly Layout[],
  samples: readonly (readonly Float64Array[])[],
): NoiseForecast {
  if (parameters.scheme === 'cleartext') return forecastNoise(program, parameters);
  const used = samples.slice(0, SAMPLES);
  const clean = used.map((inputs) => evaluateNodes(graph, inputs));
  const meanSquares = graph.nodes.map(({ id }) =>
    mean(clean.map((values) => meanOf(values[id]!, (x) => x * x))),
  );
  const own = ownVariances(program, parameters, meanSquares);
  const deviations = own.map((variances, id) => elementDeviations(variances, layouts[id]!));
  const random = new Random(1);
  const disturbed = (value: Float64Array, by: Float64Array): Float64Array =>
    value.map((x, e) => x + by[e]! * laplace(random));
  const refreshes = graph.nodes.some(({ kind }) => kind === 'refresh');
  /** Of each value, what its operands' errors have made of it, before its own is added. */
  const brought = graph.nodes.map(() => new Measured());
  for (const [s, inputs] of used.entries()) {
    // Imaginary parts are as large as real ones and take the same way, but only up to the next refresh, where they are taken off:
    // half of their variance comes along with the real ones.
    const hidden = new Map<number, Float64Array>();
    if (refreshes) {
      evaluateNodes(graph, inputs, (id, value) => {
        if (graph.nodes[id]!.kind !== 'refresh') return disturbed(value, deviations[id]!);
        const exact = clean[s]![id]!;
        hidden.set(
          id,
          value.map((x, e) => Math.sqrt(IMAGINARY_SHARE) * (x - exact[e]!)),
        );
        return disturbed(exact, deviations[id]!);
      });
    }
    evaluateNodes(graph, inputs, (id, value) => {
      const unseen = hidden.get(id);
      const whole = unseen === undefined ? value : value.map((x, e) => x + unseen[e]!);
      brought[id]!.add(whole, clean[s]![id]!);
      return disturbed(whole, deviations[id]!);
    });
  }
  const std = graph.nodes.map(({ id }) =>
    Math.sqrt(brought[id]!.meanSquare + meanOf(deviations[id]!, (x) => x * x)),
  );
  const outputs = program.outputs.map(({ value }) => {
    const size = clean[0]![value]!.length;
    const { mixed, fresh } = worstDeviations(size);
    const { meanSquare, largest } = brought[value]!;
    // Some elements, or some inputs, have more noise than the mean of all: their worst is worse by as much as it was here.
    const expected = Math.sqrt(meanSquare) * typicalLargest(size * used.length);
    const uneven = expected > 0 ? Math.max(1, largest / expected) : 1;
    // What all slots have alike is of rescaling, just now; what some have more comes through diagonals.
    const least = deviations[value]!.reduce((smallest, deviation) => Math.min(smallest, deviation), Infinity);
    const most = reachOf(deviations[value]!);
    const worst = Math.hypot(
      fresh * least,
      mixed * Math.sqrt(most ** 2 - least ** 2),
      uneven * mixed * Math.sqrt(meanSquare),
    );
    const { bound } = program.values[value]!;
    // Of outputs that are mostly zero nothing is typical but their bound.
    const typical = typicalReach(clean.map((values) => values[value]!)) || bound;
    return outputForecast(worst, typical, bound, true);
  });
  return { std, outputs };
}

/** Differences from clean values, over all samples. */
class Measured {
  #sum = 0;
  #count = 0;
  #largest = 0;

  add(value: Float64Array, clean: Float64Array): void {
    this.#sum += value.reduce((sum, x, e) => sum + (x - clean[e]!) ** 2, 0);
    this.#count += value.length;
    this.#largest = Math.max(this.#largest, largestDifference(value, clean));
  }

  get meanSquare(): number {
    return this.#sum / Math.max(this.#count, 1);
  }

  get largest(): number {
    return this.#largest;
  }
}

/** Of each element's first copy. */
function elementDeviations({ mean, slots }: SlotVariances, { slotCount, positions }: Layout): Float64Array {
  return Float64Array.from(positions, (at) =>
    Math.sqrt(slots === null ? mean : slots[Math.floor(at / slotCount)]![at % slotCount]!),
  );
}

/** Of variance 1: see `worstDeviations`. */
function laplace(random: Random): number {
  return random.gaussian() * Math.sqrt(-Math.log(1 - random.next()));
}

/** Median of the largest of so many standard normal errors. */
function typicalLargest(count: number): number {
  return count < 16 ? Math.sqrt(2 * Math.log(1.5 * count + 1)) : normalTail(Math.LN2 / (2 * count));
}

function largestDifference(left: Float64Array, right: Float64Array): number {
  return reachOf(left.map((x, e) => x - right[e]!));
}

function meanOf(values: Float64Array, of: (value: number, index: number) => number): number {
  let sum = 0;
  for (let e = 0; e < values.length; e++) sum += of(values[e]!, e);
  return sum / Math.max(values.length, 1);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

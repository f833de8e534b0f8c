/**
 * The forecast of CKKS errors that the compiler decides by: what every operation adds comes from the formulas of
 * `noise.ts`, how it travels from experiment. Each value of the graph is disturbed by Gaussian noise of the variance that its
 * computation adds, on calibration inputs, and the effect on all later values is measured. Formulas for the propagation must
 * assume a distribution of the values and independence between them; squares and small weights make that wrong by bits.
 */
import type { Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';
import { Random } from '../random.ts';
import { evaluateNodes } from './evaluate-linear-graph.ts';
import { forecastNoise, outputPrecision, ownVariances, type NoiseForecast } from './noise.ts';

/** Enough to pin a standard deviation to a few percent over hundreds of elements, and to a fraction of a bit over ten. */
const SAMPLES = 16;

/** `graph` is what the program was packed from (node ids are value ids); `samples[i]` holds the values of its inputs. */
export function forecastOnSamples(
  program: Program,
  parameters: CkksParameters,
  graph: LinearGraph,
  samples: readonly (readonly Float64Array[])[],
): NoiseForecast {
  if (parameters.scheme === 'cleartext') return forecastNoise(program, parameters);
  const used = samples.slice(0, SAMPLES);
  const clean = used.map((inputs) => evaluateNodes(graph, inputs));
  const meanSquares = graph.nodes.map(({ id }) =>
    mean(clean.map((values) => meanOf(values[id]!, (x) => x * x))),
  );
  const deviations = ownVariances(program, parameters, meanSquares).map(Math.sqrt);
  const random = new Random(1);
  const errors = used.map((inputs, sample) => {
    const noisy = evaluateNodes(graph, inputs, (id, value) =>
      value.map((x) => x + deviations[id]! * random.gaussian()),
    );
    return noisy.map((value, id) => meanOf(value, (x, e) => (x - clean[sample]![id]![e]!) ** 2));
  });
  const std = graph.nodes.map(({ id }) => Math.sqrt(mean(errors.map((error) => error[id]!))));
  return { std, outputPrecisionBits: outputPrecision(program, std) };
}

function meanOf(values: Float64Array, of: (value: number, index: number) => number): number {
  let sum = 0;
  for (let e = 0; e < values.length; e++) sum += of(values[e]!, e);
  return sum / Math.max(values.length, 1);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

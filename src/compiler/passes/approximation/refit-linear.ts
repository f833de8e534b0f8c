/**
 * Re-solves a linear layer so that on the approximated inputs its output matches the original pre-activations: ridge
 * regression towards the original weights, in closed form, no gradient and no label.
 */
import type { LinearWeights, RegressionSums } from '../../approx/ridge.ts';
import { addSums, chooseStrength, ridgeTowards } from '../../approx/ridge.ts';
import type { Blas } from '../../reference/blas.ts';
import type { LinearLayer, Replacement } from './linear-layer.ts';
import { Random } from '../../random.ts';

export interface RefitSettings {
  /** Rows (output positions of samples) that enter, at most. */
  readonly rows: number;
  readonly seed: number;
}

/** Every row of a part of the samples at the end serves to choose the ridge strength; then all rows are fitted to. */
const TRAINING_SHARE = 0.8;

/** Unknowns per output that are solved for at once: dense normal equations beyond are too large. */
const MAX_UNKNOWNS = 2048;
/** Where there are more, they are solved for in parts of at most so many, from as many rows for each. */
const PART = 1024;
const ROWS_PER_UNKNOWN = 16;

/**
 * @param inputs approximated values of the layer's input for the samples fitted to
 * @param targets what the layer's output ought to be for them
 * @param run what the layer puts out for them once replaced
 */
export async function refitLinear(
  blas: Blas,
  layer: LinearLayer,
  inputs: Float32Array,
  targets: Float32Array,
  samples: number,
  settings: RefitSettings,
  run: (replacement: Replacement) => Promise<Float32Array>,
): Promise<Replacement> {
  if (layer.features > MAX_UNKNOWNS)
    return refitInParts(blas, layer, inputs, targets, samples, settings, run);
  return layer.replace(await solveGroups(blas, layer, inputs, targets, samples, settings));
}

/**
 * One part of the features after another: each takes up what the output still lacks once those before it have changed. Every
 * part starts from its own weights and is free to keep them.
 */
async function refitInParts(
  blas: Blas,
  layer: LinearLayer,
  inputs: Float32Array,
  targets: Float32Array,
  samples: number,
  settings: RefitSettings,
  run: (replacement: Replacement) => Promise<Float32Array>,
): Promise<Replacement> {
  const { features, outputs } = layer;
  const groups = layer.weights.map((weights, g) => ({
    weights: weights.slice(),
    bias: layer.bias.slice(g * outputs, (g + 1) * outputs),
  }));
  const count = Math.ceil(features / PART);
  const size = Math.ceil(features / count);
  for (let first = 0; first < features; first += size) {
    const part = Math.min(size, features - first);
    const current = await run(layer.replace(groups));
    const lacking = targets.map((value, i) => value - current[i]!);
    const rows = Math.min(settings.rows, ROWS_PER_UNKNOWN * part);
    const changes = await solveGroups(blas, partOf(layer, first, part), inputs, lacking, samples, {
      ...settings,
      rows,
    });
    for (const [g, change] of changes.entries()) {
      for (let o = 0; o < outputs; o++) {
        groups[g]!.bias[o]! += change.bias[o]!;
        for (let i = 0; i < part; i++)
          groups[g]!.weights[o * features + first + i]! += change.weights[o * part + i]!;
      }
    }
  }
  return layer.replace(groups);
}

/** Some of a layer's features, with weights of zero. */
function partOf(layer: LinearLayer, first: number, count: number): LinearLayer {
  const all = new Float64Array(layer.features);
  return {
    ...layer,
    features: count,
    weights: layer.weights.map(() => new Float64Array(layer.outputs * count)),
    readFeatures(values, row, group, out, offset) {
      layer.readFeatures(values, row, group, all, 0);
      for (let i = 0; i < count; i++) out[offset + i] = all[first + i]!;
    },
  };
}

async function solveGroups(
  blas: Blas,
  layer: LinearLayer,
  inputs: Float32Array,
  targets: Float32Array,
  samples: number,
  settings: RefitSettings,
): Promise<LinearWeights[]> {
  const rows = new Random(settings.seed).sample(samples * layer.rowsPerSample, settings.rows);
  const split = Math.ceil(rows.length * TRAINING_SHARE);
  const solved = [];
  for (let group = 0; group < layer.groups; group++) {
    const initial = layer.weights[group]!;
    const training = await sumRows(blas, layer, group, inputs, targets, rows.subarray(0, split));
    const validation = await sumRows(blas, layer, group, inputs, targets, rows.subarray(split));
    const strength = chooseStrength(training, validation, initial);
    solved.push(ridgeTowards(addSums(training, validation), initial, strength));
  }
  return solved;
}

async function sumRows(
  blas: Blas,
  layer: LinearLayer,
  group: number,
  inputs: Float32Array,
  targets: Float32Array,
  rows: Int32Array,
): Promise<RegressionSums> {
  const { features, outputs } = layer;
  const leftCols = features + 1;
  const rightCols = features + 1 + outputs;
  let targetSquares = 0;
  // Left rows are (h, 1), right rows (h, 1, y): one product gives every sum that the regression needs.
  const product = await blas.transposedProduct(rows.length, leftCols, rightCols, (start, count, block) => {
    for (let i = 0; i < count; i++) {
      const row = rows[start + i]!;
      const to = i * rightCols;
      layer.readFeatures(inputs, row, group, block.right, to);
      block.right[to + features] = 1;
      layer.readOutputs(targets, row, group, block.right, to + leftCols);
      block.left.set(block.right.subarray(to, to + leftCols), i * leftCols);
      for (let o = to + leftCols; o < to + rightCols; o++) targetSquares += block.right[o]! * block.right[o]!;
    }
  });
  const gram = new Float64Array(features * features);
  const cross = new Float64Array(outputs * features);
  const featureSums = new Float64Array(features);
  for (let i = 0; i < features; i++) {
    const row = product.subarray(i * rightCols, (i + 1) * rightCols);
    gram.set(row.subarray(0, features), i * features);
    featureSums[i] = row[features]!;
    for (let o = 0; o < outputs; o++) cross[o * features + i] = row[leftCols + o]!;
  }
  const targetSums = product.slice(features * rightCols + leftCols, (features + 1) * rightCols);
  return { samples: rows.length, features, outputs, gram, cross, featureSums, targetSums, targetSquares };
}

/**
 * Which calibration samples are no measure of the others. One sample that was scaled wrongly, or on which a network without
 * bounds explodes, would otherwise set every range: fits would spread over values that nothing else takes, and errors be judged
 * by an output that nothing else has.
 *
 * A heavy tail is no outlier. Its largest values follow each other closely, and a layer that is silent but for a few
 * inputs (a detector, a ReLU that seldom fires) stays within what the rest of the network is made of. A sample stands apart
 * only where all three hold: few others do so, there is a gap before it, and it is far beyond the usual values of
 * every tensor.
 */

/** Samples below which nothing is usual. */
const LEAST_SAMPLES = 8;

/** At most this share of the samples may stand apart (but always one may). */
const LARGEST_SHARE = 0.05;

/** How far beyond the usual values of its own tensor, and of all of them, a value must be. */
const BEYOND_USUAL = 16;

/** Between one value and the next larger one, where outliers begin. */
const GAP = 4;

/** Largest |value| of each sample in one tensor; infinite where the sample overflows. */
export interface SampleExtents {
  readonly tensor: string;
  /** Whether it comes from outside: its values have a scale of their own. */
  readonly isInput: boolean;
  readonly largest: Float64Array;
}

export interface Outlier {
  /** Index of the sample. */
  readonly sample: number;
  /** The first tensor in which it stands apart, its largest |value| there and the others' largest. */
  readonly tensor: string;
  readonly largest: number;
  readonly usual: number;
}

/** Largest |value| of every sample; `values` is [samples × elements]. NaN counts as infinite. */
export function sampleExtents(values: ArrayLike<number>, samples: number): Float64Array {
  const size = values.length / samples;
  const largest = new Float64Array(samples);
  for (let s = 0; s < samples; s++) {
    let most = 0;
    for (let i = s * size; i < (s + 1) * size; i++) {
      const magnitude = Math.abs(values[i]!);
      if (magnitude > most) most = magnitude;
      else if (Number.isNaN(magnitude)) most = Infinity;
    }
    largest[s] = most;
  }
  return largest;
}

/**
 * The samples that stand apart in any tensor, ascending.
 * @param extents of the tensors of one network over the same samples, in the order in which they are computed
 */
export function findOutliers(extents: readonly SampleExtents[]): Outlier[] {
  const samples = extents[0]?.largest.length ?? 0;
  if (samples < LEAST_SAMPLES) return [];
  const allowed = Math.max(1, Math.floor(LARGEST_SHARE * samples));
  const ordered = extents.map(({ largest }) => largest.toSorted());
  const usual = ordered.map((sorted) => sorted[samples - 1 - allowed]!);
  const scale = usual.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, value) : most), 0);
  const found = new Map<number, Outlier>();
  for (const [index, { tensor, isInput, largest }] of extents.entries()) {
    const limit = BEYOND_USUAL * (isInput ? usual[index]! : scale);
    const sorted = ordered[index]!;
    let last = samples - 1 - allowed;
    while (last < samples - 1 && !(sorted[last + 1]! > limit && sorted[last + 1]! > GAP * sorted[last]!))
      last++;
    const most = sorted[last]!;
    if (last === samples - 1 || !(most > 0)) continue;
    for (const [sample, value] of largest.entries()) {
      if (value > most && !found.has(sample))
        found.set(sample, { sample, tensor, largest: value, usual: most });
    }
  }
  return [...found.values()].toSorted((a, b) => a.sample - b.sample);
}

/** How many outliers a warning names. */
const NAMED = 3;

/**
 * What to say of samples that were left out: where each stood apart, and how far.
 * @param name of a sample, as whoever made the data set knows it
 */
export function outlierWarning(
  outliers: readonly Outlier[],
  total: number,
  what: string,
  name: (sample: number) => string,
): string {
  const named = outliers.slice(0, NAMED).map(({ sample, tensor, largest, usual }) => {
    const reaches = Number.isFinite(largest) ? `reaches ${largest.toPrecision(3)}` : 'overflows';
    return `${name(sample)} ${reaches} in '${tensor}', where the others stay within ${usual.toPrecision(3)}`;
  });
  const more = outliers.length > NAMED ? ` (and ${outliers.length - NAMED} more)` : '';
  return `${outliers.length} of ${total} calibration samples ${what}: ${named.join('; ')}${more}`;
}

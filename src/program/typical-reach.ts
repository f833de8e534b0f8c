/**
 * What outputs typically reach: the largest |value| of one, in the lower quartile of several; 0 if these are all zero there. Errors
 * become bits by it, in forecasts and in measurements: by the largest of all outputs those of most inputs would look better than they are.
 */
export function typicalReach(outputs: readonly ArrayLike<number>[]): number {
  const reaches = outputs.map(reachOf).toSorted((a, b) => a - b);
  return reaches[reaches.length >> 2] ?? 0;
}

/** The largest |value|. */
export function reachOf(output: ArrayLike<number>): number {
  let reach = 0;
  for (let i = 0; i < output.length; i++) reach = Math.max(reach, Math.abs(output[i]!));
  return reach;
}

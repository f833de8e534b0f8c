import { describe, expect, it } from 'vitest';
import type { Artifact } from '../src/program/artifact.ts';
import { batchOf, joinSamples, sampleTarget, splitSamples } from './batches.ts';

/** Only what batching looks at. */
function artifact(shape: readonly number[], asked: number): Artifact {
  const preprocessing = { pixelScale: 1, mean: [0], std: [1] };
  return {
    signature: { inputs: [{ name: 'x', layout: { shape }, preprocessing }] },
    negotiation: { batch_size: asked },
  } as unknown as Artifact;
}

describe('batches', () => {
  it('share out the batch axis', () => {
    expect(batchOf(artifact([4, 1, 2, 2], 4))).toBe(4);
    expect(sampleTarget(artifact([4, 1, 2, 2], 4)).inputs).toEqual([{ name: 'x', shape: [1, 1, 2, 2] }]);
  });

  it('are of one sample where the model has a fixed batch axis', () => {
    expect(batchOf(artifact([1, 1, 2, 2], 4))).toBe(1);
    expect(sampleTarget(artifact([1, 1, 2, 2], 4)).inputs).toEqual([{ name: 'x', shape: [1, 1, 2, 2] }]);
  });

  it('join and split samples, empty places repeating the first', () => {
    const samples = [[Float32Array.from([1, 2])], [Float32Array.from([3, 4])]];
    const [joined] = joinSamples(artifact([3, 2], 3), samples);
    expect([...joined!]).toEqual([1, 2, 3, 4, 1, 2]);
    expect(splitSamples(joined!, 3, 2).map((sample) => [...sample])).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });
});

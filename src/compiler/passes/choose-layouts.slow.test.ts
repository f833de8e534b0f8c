import { describe, expect, it } from 'vitest';
import { sealCostModel } from '../targets/seal-cost.ts';
import { identity, multiply, type SparseMatrix } from '../linear/sparse-matrix.ts';
import { averagePool, convolution, dense, graphOf, weights } from '../linear/testing/maps.ts';
import { chooseLayouts } from './choose-layouts.ts';
import { placeLevels } from './place-levels.ts';

describe('chooseLayouts', () => {
  it('searches ResNet-20 within a minute', () => {
    const conv = (
      channels: number,
      outputs: number,
      size: number,
      kernel: number,
      stride: number,
    ): SparseMatrix =>
      convolution(
        { channels, outputs, spatial: [size, size], kernel, stride, pad: kernel >> 1 },
        weights(channels + outputs),
      );
    const drafts: Parameters<typeof graphOf>[1][number][] = [];
    const push = (draft: (typeof drafts)[number]): number => drafts.push(draft);
    push({ shape: [1, 16, 32, 32], matrix: conv(3, 16, 32, 3, 1) });
    let source = push({ degree: 4 });
    let channels = 16;
    let size = 32;
    for (const outputs of [16, 32, 64]) {
      for (let block = 0; block < 3; block++) {
        const stride = outputs === channels ? 1 : 2;
        const shape = [1, outputs, size / stride, size / stride];
        push({ shape, matrix: conv(channels, outputs, size, 3, stride), source });
        const inner = push({ degree: 4 });
        const shortcut =
          stride === 1 ? identity(channels * size * size) : conv(channels, outputs, size, 1, stride);
        const terms = [
          [inner, conv(outputs, outputs, size / stride, 3, 1)],
          [source, shortcut],
        ] as const;
        push({ shape, terms });
        source = push({ degree: 4 });
        channels = outputs;
        size /= stride;
      }
    }
    push({ shape: [1, 10], matrix: multiply(dense(10, 64), averagePool(64, [8, 8], 8)), source });
    const graph = graphOf([1, 3, 32, 32], drafts);
    const leveled = placeLevels(graph);
    const start = performance.now();
    const { plans } = chooseLayouts(leveled, sealCostModel(32768, leveled.length.depth), 1);
    expect(performance.now() - start).toBeLessThan(60_000);
    const rotations = [...plans.values()].reduce((sum, plan) => sum + plan.rotations, 0);
    const diagonals = [...plans.values()].reduce((sum, plan) => sum + plan.diagonals, 0);
    expect({ rotations, diagonals }).toEqual({ rotations: 684, diagonals: 6795 });
  });
});

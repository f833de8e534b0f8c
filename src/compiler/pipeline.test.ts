import { describe, expect, it } from 'vitest';
import type { PolynomialGraph } from './ir/polynomial-graph.ts';
import { ModelBuilder, randomTensor } from './onnx/testing/model-builder.ts';
import { SILENT, type CompileOptions } from './options.ts';
import { optionsWith, randomDataset } from './passes/approximation/testing/graphs.ts';
import { compileModel } from './pipeline.ts';

const WIDTH = 8;
const ACTIVATIONS = 24;

/** (MatMul → ReLU) so often that no chain reaches to the end. */
function deepModel(): Uint8Array {
  const builder = new ModelBuilder().input('x', [1, WIDTH]);
  for (let i = 0; i < ACTIVATIONS; i++) {
    builder.constant(`w${i}`, randomTensor([WIDTH, WIDTH], i + 1, 0.6));
    builder.node('MatMul', [i === 0 ? 'x' : `relu${i - 1}`, `w${i}`], [`dense${i}`]);
    builder.node('Relu', [`dense${i}`], [`relu${i}`]);
  }
  return builder.output(`relu${ACTIVATIONS - 1}`).bytes();
}

class Stopped extends Error {}

/** How many polynomials come behind a refresh, by the time that all are fitted; nothing is packed. */
async function refreshesOf(asked: Partial<CompileOptions>, polynomialWanted: boolean): Promise<number> {
  let refreshed = 0;
  const activations = new Map([['*', { kind: 'degree', degree: 8 } as const]]);
  const calibration = randomDataset(WIDTH, 200, 3);
  const options = optionsWith({ calibration, backend: 'native', activations, ...asked });
  const onPass = (pass: string, result: unknown): void => {
    if (pass !== 'approximate-activations') return;
    const { nodes } = (result as PolynomialGraph).graph;
    refreshed = nodes.filter(({ attributes }) => attributes['ratio'] !== undefined).length;
    throw new Stopped();
  };
  const context = { modelDirectory: null, modelName: 'deep', progress: SILENT, polynomialWanted, onPass };
  await compileModel(deepModel(), options, context).catch((error: unknown) => {
    if (!(error instanceof Stopped)) throw error;
  });
  return refreshed;
}

describe('where the polynomial model is wanted as well', () => {
  it('the program is the same: a deep model is refreshed', async () => {
    const refreshed = await refreshesOf({}, true);
    expect(refreshed).toBeGreaterThan(12);
    expect(await refreshesOf({}, false)).toBe(refreshed);
  });

  it('everywhere, every activation is refreshed, the first ones too', async () => {
    const some = await refreshesOf({}, false);
    const all = await refreshesOf({ refresh: 'everywhere' }, false);
    expect(all).toBe(ACTIVATIONS);
    expect(some).toBeLessThan(all);
  });

  it('but not where a backend cannot', async () => {
    const refusal = expect.objectContaining({ code: 'REFRESH_UNAVAILABLE' }) as Error;
    await expect(refreshesOf({ refresh: 'everywhere', backend: 'seal' }, false)).rejects.toThrow(refusal);
  });

  it('a model that nothing holds is fitted before it is refused', async () => {
    expect(await refreshesOf({ refresh: 'never' }, true)).toBe(0);
    const refusal = expect.objectContaining({ code: 'DEPTH_EXCEEDED' }) as Error;
    await expect(refreshesOf({ refresh: 'never' }, false)).rejects.toThrow(refusal);
  });
});

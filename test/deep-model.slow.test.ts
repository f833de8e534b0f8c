/** A model that no chain is long enough for, from ONNX to ciphertext and back: refreshed by default, at 128 bits. */
import { expect, it } from 'vitest';
import { ModelBuilder, randomTensor } from '../src/compiler/onnx/testing/model-builder.ts';
import { randomDataset } from '../src/compiler/passes/approximation/testing/graphs.ts';
import { nativeMemory } from '../src/program/native-memory.ts';
import { nativeUnavailable } from '../src/runtime/backends/native/load-addon.ts';
import { compareModel } from './four-way.ts';

const WIDTH = 16;
const ACTIVATIONS = 24;

/** (Gemm → ReLU) so many times, with a skip over every second pair, and a Gemm. */
function deepModel(): Uint8Array {
  const builder = new ModelBuilder().input('x', [1, WIDTH]);
  let value = 'x';
  let skipped = value;
  for (let i = 0; i < ACTIVATIONS; i++) {
    builder.constant(`w${i}`, randomTensor([WIDTH, WIDTH], i + 1, 0.45));
    builder.node('MatMul', [value, `w${i}`], [`dense${i}`]);
    const sum = i % 2 === 1 ? `sum${i}` : `dense${i}`;
    if (i % 2 === 1) builder.node('Add', [`dense${i}`, skipped], [sum]);
    builder.node('Relu', [sum], [`relu${i}`]);
    value = `relu${i}`;
    if (i % 2 === 1) skipped = value;
  }
  builder.constant('v', randomTensor([WIDTH, 4], 99, 0.5));
  return builder.node('MatMul', [value, 'v'], ['y']).output('y').bytes();
}

it('is refreshed before activations, and loses to encryption what was forecast', async () => {
  const data = { calibration: randomDataset(WIDTH, 900, 3), test: randomDataset(WIDTH, 20, 4) };
  const activations = new Map([['*', { kind: 'degree', degree: 8 } as const]]);
  const options = { backend: 'native', activations } as const;
  const { artifact, ...gaps } = await compareModel(deepModel(), 'deep', data, options, 3);
  const { instructions } = artifact.program;
  const refreshes = instructions.filter(({ kind }) => kind === 'refresh').length;
  // The top of the chain reaches for a few.
  expect(refreshes).toBeGreaterThan(ACTIVATIONS - 6);
  expect(refreshes).toBeLessThan(ACTIVATIONS);
  expect(artifact.certificate).toMatchObject({ securityBits: 128, ephemeral: { weight: 40 } });
  // At least three levels to the polynomial of an activation of degree 8, and one to the map before it.
  expect(artifact.negotiation.max_multiplication_depth).toBeGreaterThan(4 * ACTIVATIONS);
  const { keyBytes, refreshStepsMs, latencyMs } = artifact.report.predicted;
  const memory = nativeMemory(artifact.program, artifact.parameters);
  expect(keyBytes.galois + keyBytes.relinearization).toBe(memory.keyBytes);
  const refreshing = refreshStepsMs!.reduce((sum, { ms }) => sum + ms, 0);
  const layers = artifact.report.layers.filter(({ kind }) => kind === 'refresh');
  expect(refreshing).toBeCloseTo(
    layers.reduce((sum, { predictedMs }) => sum + predictedMs, 0),
    6,
  );
  expect(refreshing).toBeLessThan(latencyMs);
  expect(gaps.approximation).toBeLessThan(0.5);
  expect(gaps.lowering).toBeLessThan(2e-5);
  expect(gaps.packing).toBeLessThan(1e-9);
  if (nativeUnavailable() !== null) return;
  const gain = gaps.encryptionBits.get('native')! - gaps.forecastBits;
  expect(gain).toBeGreaterThan(-1.5);
  expect(gain).toBeLessThan(3);
}, 600_000);

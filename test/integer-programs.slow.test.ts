/** More images, a segmentation map, residues of several moduli: all of them exact. */
import { expect, it } from 'vitest';
import { clearOutputs, compileIntegers, encryptedOutputs, expectedOutput } from './integer-programs.ts';

const FIXTURES = `${import.meta.dirname}/../fixtures`;
const CALIBRATION = `npy:${FIXTURES}/digits-calibration.npy,${FIXTURES}/digits-calibration-labels.npy`;
const TEST = `npy:${FIXTURES}/digits-test.npy,${FIXTURES}/digits-test-labels.npy`;

it.each([
  { model: 'digits-square', count: 20, options: {} },
  { model: 'digits-square', count: 5, options: { inputBits: 8, weightBits: 12 } },
  { model: 'segment-square', count: 5, options: {} },
])('$model, $count images, $options', async ({ model, count, options }) => {
  const compiled = await compileIntegers(`${FIXTURES}/${model}.onnx`, CALIBRATION, TEST, options, count);
  const expected = compiled.inputs.map((inputs) => expectedOutput(compiled, inputs));
  expect(await clearOutputs(compiled)).toEqual(expected);
  const { outputs, budgets, leaked } = await encryptedOutputs(compiled, 2);
  expect(outputs).toEqual(expected);
  expect(leaked).toBe(0);
  expect(Math.min(...budgets)).toBeGreaterThanOrEqual(compiled.artifact.report.integer!.noiseBudgetBits);
});

it('squares with linear terms, per channel', async () => {
  // ReLU fitted by squares: how good that is does not matter here.
  const activations = new Map([['*', { kind: 'degree', degree: 2 } as const]]);
  const options = { activations, inputBits: 4, weightBits: 6 };
  const model = await compileIntegers(`${FIXTURES}/digits-cnn.onnx`, CALIBRATION, TEST, options, 3);
  const expected = model.inputs.map((inputs) => expectedOutput(model, inputs));
  expect(await clearOutputs(model)).toEqual(expected);
  expect((await encryptedOutputs(model, 2)).outputs).toEqual(expected);
});

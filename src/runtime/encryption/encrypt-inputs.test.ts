import { expect, it } from 'vitest';
import { ProgramBuilder } from '../../program/testing/program-builder.ts';
import { signatureOf } from '../../program/testing/signature-of.ts';
import { testParameters } from '../../program/testing/test-parameters.ts';
import { packCleartextInputs } from '../client/cleartext-client.ts';
import { packInputs, requireInputs } from './encrypt-inputs.ts';

const parameters = testParameters(8192, [46, 38], 58, 38);
const builder = new ProgramBuilder(parameters);
const x = builder.input(1);
builder.linear([x], { babies: [{ source: 0, step: 1, from: -1, via: [1] }], outputs: [] });
const plain = signatureOf(builder.build([x]), parameters);
const signature = {
  ...plain,
  inputs: plain.inputs.map((input) => ({ ...input, range: { min: [-1], max: [1] } })),
};
const values = (factor: number): Float64Array[] => [
  Float64Array.from({ length: 4096 }, (_, i) => factor * Math.sin(1 + i)),
];
const errorOf = (action: () => unknown): unknown => {
  try {
    action();
  } catch (error) {
    return error;
  }
  return 'nothing thrown';
};

it.each([3, 10, 1e6])(
  'refuses inputs ×%d, and says where they leave the range but not how they do',
  (factor) => {
    for (const check of [requireInputs, packInputs, packCleartextInputs]) {
      const error = errorOf(() => check(signature, values(factor)));
      expect(error).toMatchObject({
        code: 'INPUT_OUT_OF_RANGE',
        message: expect.stringContaining(
          'the range is [-1.000, 1.000], with its margin [-1.250, 1.250]',
        ) as string,
        hint: expect.stringContaining('--mean') as string,
      });
      const first = values(factor)[0]!.findIndex((value) => Math.abs(value) > 1.25);
      const { message } = error as Error;
      expect(message).toContain(`the first of them element ${first}:`);
      expect(message).not.toContain(values(factor)[0]![first]!.toPrecision(3));
    }
  },
);

it.each([0, 1, 1.25])('takes inputs ×%d', (factor) => {
  expect(packInputs(signature, values(factor))[0]).toHaveLength(1);
});

it('goes on where it is told to, with a warning for each input', () => {
  const warnings: string[] = [];
  const packed = packInputs(signature, values(10), { allowOutOfRange: (warning) => warnings.push(warning) });
  expect(packed[0]![0]![3]).toBe(values(10)[0]![3]);
  expect(warnings).toEqual([expect.stringContaining('input x0 leaves the range') as string]);
  expect(warnings[0]).toContain('may have nothing to do with the model');
});

it('never takes what is not finite, nor checks where an older artifact says nothing', () => {
  const broken = [values(1)[0]!.with(7, Infinity)];
  const allowed = { allowOutOfRange: () => undefined };
  expect(errorOf(() => packInputs(signature, broken, allowed))).toMatchObject({ code: 'INPUT_VALUE' });
  expect(packInputs(plain, values(1e6))[0]).toHaveLength(1);
});

import { describe, expect, it } from 'vitest';
import type { ClientOperator } from '../../program/signature.ts';
import { ProgramBuilder } from '../../program/testing/program-builder.ts';
import { signatureOf } from '../../program/testing/signature-of.ts';
import { testParameters } from '../../program/testing/test-parameters.ts';
import { packInputs } from '../encryption/encrypt-inputs.ts';
import { parseSecretKey } from '../formats/secret-key.ts';
import { parametersDigest } from '../formats/parameters-digest.ts';
import { applyClientOperators, roundToPrecision } from './client-operators.ts';
import { decryptOutputs, generateKeys } from './operations.ts';
import { SecretClient } from './secret-client.ts';

const operator = (op: ClientOperator['op'], axis: number, keepDims?: boolean): ClientOperator => ({
  op,
  node: 'n',
  axis,
  ...(keepDims === undefined ? {} : { keepDims }),
});

describe('client operators', () => {
  const tensor = { shape: [1, 3, 2], values: Float64Array.of(1, 9, 3, 9, 2, -1) };

  it('softmax along an inner axis sums to one and survives large values', () => {
    const { values } = applyClientOperators(tensor, [operator('Softmax', 1)]);
    expect(values[0]! + values[2]! + values[4]!).toBeCloseTo(1, 14);
    expect(values[2]! / values[0]!).toBeCloseTo(Math.exp(2), 12);
    const large = { shape: [2], values: Float64Array.of(2000, 2001) };
    expect(applyClientOperators(large, [operator('Softmax', -1)]).values[1]).toBeCloseTo(
      Math.E / (1 + Math.E),
      12,
    );
  });

  it('log-softmax is the logarithm of softmax', () => {
    const logs = applyClientOperators(tensor, [operator('LogSoftmax', 2)]).values;
    const { values } = applyClientOperators(tensor, [operator('Softmax', 2)]);
    values.forEach((value, i) => expect(logs[i]).toBeCloseTo(Math.log(value), 12));
  });

  it('arg-max takes the first of equal ones, and keeps or drops the axis', () => {
    const kept = applyClientOperators(tensor, [operator('ArgMax', 1)]);
    expect(kept).toEqual({ shape: [1, 1, 2], values: Float64Array.of(1, 0) });
    const dropped = applyClientOperators(tensor, [operator('Identity', 0), operator('ArgMax', -2, false)]);
    expect(dropped).toEqual({ shape: [1, 2], values: Float64Array.of(1, 0) });
  });

  it('hard-max marks the first of equal ones', () => {
    const { values } = applyClientOperators(tensor, [operator('Hardmax', 1)]);
    expect(values).toEqual(Float64Array.of(0, 1, 1, 0, 0, 0));
  });

  it('sigmoid is exact at zero', () => {
    const zero = { shape: [1], values: Float64Array.of(0) };
    expect(applyClientOperators(zero, [operator('Sigmoid', 0)]).values[0]).toBe(0.5);
  });
});

describe('rounding', () => {
  it('keeps the certified bits and nothing below', () => {
    const rounded = roundToPrecision(Float64Array.of(0.1234567, -0.999, 0), 1, 8);
    const step = 2 ** -7;
    for (const value of rounded) expect(Number.isInteger(value / step)).toBe(true);
    expect(Math.abs(rounded[0]! - 0.1234567)).toBeLessThanOrEqual(step / 2);
    expect(roundToPrecision(Float64Array.of(3.3), 16, 4)[0]).toBe(4);
  });
});

describe('the secret side', () => {
  const parameters = testParameters(8192, [46, 38], 58, 38);
  const builder = new ProgramBuilder(parameters);
  const x = builder.input(1);
  const plan = { babies: [{ source: 0, step: 1, from: -1, via: [1] }], outputs: [] };
  builder.linear([x], plan);
  const program = builder.build([x]);
  const signature = signatureOf(program, parameters);

  it('refuses inputs of the wrong size or that are not numbers', () => {
    expect(() => packInputs(signature, [])).toThrow('expected 1 input tensors, found 0');
    expect(() => packInputs(signature, [new Float64Array(5)])).toThrow('but 5 values were given');
    const values = new Float64Array(4096);
    values[17] = NaN;
    expect(() => packInputs(signature, [values])).toThrow('not finite at element 17');
  });

  it('makes keys, encrypts and decrypts as separate steps', async () => {
    const { secretKey, evaluationKeys } = await generateKeys(signature);
    expect(
      parseSecretKey(secretKey, { scheme: 'ckks', parametersDigest: parametersDigest(parameters) }).bytes
        .length,
    ).toBeGreaterThan(1000);
    expect(evaluationKeys.rotations.map(({ step }) => step)).toEqual([1]);
    expect(evaluationKeys.relinearization).toBeNull();
    const values = Float64Array.from({ length: 4096 }, (_, i) => Math.sin(i));
    await using client = await SecretClient.open(signature, secretKey);
    const inputs = await client.encrypt([values]);
    // The program's output is its input.
    const encrypted = { ...inputs, tensors: inputs.tensors.map((tensor) => ({ ...tensor, name: 'y0' })) };
    const [decrypted] = await decryptOutputs(signature, secretKey, encrypted);
    const error = Math.max(...decrypted!.map((value, i) => Math.abs(value - values[i]!)));
    // Fresh encryption adds an error of deviation σ·√N to each slot.
    expect(error).toBeLessThan((8 * 3.2 * Math.sqrt(8192)) / 2 ** 38);
    expect(error).toBeGreaterThan(0);
    const other = await generateKeys(signature);
    await expect(decryptOutputs(signature, other.secretKey, encrypted)).rejects.toMatchObject({
      code: 'KEY_SET_MISMATCH',
      hint: expect.stringContaining('different key pairs') as string,
    });
    // What the check keeps from happening: with the set's name forged, only noise comes out.
    const { keySet } = other.evaluationKeys;
    const [garbage] = await decryptOutputs(signature, other.secretKey, { ...encrypted, keySet });
    expect(Math.max(...garbage!.map(Math.abs))).toBeGreaterThan(100);
  });

  it('refuses to make keys for a program compiled for the clear only', async () => {
    const cleartext = { ...signature, parameters: { ...parameters, scheme: 'cleartext' as const } };
    await expect(generateKeys(cleartext)).rejects.toMatchObject({ code: 'CLEARTEXT_ONLY' });
  });
});

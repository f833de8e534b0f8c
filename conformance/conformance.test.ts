import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeTensor } from '../src/onnx/encode-tensor.ts';
import { TensorProto } from '../src/onnx/proto.ts';
import { ModelBuilder, tensor } from '../src/compiler/onnx/testing/model-builder.ts';
import type { ConstantTensor } from '../src/compiler/ir/tensor-graph.ts';
import { parseArguments } from './arguments.ts';
import { assignInputs, calibrationSet } from './assignment.ts';
import { evaluateTest } from './evaluate-test.ts';
import { settingsFor } from './outcome.ts';
import { makeReport, reportMarkdown } from './report.ts';
import { findTests, loadTest, printedBits } from './test-case.ts';

const ROOT = mkdtempSync(join(tmpdir(), 'he-compile-conformance-'));
afterAll(() => rmSync(ROOT, { recursive: true, force: true }));

function writeTest(
  name: string,
  model: Uint8Array,
  inputs: readonly ConstantTensor[],
  outputs: readonly ConstantTensor[],
): void {
  const data = join(ROOT, name, 'test_data_set_0');
  mkdirSync(data, { recursive: true });
  writeFileSync(join(ROOT, name, 'model.onnx'), model);
  const save = (kind: string, tensors: readonly ConstantTensor[]): void =>
    tensors.forEach((value, i) =>
      writeFileSync(
        join(data, `${kind}_${i}.pb`),
        TensorProto.encode(encodeTensor(kind, value, value.type)).finish(),
      ),
    );
  save('input', inputs);
  save('output', outputs);
}

const a = tensor([1, 3], [1, -2, 3]);
const b = tensor([1, 3], [0.5, 2, -1]);
const binary = (op: string): Uint8Array =>
  new ModelBuilder().input('a', [1, 3]).input('b', [1, 3]).node(op, ['a', 'b'], ['y']).output('y').bytes();
writeTest('test_add', binary('Add'), [a, b], [tensor([1, 3], [1.5, 0, 2])]);
writeTest('test_wrong', binary('Add'), [a, b], [tensor([1, 3], [1.5, 0, 2.1])]);
writeTest('test_shape', binary('Add'), [a, b], [tensor([3], [1.5, 0, 2])]);
writeTest(
  'test_relu',
  new ModelBuilder().input('a', [1, 3]).node('Relu', ['a'], ['y']).output('y').bytes(),
  [a],
  [tensor([1, 3], [1, 0, 3])],
);
const unary = (op: string): Uint8Array =>
  new ModelBuilder().input('a', [1, 3]).node(op, ['a'], ['y']).output('y').bytes();
writeTest('test_floor', unary('Floor'), [a], [a]);
const broken = tensor([1, 3], [1, NaN, 3]);
writeTest('test_nan', unary('Neg'), [broken], [broken]);

const run = (name: string) =>
  evaluateTest(ROOT, name, settingsFor('cleartext'), new AbortController().signal);

describe('conformance runner', () => {
  it('finds tests and encrypts every operand of an elementwise operator', async () => {
    expect(await findTests(ROOT)).toEqual([
      'test_add',
      'test_floor',
      'test_nan',
      'test_relu',
      'test_shape',
      'test_wrong',
    ]);
    const { encrypted } = assignInputs(await loadTest(ROOT, 'test_add'));
    expect(encrypted.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('calibrates within the range of the test input, always on the same values', async () => {
    const { encrypted } = assignInputs(await loadTest(ROOT, 'test_relu'));
    const [first, again] = [calibrationSet(encrypted, 1), calibrationSet(encrypted, 1)];
    expect(Array.from(first.sample(0, 0))).toEqual([1, -2, 3]);
    expect(first.sample(5, 0)).toEqual(again.sample(5, 0));
    expect(first.sample(5, 0)).not.toEqual(first.sample(6, 0));
    for (const x of first.sample(5, 0)) expect(x >= -2 && x <= 3).toBe(true);
  });

  it('tells right results from wrong values and wrong shapes', async () => {
    expect(await run('test_add')).toMatchObject({
      verdict: 'pass',
      kind: 'linear',
      encryptedInputs: ['a', 'b'],
    });
    expect(await run('test_wrong')).toMatchObject({ verdict: 'fail' });
    expect(await run('test_shape')).toMatchObject({ verdict: 'fail', bits: 0 });
  });

  it('approximates to the bits asked for, and refuses with a reason', async () => {
    const relu = await run('test_relu');
    expect(relu).toMatchObject({ verdict: 'pass', kind: 'approximated' });
    expect(relu.bits).toBeGreaterThan(10);
    const floor = await run('test_floor');
    expect(floor.verdict).toBe('refused');
    expect(floor.reason).toContain('staircase');
    const report = makeReport([relu, floor], settingsFor('cleartext'), true);
    expect(report.totals).toMatchObject({ pass: 1, refused: 1 });
    expect(reportMarkdown(report)).toContain('| relu | pass | approximated |');
  });

  it('says that NaN cannot be encrypted', async () => {
    const outcome = await run('test_nan');
    expect(outcome.verdict).toBe('not-applicable');
    expect(outcome.reason).toContain('INPUT_NOT_FINITE');
  });

  it('asks for no more bits than expected values were printed with', () => {
    expect(printedBits(Float64Array.of(-0.1406, 0.3828, 5.1445).map(Math.fround))).toBeCloseTo(
      Math.log2(5.1445 / 0.00005),
      5,
    );
    expect(printedBits(Float64Array.of(0.5, 1.25, -3))).toBe(Infinity);
    expect(printedBits(Float64Array.of(0.125, 0.0625, 0.5))).toBe(Infinity);
    expect(printedBits(Float64Array.of(Math.PI, Math.E).map(Math.fround))).toBe(Infinity);
    expect(printedBits(Float64Array.of(0, 0))).toBe(Infinity);
  });

  it('checks its arguments', () => {
    expect(parseArguments(['DIR', '--backend', 'seal'])).toMatchObject({ processes: 1, directory: 'DIR' });
    expect(() => parseArguments([])).toThrow('one folder');
    expect(() => parseArguments(['DIR', '--processes', '3'])).toThrow('--processes');
    expect(() => parseArguments(['DIR', '--match', '('])).toThrow('regular expression');
  });
});

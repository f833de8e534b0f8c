import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FIXTURE_SUITE, parseCases } from './case.ts';

const model = ['--model', 'some/where/Net.onnx', '--calibration', 'random:1', '--data', 'random:2'];

describe('parseCases', () => {
  it('takes one model, and hands what follows -- to compile', () => {
    expect(parseCases([...model, '--limit', '7', '--', '--precision', '12'])).toEqual([
      {
        name: 'Net',
        model: 'some/where/Net.onnx',
        calibration: 'random:1',
        data: 'random:2',
        limit: 7,
        sealLimit: 7,
        backends: ['seal', 'native'],
        threads: [1, 2],
        compileOptions: ['--precision', '12'],
      },
    ]);
  });

  it('runs the suite without a model, or one case of it', () => {
    expect(parseCases([])).toEqual(FIXTURE_SUITE);
    expect(parseCases(['--name', 'digits-cnn', '--limit', '3'])).toMatchObject([
      { name: 'digits-cnn', limit: 3 },
    ]);
  });

  it('adds options to those of a case', () => {
    const [one] = parseCases(['--name', 'digits-square-throughput', '--', '--precision', '12']);
    expect(one).toMatchObject({
      model: 'fixtures/digits-square.onnx',
      threads: [1],
      compileOptions: ['--optimize', 'throughput', '--batch', '4096', '--precision', '12'],
    });
  });

  it('takes backends, threads and fewer samples for node-seal', () => {
    const options = ['--backends', 'native', '--threads', '1,4', '--limit', '5', '--seal-limit', '1'];
    expect(parseCases([...model, ...options])).toMatchObject([
      { backends: ['native'], threads: [1, 4], limit: 5, sealLimit: 1 },
    ]);
  });

  it('names fixtures that exist', () => {
    for (const one of FIXTURE_SUITE)
      expect(existsSync(join(import.meta.dirname, '..', one.model))).toBe(true);
  });

  it.each([
    ['half a case', ['--model', 'a.onnx', '--data', 'random:1']],
    ['data without a model', ['--data', 'random:1']],
    ['a limit that is no count', [...model, '--limit', '0']],
    ['a limit that is no number', [...model, '--limit', 'many']],
    ['a name that is a path', [...model, '--name', '../out']],
    ['an unknown case', ['--name', 'nothing']],
    ['an unknown backend', ['--backends', 'seal,openfhe']],
    ['no threads', ['--threads', '0']],
    ['an unknown option', ['--modle', 'a.onnx']],
  ])('refuses %s', (_what, argv) => {
    expect(() => parseCases(argv)).toThrow(expect.objectContaining({ code: 'BENCH_USAGE', exitCode: 2 }));
  });
});

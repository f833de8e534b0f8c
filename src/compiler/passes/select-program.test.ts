import { describe, expect, it } from 'vitest';
import { HeError } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import { refreshBounds } from '../analysis/bounds.ts';
import type { GraphNode, LinearGraph } from '../ir/linear-graph.ts';
import { diagonal } from '../linear/sparse-matrix.ts';
import { dense, graphOf, weights } from '../linear/testing/maps.ts';
import { sentBytes } from '../../program/key-bytes.ts';
import { nativeKeyBytes } from '../../program/native-keys.ts';
import { isSealShaped } from '../../program/parameters.ts';
import { DEFAULT_NATIVE_PROFILE } from '../profile/default-profile.ts';
import type { CompileOptions } from '../options.ts';
import { DEFAULT_OPTIONS, SILENT } from '../options.ts';
import { targetOf } from '../targets/registry.ts';
import type { SelectedProgram } from './select-program.ts';
import { selectProgram } from './select-program.ts';

/** Dense, square, dense: three levels. */
const SHALLOW = graphOf(
  [64],
  [{ shape: [16], matrix: dense(16, 64) }, { degree: 2 }, { shape: [4], matrix: dense(4, 16) }],
);
/** Many rotations. */
const WIDE = graphOf(
  [256],
  [{ shape: [64], matrix: dense(64, 256) }, { degree: 2 }, { shape: [10], matrix: dense(10, 64) }],
);
/** Depth 1. */
const FLAT = graphOf([64], [{ shape: [4], matrix: dense(4, 64) }]);
/** 30 scalings, each with a polynomial of degree 16: 150 levels, more than any secure chain has. */
const DEEP = withoutBiases(
  graphOf(
    [4],
    Array.from({ length: 30 }, () => [
      { shape: [4], matrix: diagonal(new Float64Array(4).fill(0.3)) },
      { degree: 16 },
    ]).flat(),
  ),
);

/** Keeps the values of the polynomials within [-1, 1]. */
function withoutBiases(graph: LinearGraph): LinearGraph {
  const nodes = graph.nodes.map((node) => (node.kind === 'linear' ? { ...node, bias: null } : node));
  return { ...graph, nodes };
}

function select(
  graph: LinearGraph,
  options: Partial<CompileOptions>,
  passes: string[] = [],
): SelectedProgram {
  const next = weights(9);
  const size = elementCount(graph.nodes[0]!.shape);
  const samples = Array.from({ length: 4 }, () => [Float64Array.from({ length: size }, next)]);
  return selectProgram(
    refreshBounds(graph, samples),
    samples,
    { ...DEFAULT_OPTIONS, ...options },
    {
      pass: (name, result) => {
        passes.push(name);
        return result;
      },
      progress: SILENT,
    },
  );
}

function failure(graph: LinearGraph, options: Partial<CompileOptions>): HeError {
  try {
    select(graph, options);
  } catch (error) {
    if (error instanceof HeError) return error;
    throw error;
  }
  throw new Error('a program was selected');
}

/** The same graph with outputs, or all values, of another magnitude. */
function magnified(graph: LinearGraph, factor: number, which: 'outputs' | 'all'): LinearGraph {
  const outputs = new Set(graph.outputs.map(({ node }) => node));
  const nodes = graph.nodes.map((node): GraphNode => {
    if (node.kind !== 'linear' || (which === 'outputs' && !outputs.has(node.id))) return node;
    const terms = node.terms.map(({ source, matrix }) => ({
      source,
      matrix: { ...matrix, values: matrix.values.map((value) => value * factor) },
    }));
    return { ...node, terms, bias: node.bias?.map((value) => value * factor) ?? null };
  });
  return { ...graph, nodes };
}

describe('magnitudes', () => {
  it.each(['outputs', 'all'] as const)('do not change depth, ring or precision: of %s', (which) => {
    const ordinary = select(SHALLOW, {});
    for (const factor of [2 ** -40, 2 ** 40]) {
      const { parameters, noise, linear } = select(magnified(SHALLOW, factor, which), {});
      expect(parameters.polyModulusDegree).toBe(ordinary.parameters.polyModulusDegree);
      expect(parameters.dataPrimes).toHaveLength(ordinary.parameters.dataPrimes.length);
      const [bits, wanted] = [noise, ordinary.noise].map(({ outputs }) => outputs[0]!.precisionBits);
      expect(bits).toBeGreaterThan(wanted! - 3);
      expect(linear.nodes[linear.outputs[0]!.node]!.unit).toBeDefined();
    }
  });
});

describe('selectProgram', () => {
  it.each([
    ['one level', FLAT, 10, 4096],
    ['three levels', SHALLOW, 10, 8192],
    ['three levels with more precision than that ring has', SHALLOW, 23.5, 16384],
  ])('takes the smallest ring that will do: %s', (_, graph, precision, polyModulusDegree) => {
    const { parameters, noise, program } = select(graph, { precision });
    expect(parameters).toMatchObject({ scheme: 'ckks', polyModulusDegree });
    expect(program.slotCount).toBe(polyModulusDegree / 2);
    expect(noise.outputs).toHaveLength(1);
    expect(noise.outputs[0]!.precisionBits).toBeGreaterThanOrEqual(precision);
  });

  it('makes the chain as long as the program is deep', () => {
    const { parameters, program } = select(SHALLOW, {});
    expect(parameters.dataPrimes).toHaveLength(4);
    expect(program.inputs.map(({ value }) => program.values[value]!.level)).toEqual([3]);
    expect(program.outputs.map(({ value }) => program.values[value]!.level)).toEqual([0]);
  });

  it('tells of every pass', () => {
    const passes: string[] = [];
    select(FLAT, {}, passes);
    expect(passes).toEqual([
      'compose-linear',
      'normalise-magnitudes',
      'place-levels',
      'pack-program',
      'manage-scales',
    ]);
  });

  it('says how precise the best program is, where that is not enough', () => {
    const { code, message, hint } = failure(SHALLOW, { precision: 33 });
    expect(code).toBe('PRECISION_UNREACHABLE');
    const [, best] = /(\d+\.\d) bits at best, 33 are asked for/.exec(message)!;
    expect(() => select(SHALLOW, { precision: Math.floor(Number(best)) })).not.toThrow();
    expect(hint).toContain('--precision');
    expect(message).toMatch(/lost in layer '.+', whose values are up to \d/);
  });

  it('lists what every layer costs, where no chain is long enough', () => {
    const { code, message, hint, diagnostics } = failure(DEEP, {});
    expect(code).toBe('DEPTH_EXCEEDED');
    expect(message).toContain('the model needs 150 levels');
    expect(diagnostics.length).toBeGreaterThan(30);
    expect(diagnostics.slice(0, 2)).toMatchObject([
      { code: 'LAYER_DEPTH', node: 'layer1', message: 'linear: 1 level, result at level 149' },
      { code: 'LAYER_DEPTH', node: 'layer2', message: 'degree 16: 4 levels, result at level 145' },
    ]);
    expect(hint).toContain('--backend cleartext');
  });

  it('says what needs how much memory, where there is too little', () => {
    const { code, message, hint } = failure(SHALLOW, { maxMemoryMb: 20 });
    expect(code).toBe('MEMORY_EXCEEDED');
    expect(message).toMatch(/needs \d+ MiB in one WASM heap and \d+ MiB around it, 20 MiB are allowed/);
    expect(hint).toContain('--max-memory-mb');
  });

  it('takes any depth for the clear, under parameters that no key is made for', () => {
    const { parameters, noise } = select(DEEP, { backend: 'cleartext' });
    expect(parameters.scheme).toBe('cleartext');
    expect(parameters.dataPrimes).toHaveLength(151);
    expect(noise.outputs[0]!.precisionBits).toBeGreaterThan(30);
  });
});

describe('selectProgram, optimising for memory', () => {
  it.each(['seal', 'native'] as const)('needs less of it than for latency on %s', (backend) => {
    const [quick, lean] = (['latency', 'memory'] as const).map((optimize) => {
      const options = { ...DEFAULT_OPTIONS, backend, optimize };
      const { program, parameters, noise } = select(WIDE, options);
      expect(noise.outputs[0]!.precisionBits).toBeGreaterThanOrEqual(DEFAULT_OPTIONS.precision);
      const { leastBytes, peakBytes, plaintextRoom } = targetOf(options.backend).memory(
        program,
        parameters,
        options,
      );
      return { leastBytes, peakBytes, plaintextRoom, keys: program.rotationKeys.length };
    });
    expect(lean!.leastBytes).toBeLessThan(quick!.leastBytes);
    expect(lean!.keys).toBeLessThan(quick!.keys);
    // No plaintexts are kept between evaluations.
    expect(lean!.peakBytes).toBe(lean!.leastBytes);
    expect(quick!.peakBytes).toBeGreaterThan(quick!.leastBytes);
  });
});

describe('what keys cost', () => {
  const native = { backend: 'native' } as const;
  const planned = (options: Partial<CompileOptions>): SelectedProgram =>
    select(WIDE, { ...native, ...options });
  const sent = ({ program, parameters }: SelectedProgram): number => sentBytes(program, parameters);

  it('fewer inferences for a set of keys, or a slower line, mean fewer bytes of keys', () => {
    const [many, few] = [planned({ inferencesPerKeys: 100_000 }), planned({ inferencesPerKeys: 20 })];
    expect(sent(few)).toBeLessThan(0.7 * sent(many));
    const slow = planned({ inferencesPerKeys: 100_000, keyBandwidth: 0.02 });
    expect(sent(slow)).toBeLessThan(0.7 * sent(many));
  });

  it('nothing is counted for latency: the program is that of keys without a price', () => {
    const free = planned({ inferencesPerKeys: 1e15 });
    const quickest = planned({ optimize: 'latency', inferencesPerKeys: 1 });
    expect(quickest.program).toEqual(free.program);
    expect(sent(planned({ inferencesPerKeys: 20 }))).toBeLessThan(sent(quickest));
  });

  it.each([0.25, 0.5, 0.9])('all Galois keys together stay within %s of what they would take', (part) => {
    const bytesOf = ({ program, parameters }: SelectedProgram): number =>
      program.rotationKeys.reduce((sum, { level }) => sum + nativeKeyBytes(parameters, level), 0);
    const free = bytesOf(planned({ optimize: 'latency' }));
    const maxKeyMb = Math.ceil((part * free) / 2 ** 20);
    expect(maxKeyMb * 2 ** 20).toBeLessThan(free);
    expect(bytesOf(planned({ optimize: 'latency', maxKeyMb }))).toBeLessThanOrEqual(maxKeyMb * 2 ** 20);
  });
});

describe('selectProgram for the native engine', () => {
  const native = { backend: 'native' } as const;

  it('plans hybrid key switching, with keys truncated to where they are used', () => {
    const { parameters, program, noise } = select(SHALLOW, native);
    expect(isSealShaped(parameters)).toBe(false);
    expect(parameters.dnum).toBeLessThan(parameters.dataPrimes.length);
    expect(noise.outputs[0]!.precisionBits).toBeGreaterThanOrEqual(DEFAULT_OPTIONS.precision);
    expect(program.rotationKeys).not.toHaveLength(0);
    expect(program.rotationKeys.some(({ level }) => level < parameters.dataPrimes.length - 1)).toBe(true);
    expect(program.relinearizationLevel).toBe(2);
  });

  it('gives the same program again, and another one for another machine', () => {
    const quick = { ...native, optimize: 'latency' } as const;
    expect(select(SHALLOW, native).program).toEqual(select(SHALLOW, native).program);
    const first = select(SHALLOW, quick);
    expect(select(SHALLOW, quick).program).toEqual(first.program);
    // Where long primes cost nothing but transforms much, fewer and longer special primes pay.
    const [short, middle, long] = DEFAULT_NATIVE_PROFILE.kernels;
    const slow = { ...short!, forward: 50, inverse: 50 };
    const profile = { ...DEFAULT_NATIVE_PROFILE, kernels: [slow, { ...slow, maxBits: 50 }, long!] };
    expect(middle!.maxBits).toBe(50);
    expect(select(SHALLOW, { ...quick, profile }).parameters).not.toEqual(first.parameters);
  });

  it('needs more keys than one only if they are worth it: a budget composes them', () => {
    const free = select(SHALLOW, native).program.rotationKeys.length;
    const tight = select(SHALLOW, { ...native, maxKeyMb: 4 }).program.rotationKeys.length;
    expect(tight).toBeLessThan(free);
  });

  it('says what needs how much memory, where there is too little', () => {
    const { code, message } = failure(SHALLOW, { ...native, maxMemoryMb: 100 });
    expect(code).toBe('MEMORY_EXCEEDED');
    expect(message).toMatch(/the native engine needs \d+ MiB, 100 MiB are allowed/);
  });

  it('reaches depths that node-seal does not', () => {
    const deep = withoutBiases(
      graphOf(
        [4],
        Array.from({ length: 9 }, () => [
          { shape: [4], matrix: diagonal(new Float64Array(4).fill(0.3)) },
          { degree: 4 },
        ]).flat(),
      ),
    );
    const { parameters } = select(deep, { ...native, precision: 6 });
    expect(parameters.dataPrimes.length).toBeGreaterThan(24);
    expect(parameters.polyModulusDegree).toBeGreaterThanOrEqual(32768);
  });
});

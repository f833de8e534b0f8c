import { describe, expect, it } from 'vitest';
import type { TensorGraph } from '../../ir/tensor-graph.ts';
import { Random } from '../../random.ts';
import { readOutputs } from './output-reading.ts';
import { makeGraph } from './testing/graphs.ts';

const SAMPLES = 40;

function graphOf(shape: readonly number[], cut?: 'Softmax' | 'Sigmoid'): TensorGraph {
  const graph = makeGraph({ x: shape }, [{ op: 'Identity', inputs: ['x'], output: 'y', shape }], {}, ['y']);
  return cut === undefined ? graph : { ...graph, clientOperators: [[{ op: cut, node: 'end', axis: 1 }]] };
}

/** Values of every sample by a function of a uniform number in −1 … 1 and the element. */
function read(graph: TensorGraph, value: (uniform: number, element: number) => number, labelled = false) {
  const size = graph.shapes.get('y')!.reduce((product, extent) => product * extent, 1);
  const random = new Random(5);
  const values = Float32Array.from({ length: SAMPLES * size }, (_, i) =>
    value(2 * random.next() - 1, i % size),
  );
  return readOutputs(graph, [values], SAMPLES, labelled);
}

const noise = (uniform: number): number => uniform;

describe('readOutputs', () => {
  it('takes a vector for class scores where labels, a softmax or its values say so', () => {
    const vector = graphOf([1, 5]);
    expect(read(vector, noise)).toEqual({ kind: 'classes' });
    const quantities = (uniform: number, element: number): number => 10 * element + uniform;
    expect(read(vector, quantities)).toEqual({ kind: 'values' });
    expect(read(vector, quantities, true)).toEqual({ kind: 'classes' });
    expect(read(graphOf([1, 5], 'Softmax'), quantities)).toEqual({ kind: 'classes' });
    expect(read(graphOf([1, 1]), noise)).toEqual({ kind: 'values' });
    expect(read(graphOf([1, 1], 'Sigmoid'), noise)).toEqual({ kind: 'classes' });
  });

  it('takes a map for decisions where a sigmoid, a softmax or values away from zero say so', () => {
    const decisions = { kind: 'decisions', channels: 1, positions: 36 };
    const logits = (uniform: number): number => (uniform > 0.6 ? 5 : -8) + uniform;
    expect(read(graphOf([1, 1, 6, 6]), logits)).toEqual(decisions);
    expect(read(graphOf([1, 6, 6]), logits)).toEqual(decisions);
    // A picture, an interpolated one: values all over, or all of one sign.
    expect(read(graphOf([1, 1, 6, 6]), noise)).toEqual({ kind: 'values' });
    expect(read(graphOf([1, 1, 6, 6]), (uniform) => uniform + 3)).toEqual({ kind: 'values' });
    expect(read(graphOf([1, 1, 6, 6], 'Sigmoid'), noise)).toEqual(decisions);
    expect(read(graphOf([1, 3, 6, 6]), logits)).toEqual({ kind: 'values' });
    expect(read(graphOf([1, 3, 6, 6], 'Softmax'), logits)).toEqual({ ...decisions, channels: 3 });
  });
});

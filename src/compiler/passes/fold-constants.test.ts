import { describe, expect, it } from 'vitest';
import { ModelBuilder, tensor } from '../onnx/testing/model-builder.ts';
import { foldConstants } from './fold-constants.ts';
import { stripOutputOperators } from './strip-output-operators.ts';

describe('foldConstants', () => {
  it('removes identities and keeps the names of outputs', () => {
    const graph = new ModelBuilder()
      .input('x', [2])
      .node('Identity', ['x'], ['a'])
      .node('Relu', ['a'], ['b'])
      .node('Dropout', ['b'], ['c'])
      .node('Cast', ['c'], ['y'], { to: 1 })
      .output('y')
      .graph();
    const folded = foldConstants(graph);
    expect(folded.nodes).toMatchObject([{ op: 'Relu', inputs: ['x'], outputs: ['y'] }]);
    expect([...folded.shapes.keys()].sort()).toEqual(['x', 'y']);
  });

  it('keeps an identity between an input and an output, and between two outputs', () => {
    const graph = new ModelBuilder()
      .input('x', [2])
      .node('Identity', ['x'], ['y'])
      .node('Relu', ['x'], ['a'])
      .node('Identity', ['a'], ['b'])
      .output('y')
      .output('a')
      .output('b')
      .graph();
    expect(foldConstants(graph).nodes.map((node) => node.op)).toEqual(['Identity', 'Relu', 'Identity']);
  });

  it('evaluates what other passes made constant', () => {
    const graph = new ModelBuilder()
      .input('x', [2])
      .input('c', [2])
      .node('Relu', ['c'], ['d'])
      .node('Add', ['x', 'd'], ['y'])
      .output('y')
      .graph();
    const bound = { ...graph, constants: new Map([['c', tensor([2], [-1, 2])]]) };
    const folded = foldConstants(bound);
    expect(folded.nodes.map((node) => node.op)).toEqual(['Add']);
    expect(Array.from(folded.constants.get('d')!.data)).toEqual([0, 2]);
  });
});

describe('stripOutputOperators', () => {
  it('hands the last operators to the client, in order', () => {
    const graph = new ModelBuilder()
      .input('x', [1, 5])
      .node('Relu', ['x'], ['logits'])
      .node('Softmax', ['logits'], ['p'])
      .node('ArgMax', ['p'], ['y'], { axis: 1, keepdims: 0 })
      .output('y')
      .graph();
    const stripped = foldConstants(stripOutputOperators(graph));
    expect(stripped.nodes).toMatchObject([{ op: 'Relu', outputs: ['y'] }]);
    expect(stripped.shapes.get('y')).toEqual([1, 5]);
    expect(stripped.clientOperators).toEqual([
      [
        { op: 'Softmax', node: 'Softmax_1', axis: 1 },
        { op: 'ArgMax', node: 'ArgMax_2', axis: 1, keepDims: false },
      ],
    ]);
  });

  it('leaves an output that is read elsewhere', () => {
    const graph = new ModelBuilder()
      .input('x', [1, 5])
      .node('Sigmoid', ['x'], ['s'])
      .node('Mul', ['x', 's'], ['y'])
      .output('s')
      .output('y')
      .graph();
    expect(stripOutputOperators(graph).clientOperators).toEqual([[], []]);
  });

  it('serves logits and probabilities at once', () => {
    const graph = new ModelBuilder()
      .input('x', [1, 5])
      .node('Relu', ['x'], ['logits'])
      .node('Softmax', ['logits'], ['p'])
      .output('logits')
      .output('p')
      .graph();
    const stripped = foldConstants(stripOutputOperators(graph));
    expect(stripped.outputs).toEqual(['logits', 'p']);
    expect(stripped.nodes.map((node) => node.op)).toEqual(['Relu', 'Identity']);
    expect(stripped.clientOperators.map((operators) => operators.length)).toEqual([0, 1]);
  });
});

import { describe, expect, it } from 'vitest';
import { shapeOf } from '../ir/tensor-graph.ts';
import { recogniseActivations } from '../passes/recognise-activations.ts';
import { importModel } from './import.ts';
import { DEFAULT_IMPORT, ModelBuilder, randomValues, tensor } from './testing/model-builder.ts';
import { interpret, maxDifference, runReference } from './testing/reference.ts';

const SHAPE = [3, 4];
const LEFT = randomValues(12, 3);
const RIGHT = randomValues(4, 8);
const ELEMENT_FLOAT = 1;

/** The graph as we read it, and onnxruntime's answer to it. */
async function compare(builder: ModelBuilder, inputs: ReadonlyMap<string, Float64Array>): Promise<void> {
  const bytes = builder.output('y').bytes();
  const graph = importModel(bytes, DEFAULT_IMPORT);
  const rounded = new Map([...inputs].map(([name, data]) => [name, data.map(Math.fround)]));
  const expected = (await runReference(bytes, rounded, (name) => shapeOf(graph, name))).get('y')!;
  expect(new Set(expected).size).toBeGreaterThan(1);
  for (const read of [graph, recogniseActivations(graph)])
    expect(maxDifference(interpret(read, rounded).get('y')!, expected)).toBeLessThan(1e-6);
}

const pair = (): ModelBuilder => new ModelBuilder().input('a', SHAPE).input('b', [4]);
const BOTH = new Map([
  ['a', LEFT],
  ['b', RIGHT],
]);

describe('comparisons', () => {
  it.each(['Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'])('%s of encrypted tensors', async (op) => {
    await compare(pair().node(op, ['a', 'b'], ['c']).node('Cast', ['c'], ['y'], { to: ELEMENT_FLOAT }), BOTH);
  });

  it.each(['Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Equal'])('%s of constants', async (op) => {
    const builder = new ModelBuilder()
      .input('a', [4])
      .constant('p', tensor([4], [1, 2, 3, 4]))
      .constant('q', tensor([4], [1, 3, 2, 4]))
      .node(op, ['p', 'q'], ['c'])
      .node('Cast', ['c'], ['f'], { to: ELEMENT_FLOAT })
      .node('Add', ['a', 'f'], ['y']);
    await compare(builder, new Map([['a', new Float64Array(4)]]));
  });

  it('Equal of encrypted tensors', async () => {
    const builder = pair().node('Equal', ['a', 'b'], ['c']).node('Cast', ['c'], ['y'], { to: ELEMENT_FLOAT });
    const equalInPart = LEFT.map((x, i) => (i < 4 ? RIGHT[i]! : x));
    await compare(
      builder,
      new Map([
        ['a', equalInPart],
        ['b', RIGHT],
      ]),
    );
  });
});

describe('logic', () => {
  it.each(['And', 'Or', 'Xor'])('%s of encrypted truth values', async (op) => {
    const builder = pair()
      .constant('zero', tensor([], [0]))
      .node('Greater', ['a', 'zero'], ['p'])
      .node('Less', ['b', 'zero'], ['q'])
      .node(op, ['p', 'q'], ['c'])
      .node('Cast', ['c'], ['y'], { to: ELEMENT_FLOAT });
    await compare(builder, BOTH);
  });

  it.each(['And', 'Or', 'Xor'])('%s of constants', async (op) => {
    const builder = new ModelBuilder()
      .input('a', [4])
      .constant('p', tensor([4], [0, 0, 1, 1], 'bool'))
      .constant('q', tensor([4], [0, 1, 0, 1], 'bool'))
      .node(op, ['p', 'q'], ['c'])
      .node('Cast', ['c'], ['f'], { to: ELEMENT_FLOAT })
      .node('Add', ['a', 'f'], ['y']);
    await compare(builder, new Map([['a', new Float64Array(4)]]));
  });

  it('Not of encrypted and of constant truth values', async () => {
    const builder = pair()
      .constant('m', tensor([4], [0, 1, 1, 0], 'bool'))
      .node('Less', ['a', 'b'], ['p'])
      .node('Not', ['p'], ['q'])
      .node('Cast', ['q'], ['f'], { to: ELEMENT_FLOAT })
      .node('Not', ['m'], ['n'])
      .node('Where', ['n', 'f', 'a'], ['y']);
    await compare(builder, BOTH);
  });

  it('Where by an encrypted mask', async () => {
    const builder = pair().node('Greater', ['a', 'b'], ['p']).node('Where', ['p', 'a', 'b'], ['y']);
    await compare(builder, BOTH);
  });
});

import { describe, expect, it } from 'vitest';
import { checkModel } from './import.ts';
import { ElementType } from '../../onnx/proto.ts';
import { DEFAULT_IMPORT, ModelBuilder, integers, randomValues, tensor } from './testing/model-builder.ts';
import { interpret, runReference } from './testing/reference.ts';

/** As torch.onnx asks for sizes before squeeze(1): both branches capture `a` and use the same names. */
function squeezed(channels: number): ModelBuilder {
  const squeeze = new ModelBuilder()
    .constant('axis', integers(1))
    .node('ReduceSum', ['a', 'axis'], ['inner'], { keepdims: 0 })
    .output('inner');
  const keep = new ModelBuilder().node('Neg', ['a'], ['inner']).output('inner');
  const branches = { then_branch: squeeze, else_branch: keep };
  return new ModelBuilder(17)
    .input('x', [2, channels, 3])
    .constant('index', integers(1))
    .constant('one', integers(1))
    .constant('scale', tensor([], [3]))
    .node('If', ['isOne'], ['first'], branches)
    .node('If', ['isOne'], ['second'], branches)
    .node('Mul', ['x', 'scale'], ['a'])
    .node('Shape', ['a'], ['shape'])
    .node('Gather', ['shape', 'index'], ['size'])
    .node('Equal', ['size', 'one'], ['isOne'])
    .node('Add', ['first', 'second'], ['y'])
    .output('y');
}

describe('If with a condition that static shapes answer', () => {
  it.each([
    [1, [2, 3], ['Mul', 'ReduceSum', 'Identity', 'ReduceSum', 'Identity', 'Add']],
    [4, [2, 4, 3], ['Mul', 'Neg', 'Identity', 'Neg', 'Identity', 'Add']],
  ])('with %i channels takes the branch that onnxruntime takes', async (channels, shape, operators) => {
    const builder = squeezed(channels);
    const graph = builder.graph();
    expect(graph.shapes.get('y')).toEqual(shape);
    expect(graph.nodes.map((node) => node.op)).toEqual(operators);
    expect(new Set(graph.nodes.map((node) => node.name)).size).toBe(graph.nodes.length);
    const inputs = new Map([['x', randomValues(6 * channels, 3)]]);
    const expected = (await runReference(builder.bytes(), inputs, () => [2, channels, 3])).get('y')!;
    const values = interpret(graph, inputs).get('y')!;
    expect(values.length).toBe(expected.length);
    values.forEach((value, e) => expect(value).toBeCloseTo(expected[e]!, 5));
  });

  it('finds what a branch inside a branch captures', () => {
    const inner = (operator: string): ModelBuilder =>
      new ModelBuilder().node(operator, ['t'], ['u']).output('u');
    const outer = (operator: string): ModelBuilder =>
      new ModelBuilder()
        .node(operator, ['x'], ['t'])
        .node('If', ['yes'], ['v'], { then_branch: inner('Relu'), else_branch: inner('Tanh') })
        .output('v');
    const graph = new ModelBuilder(17)
      .input('x', [2])
      .constant('yes', tensor([], [1], 'bool'))
      .constant('no', tensor([], [0], 'bool'))
      .node('If', ['no'], ['t'], { then_branch: outer('Abs'), else_branch: outer('Neg') })
      .node('Exp', ['t'], ['y'])
      .output('y')
      .graph();
    expect(graph.nodes.map(({ op }) => op).filter((op) => op !== 'Identity')).toEqual(['Neg', 'Relu', 'Exp']);
  });

  it('reports what it cannot read inside', () => {
    const model = (branch: ModelBuilder, outputs = ['y']): Uint8Array =>
      new ModelBuilder(17)
        .input('x', [2])
        .constant('yes', tensor([], [1], 'bool'))
        .node('If', ['yes'], outputs, { then_branch: branch, else_branch: branch })
        .output('y')
        .bytes();
    const findings = (bytes: Uint8Array): unknown => checkModel(bytes, DEFAULT_IMPORT).diagnostics;
    const sorted = new ModelBuilder().node('TopK', ['x'], ['s']).output('s');
    expect(findings(model(sorted))).toMatchObject([{ code: 'UNSUPPORTED_OPERATOR', node: 'TopK_0' }]);
    const two = new ModelBuilder().node('Neg', ['x'], ['s']).output('s').output('s');
    expect(findings(model(two))).toMatchObject([{ code: 'INVALID_NODE', node: 'If_0' }]);
    const missing = new ModelBuilder().node('Neg', ['nowhere'], ['s']).output('s');
    expect(findings(model(missing))).toMatchObject([{ code: 'MISSING_TENSOR' }]);
    const cycle = new ModelBuilder().node('Neg', ['y'], ['s']).output('s');
    expect(findings(model(cycle))).toMatchObject([{ code: 'GRAPH_CYCLE' }]);
  });

  it('is refused where the condition depends on the encrypted input', () => {
    const branch = new ModelBuilder().node('Neg', ['x'], ['s']).output('s');
    const bytes = new ModelBuilder(17)
      .input('x', [1])
      .node('Cast', ['x'], ['c'], { to: ElementType.FLOAT })
      .node('If', ['c'], ['y'], { then_branch: branch, else_branch: branch })
      .output('y')
      .bytes();
    expect(checkModel(bytes, DEFAULT_IMPORT).diagnostics).toMatchObject([
      { code: 'UNSUPPORTED_OPERATOR', node: 'If_1', message: expect.stringContaining('branch') as string },
    ]);
  });

  it('does not follow branches nested without end', () => {
    let branch = new ModelBuilder().node('Neg', ['x'], ['s']).output('s');
    for (let k = 0; k < 40; k++) {
      branch = new ModelBuilder().node('If', ['yes'], ['s'], { then_branch: branch }).output('s');
    }
    const bytes = new ModelBuilder(17)
      .input('x', [1])
      .constant('yes', tensor([], [1], 'bool'))
      .node('If', ['yes'], ['y'], { then_branch: branch })
      .output('y')
      .bytes();
    expect(checkModel(bytes, DEFAULT_IMPORT).diagnostics.length).toBeGreaterThan(0);
  });
});

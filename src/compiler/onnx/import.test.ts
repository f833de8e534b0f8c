import { describe, expect, it } from 'vitest';
import { ImportError } from '../../errors.ts';
import { foldConstants } from '../passes/fold-constants.ts';
import { checkModel, readConstantOutputs } from './import.ts';
import type { ImportOptions } from './import.ts';
import { linearForm } from './linear-form.ts';
import { ElementType } from '../../onnx/proto.ts';
import { DEFAULT_IMPORT, ModelBuilder, integers, randomTensor, tensor } from './testing/model-builder.ts';
import { apply } from '../linear/sparse-matrix.ts';

function errorOf(builder: ModelBuilder, options: Partial<ImportOptions> = {}): ImportError {
  try {
    builder.graph(options);
  } catch (error) {
    if (error instanceof ImportError) return error;
    throw error;
  }
  throw new Error('no error');
}

const relu = (): ModelBuilder => new ModelBuilder().node('Relu', ['x'], ['y']).output('y');

describe('the size of a model', () => {
  const wide = (size: number): ModelBuilder =>
    new ModelBuilder()
      .input('x', [1, 64, size, size])
      .constant('w', tensor([64, 64, 3, 3], new Array<number>(64 * 64 * 9).fill(0.1)))
      .node('Conv', ['x', 'w'], ['y'], { pads: [1, 1, 1, 1] })
      .node('Conv', ['y', 'w'], ['z'], { pads: [1, 1, 1, 1] })
      .output('z');

  it('is refused when it is read where no memory holds its matrices', () => {
    expect(errorOf(wide(112))).toMatchObject({ code: 'MODEL_TOO_LARGE' });
    expect(errorOf(wide(112)).message).toContain('are supported');
    expect(wide(56).graph().nodes).toHaveLength(2);
  });
});

describe('graph inputs', () => {
  it('takes initializers listed as inputs for constants', () => {
    const graph = new ModelBuilder(7)
      .input('w', [2, 3, 1, 1])
      .input('x', [1, 3, 4, 4])
      .constant('w', randomTensor([2, 3, 1, 1], 1))
      .node('Conv', ['x', 'w'], ['y'])
      .output('y')
      .graph();
    expect(graph.inputs).toEqual(['x']);
    expect(graph.shapes.get('y')).toEqual([1, 2, 4, 4]);
  });

  it('binds symbolic dimensions', () => {
    const builder = relu().input('x', ['batch', 3, 'height']);
    expect(builder.graph({ batch: 5, dimensions: new Map([['height', 7]]) }).shapes.get('y')).toEqual([
      5, 3, 7,
    ]);
    expect(
      builder
        .graph({
          dimensions: new Map([
            ['height', 7],
            ['batch', 2],
          ]),
        })
        .shapes.get('y'),
    ).toEqual([2, 3, 7]);
    const error = errorOf(builder);
    expect(error.code).toBe('UNKNOWN_DIMENSION');
    expect(error.hint).toContain('--dim height=N');
    const misspelt = errorOf(builder, { dimensions: new Map([['heigth', 7]]) });
    expect(misspelt).toMatchObject({
      code: 'DIM_UNKNOWN',
      hint: expect.stringContaining('height') as string,
    });
  });

  it('warns where pixels would be scaled that the model takes as they are', () => {
    const cast = new ModelBuilder().node('Cast', ['x'], ['y'], { to: ElementType.FLOAT }).output('y');
    expect(cast.input('x', [1, 4], ElementType.UINT8).graph().warnings).toMatchObject([
      expect.stringContaining('--pixel-scale 1') as string,
    ]);
    expect(relu().input('x', [1, 4], ElementType.FLOAT16).graph().warnings).toEqual([]);
  });

  it('refuses inputs without elements', () => {
    const builder = new ModelBuilder().input('x', ['N', 0, 4]).node('Relu', ['x'], ['y']).output('y');
    expect(errorOf(builder)).toMatchObject({
      code: 'INVALID_SHAPE',
      message: expect.stringContaining("'x'") as string,
    });
  });

  it('binds inputs to constants', () => {
    const builder = new ModelBuilder()
      .input('x', [1, 2, 4])
      .input('w', [3, 2, 3])
      .node('Conv', ['x', 'w'], ['y'])
      .output('y');
    const error = errorOf(builder);
    expect(error).toMatchObject({ code: 'UNSUPPORTED_FORM', node: 'Conv_0' });
    expect(error.hint).toContain('--bind');
    const graph = builder.graph({ bind: new Map([['w', randomTensor([3, 2, 3], 3)]]) });
    expect(graph.inputs).toEqual(['x']);
    expect(errorOf(builder, { bind: new Map([['w', randomTensor([2, 2], 3)]]) }).code).toBe('BIND_SHAPE');
    expect(errorOf(builder, { bind: new Map([['v', randomTensor([2, 2], 3)]]) }).code).toBe('BIND_UNKNOWN');
  });

  it('refuses inputs without shape, of other types, or none at all', () => {
    expect(errorOf(relu().input('x', null)).code).toBe('UNKNOWN_SHAPE');
    expect(errorOf(relu().input('x', [3], ElementType.STRING)).code).toBe('UNSUPPORTED_TYPE');
    expect(errorOf(relu().input('x', [1 << 15, 1 << 15])).code).toBe('TENSOR_TOO_LARGE');
    expect(errorOf(relu().constant('x', tensor([1], [1]))).code).toBe('NO_INPUTS');
  });
});

describe('structure', () => {
  it('sorts nodes and drops dead ones', () => {
    const graph = new ModelBuilder()
      .input('x', [2])
      .node('Neg', ['a'], ['y'])
      .node('Relu', ['x'], ['a'])
      .node('NoSuchOperator', ['x'], ['unused'])
      .output('y')
      .graph();
    expect(graph.nodes.map((node) => node.op)).toEqual(['Relu', 'Neg']);
  });

  it('reports cycles, missing tensors and double definitions', () => {
    const start = (): ModelBuilder => new ModelBuilder().input('x', [2]).output('y');
    expect(errorOf(start().node('Add', ['x', 'b'], ['y']).node('Relu', ['y'], ['b'])).code).toBe(
      'GRAPH_CYCLE',
    );
    expect(errorOf(start().node('Add', ['x', 'b'], ['y'])).code).toBe('MISSING_TENSOR');
    expect(errorOf(start().node('Relu', ['x'], ['y']).node('Neg', ['x'], ['y'])).code).toBe('DUPLICATE_NAME');
    expect(errorOf(start().node('Relu', ['x'], ['x'])).code).toBe('DUPLICATE_NAME');
    expect(errorOf(start()).code).toBe('MISSING_TENSOR');
  });

  it('survives chains deeper than the call stack', () => {
    const builder = new ModelBuilder().input('x', [2]).output('t20000');
    for (let k = 0; k < 20000; k++) builder.node('Neg', [k === 0 ? 'x' : `t${k}`], [`t${k + 1}`]);
    expect(builder.graph().nodes.length).toBe(20000);
  });

  it.each([0, 26])('refuses opset %i', (opset) => {
    expect(errorOf(new ModelBuilder(opset).input('x', [1]).node('Relu', ['x'], ['y']).output('y')).code).toBe(
      'UNSUPPORTED_OPSET',
    );
  });

  it('names initializers with NaN', () => {
    const builder = new ModelBuilder()
      .input('x', [2])
      .constant('weights', tensor([2], [1, NaN]))
      .node('Add', ['x', 'weights'], ['y'])
      .output('y');
    expect(errorOf(builder)).toMatchObject({ code: 'NONFINITE_CONSTANT' });
    expect(errorOf(builder).message).toContain("'weights'");
  });
});

describe('checkModel', () => {
  const builder = new ModelBuilder()
    .input('x', [1, 4])
    .input('z', [1, 4])
    .constant('w', randomTensor([3, 4], 1))
    .node('TopK', ['x'], ['a'])
    .node('Gemm', ['x', 'w'], ['b'])
    .node('Mystery', ['x'], ['c'], {}, 'com.example')
    .node('ArgMax', ['x'], ['d'])
    .node('Floor', ['z'], ['e'])
    .node('Sum', ['a', 'b', 'c', 'd', 'e'], ['y'])
    .output('y');

  it('reports everything at once, with reasons and suggestions', () => {
    const check = checkModel(builder.bytes(), DEFAULT_IMPORT);
    expect(check.nodeCount).toBe(6);
    expect(check.operators.get('Gemm')).toBe(1);
    expect(check.diagnostics.map(({ code, node }) => [code, node])).toEqual([
      ['UNSUPPORTED_OPERATOR', 'TopK_0'],
      ['INVALID_SHAPE', 'Gemm_1'],
      ['UNSUPPORTED_DOMAIN', 'Mystery_2'],
      ['UNSUPPORTED_FORM', 'Floor_4'],
      ['UNSUPPORTED_FORM', 'ArgMax_3'],
    ]);
    expect(check.diagnostics[0]?.message).toContain('comparison of every pair');
    expect(check.diagnostics[0]?.hint).toContain('scores');
  });

  it('suggests only what is written down, not what every object inherits', () => {
    const odd = new ModelBuilder().input('x', [1, 2]).output('y').node('constructor', ['x'], ['y']);
    const hint = errorOf(odd).hint;
    expect(hint).toContain('SUPPORTED-OPS.md');
  });

  it('importModel throws the same findings in one error', () => {
    const error = errorOf(builder);
    expect(error.code).toBe('UNSUPPORTED_MODEL');
    expect(error.diagnostics).toEqual(checkModel(builder.bytes(), DEFAULT_IMPORT).diagnostics);
  });

  it('reports ArgMax in the middle, but not at the output', () => {
    const model = (last: string): Uint8Array => {
      const start = new ModelBuilder().input('x', [1, 4]).node('ArgMax', ['x'], ['p']);
      return last === 'p' ? start.output('p').bytes() : start.node('Relu', ['p'], ['y']).output('y').bytes();
    };
    expect(checkModel(model('p'), DEFAULT_IMPORT).diagnostics).toEqual([]);
    expect(checkModel(model('y'), DEFAULT_IMPORT).diagnostics).toMatchObject([
      { code: 'UNSUPPORTED_FORM', node: 'ArgMax_0' },
    ]);
  });

  it('never throws for a bad file', () => {
    expect(checkModel(Uint8Array.of(255, 1), DEFAULT_IMPORT).diagnostics).toMatchObject([
      { code: 'MODEL_MALFORMED' },
    ]);
  });
});

describe('constants', () => {
  it('folds the pad amounts that PyTorch computes', () => {
    // torch.onnx writes F.pad as ConstantOfShape, Concat, Reshape, Slice, Transpose, Reshape and Cast.
    const graph = new ModelBuilder(13)
      .input('x', [1, 2, 3, 3])
      .constant('amounts', integers(0, 1, 2, 0))
      .constant('four', integers(4))
      .constant('pairs', integers(-1, 2))
      .constant('last', integers(-1))
      .constant('lowest', tensor([1], [-9223372036854775807], 'int'))
      .constant('axis', integers(0))
      .constant('flat', integers(-1))
      .node('ConstantOfShape', ['four'], ['zeros'], { value: integers(0) })
      .node('Concat', ['amounts', 'zeros'], ['all'], { axis: 0 })
      .node('Reshape', ['all', 'pairs'], ['matrix'])
      .node('Slice', ['matrix', 'last', 'lowest', 'axis', 'last'], ['reversed'])
      .node('Transpose', ['reversed'], ['transposed'], { perm: [1, 0] })
      .node('Reshape', ['transposed', 'flat'], ['list'])
      .node('Cast', ['list'], ['pads'], { to: ElementType.INT64 })
      .node('Pad', ['x', 'pads'], ['y'])
      .output('y')
      .graph();
    expect(graph.nodes.map((node) => node.op)).toEqual(['Pad']);
    expect(graph.shapes.get('y')).toEqual([1, 2, 5, 4]);
  });

  it('folds Shape of an encrypted tensor and the arithmetic on it', () => {
    const graph = new ModelBuilder(17)
      .input('x', [1, 4, 2, 3])
      .constant('one', integers(1))
      .constant('two', integers(2))
      .constant('index', tensor([], [-1], 'int'))
      .node('Shape', ['x'], ['shape'])
      .node('Gather', ['shape', 'index'], ['width'])
      .node('Unsqueeze', ['width', 'zero'], ['w1'])
      .constant('zero', integers(0))
      .node('Div', ['w1', 'two'], ['half'])
      .node('Concat', ['one', 'half', 'minus'], ['target'], { axis: 0 })
      .constant('minus', integers(-1))
      .node('Reshape', ['x', 'target'], ['y'])
      .output('y')
      .graph();
    expect(graph.shapes.get('y')).toEqual([1, 1, 24]);
    expect(foldConstants(graph).nodes.map((node) => node.op)).toEqual(['Reshape']);
  });

  it('refuses to compute absurdly large ones', () => {
    const builder = new ModelBuilder()
      .input('x', [1])
      .constant('shape', integers(1 << 13, 1 << 13))
      .node('ConstantOfShape', ['shape'], ['ones'])
      .node('Add', ['x', 'ones'], ['y'])
      .output('y');
    expect(errorOf(builder).code).toBe('CONSTANT_TOO_LARGE');
  });

  it('counts the entries of an elementwise map, not those of a dense one', () => {
    const size = 1 << 14;
    const values = tensor([1, size], new Array<number>(size).fill(0.5));
    const graph = new ModelBuilder()
      .input('x', [1, size])
      .constant('mask', tensor([1, 1], [1], 'bool'))
      .constant('a', values)
      .constant('b', values)
      .node('Where', ['mask', 'a', 'b'], ['chosen'])
      .node('Mul', ['x', 'chosen'], ['y'])
      .output('y')
      .graph();
    expect(graph.nodes.map((node) => node.op)).toEqual(['Mul']);
    // A matrix of all by all elements is still refused.
    const dense = new ModelBuilder()
      .input('x', [1, size])
      .constant('a', values)
      .constant('axis', integers(1))
      .node('CumSum', ['a', 'axis'], ['sums'])
      .node('Mul', ['x', 'sums'], ['y'])
      .output('y');
    expect(errorOf(dense)).toMatchObject({ code: 'CONSTANT_TOO_LARGE' });
  });

  it('leaves out outputs that do not depend on the input, unless there is no other', () => {
    const constant = (builder: ModelBuilder): ModelBuilder =>
      builder
        .input('x', [2])
        .constant('c', tensor([1], [1]))
        .node('Neg', ['c'], ['k'])
        .output('k');
    const graph = constant(relu()).graph();
    expect(graph.outputs).toEqual(['y']);
    expect([...graph.constantOutputs.get('k')!.data]).toEqual([-1]);
    expect(graph.warnings).toMatchObject([expect.stringContaining("'k'")]);
    expect(errorOf(constant(new ModelBuilder())).code).toBe('CONSTANT_OUTPUT');
    const bind = new Map([['x', tensor([2], [1, 2])]]);
    const bytes = constant(new ModelBuilder()).bytes();
    expect(readConstantOutputs(bytes, { ...DEFAULT_IMPORT, bind }).has('k')).toBe(true);
  });

  it('knows tensors without elements whatever they come from', () => {
    const graph = new ModelBuilder()
      .input('x', [2, 3])
      .node('Slice', ['x', 's', 'e'], ['empty'])
      .constant('s', integers(5))
      .constant('e', integers(9))
      .node('Relu', ['x'], ['y'])
      .output('empty')
      .output('y')
      .graph();
    expect(graph.constantOutputs.get('empty')?.shape).toEqual([0, 3]);
  });
});

describe('linearForm', () => {
  it('merges the uses of one input', () => {
    const graph = new ModelBuilder().input('x', [3]).node('Sum', ['x', 'x', 'x'], ['y']).output('y').graph();
    const { terms, bias } = linearForm(graph, graph.nodes[0]!);
    expect(terms.map((term) => term.input)).toEqual(['x']);
    expect(bias).toBeNull();
    expect(Array.from(apply(terms[0]!.matrix, Float64Array.of(1, 2, 3)))).toEqual([3, 6, 9]);
  });

  it('has ascending columns in every row', () => {
    const graph = new ModelBuilder()
      .input('x', [1, 2, 5, 5])
      .constant('w', randomTensor([2, 2, 3, 3], 4))
      .node('ConvTranspose', ['x', 'w'], ['y'], { strides: [2, 2] })
      .output('y')
      .graph();
    const { rowStart, columns } = linearForm(graph, graph.nodes[0]!).terms[0]!.matrix;
    for (let row = 0; row + 1 < rowStart.length; row++) {
      const entries = Array.from(columns.subarray(rowStart[row], rowStart[row + 1]));
      expect(entries).toEqual([...new Set(entries)].sort((a, b) => a - b));
    }
  });
});

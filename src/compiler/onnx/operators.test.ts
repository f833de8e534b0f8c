import { describe, expect, it } from 'vitest';
import type { TensorGraph } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import { recogniseActivations } from '../passes/recognise-activations.ts';
import { encodeOnnx } from './encode.ts';
import { MAX_OPSET } from './operator.ts';
import { ONNX_OPERATORS } from './operators.ts';
import { ModelProto } from '../../onnx/proto.ts';
import {
  DEFAULT_IMPORT,
  ModelBuilder,
  integers,
  randomTensor,
  randomValues,
  tensor,
} from './testing/model-builder.ts';
import type { OperatorCase } from './testing/operator-case.ts';
import { OPERATOR_CASES } from './testing/operator-cases.ts';
import { interpret, maxDifference, runReference } from './testing/reference.ts';
import { importModel } from './import.ts';

const TOLERANCE = 1e-5;

/** Their results are truth values: see comparison.test.ts. */
const TRUTH = new Set([
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'Equal',
  'And',
  'Or',
  'Xor',
  'Not',
]);

function buildModel({ op, opset, inputs, attributes, outputs = 1 }: OperatorCase): Uint8Array {
  const builder = new ModelBuilder(opset ?? 21);
  const names = inputs.map((input, index) => {
    if (input === '') return '';
    if ('data' in input) builder.constant(`c${index}`, input);
    else builder.input(`x${index}`, input);
    return 'data' in input ? `c${index}` : `x${index}`;
  });
  const results = Array.from({ length: outputs }, (_, k) => `y${k}`);
  builder.node(op, names, results, attributes);
  for (const result of results) builder.output(result);
  return builder.bytes();
}

/** The same node on constants, added to an encrypted zero. */
function buildConstantModel(bytes: Uint8Array, output: string): Uint8Array {
  const model = ModelProto.decode(bytes);
  const graph = model.graph!;
  graph.input!.push({
    name: 'zero',
    type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 1 }] } } },
  });
  graph.node!.push({ opType: 'Add', name: 'sum', input: ['zero', output], output: ['sum'] });
  graph.output = [{ name: 'sum' }];
  return ModelProto.encode(model).finish();
}

function drawInputs(
  graph: TensorGraph,
  { scale = 1, positive = false }: OperatorCase,
): Map<string, Float64Array> {
  return new Map(
    graph.inputs.map((name, index) => {
      const values = randomValues(
        shapeOf(graph, name).reduce((a, b) => a * b, 1),
        11 + index,
        scale,
      );
      // float32 on both sides: the reference must see the same numbers.
      return [name, values.map((x) => Math.fround(positive ? Math.abs(x) + 0.05 : x))];
    }),
  );
}

describe('every operator agrees with onnxruntime', () => {
  it.each(OPERATOR_CASES.map((c) => [`${c.op} ${c.what}`, c] as const))('%s', async (_, operatorCase) => {
    const bytes = buildModel(operatorCase);
    const graph = importModel(bytes, DEFAULT_IMPORT);
    const inputs = drawInputs(graph, operatorCase);
    const expected = await runReference(bytes, inputs, (name) => shapeOf(graph, name));
    const own = interpret(graph, inputs);
    const recognised = interpret(recogniseActivations(graph), inputs);
    const encoded = await runReference(encodeOnnx(graph), inputs, (name) => shapeOf(graph, name));
    for (const output of graph.outputs) {
      const reference = expected.get(output)!;
      expect(reference.length).toBeGreaterThan(0);
      expect(maxDifference(own.get(output)!, reference)).toBeLessThan(TOLERANCE);
      expect(maxDifference(recognised.get(output)!, reference)).toBeLessThan(TOLERANCE);
      expect(maxDifference(encoded.get(output)!, reference)).toBeLessThan(TOLERANCE);
    }
  });

  it.each(OPERATOR_CASES.map((c) => [`${c.op} ${c.what}`, c] as const))(
    '%s, of constants',
    async (_, operatorCase) => {
      const bytes = buildModel(operatorCase);
      const graph = importModel(bytes, DEFAULT_IMPORT);
      const inputs = drawInputs(graph, operatorCase);
      const expected = await runReference(bytes, inputs, (name) => shapeOf(graph, name));
      const bind = new Map(
        [...inputs].map(([name, data]) => [
          name,
          { shape: shapeOf(graph, name), type: 'float' as const, data },
        ]),
      );
      for (const output of graph.outputs) {
        const folded = importModel(buildConstantModel(bytes, output), { ...DEFAULT_IMPORT, bind });
        expect(folded.nodes.map((node) => node.name)).toEqual(['sum']);
        const sum = interpret(folded, new Map([['zero', new Float64Array(1)]])).get('sum')!;
        expect(maxDifference(sum, expected.get(output)!)).toBeLessThan(TOLERANCE);
      }
    },
  );

  it.each([
    ['Floor', [tensor([4], [-1.5, 1.5, 2, -0.2])], {}],
    ['Round', [tensor([5], [-1.5, 1.5, 2.5, -0.2, 0.5])], {}],
    ['QuantizeLinear', [tensor([3], [0.04, 1.2, 7.77]), tensor([], [0.1])], {}],
    ['Ceil', [tensor([4], [-1.5, 1.5, 2, -0.2])], {}],
    ['Equal', [integers(1, 2, 3), integers(3, 2, 1)], {}],
    ['Range', [tensor([], [7], 'int'), tensor([], [1], 'int'), tensor([], [-2], 'int')], {}],
    ['ConstantOfShape', [integers(2, 3)], { value: tensor([1], [2.5]) }],
    ['Constant', [], { value: tensor([2, 1], [1, 2]) }],
    ['Constant', [], { value_ints: [3, 4] }],
    ['Shape', [randomTensor([2, 3, 4], 1)], { start: -2 }],
    ['Shape', [randomTensor([2, 3, 4], 1)], { end: 2 }],
    ['Size', [randomTensor([2, 3, 4], 1)], {}],
    ['Div', [integers(-7, 7, 8), integers(2, 2, 3)], {}],
    ['Cast', [tensor([3], [-1.7, 1.7, 0])], { to: 7 }],
    ['Cast', [tensor([3], [-1.7, 1.7, 0])], { to: 9 }],
    ['CastLike', [tensor([3], [-1.7, 1.7, 0]), integers(1)], {}],
    ['CastLike', [integers(-2, 3), tensor([], [1])], {}],
    [
      'Where',
      [tensor([2, 1], [1, 0], 'bool'), tensor([2, 3], [1, 2, 3, 4, 5, 6]), tensor([3], [7, 8, 9])],
      {},
    ],
  ] as const)('%s %# at compile time', async (op, inputs, attributes) => {
    const builder = new ModelBuilder().input('x', [1]).output('y');
    for (const [index, input] of inputs.entries()) builder.constant(`c${index}`, input);
    const bytes = builder
      .node(
        op,
        inputs.map((_, index) => `c${index}`),
        ['k'],
        attributes,
      )
      .node('Cast', ['k'], ['f'], { to: 1 })
      .node('Add', ['x', 'f'], ['y'])
      .bytes();
    const graph = importModel(bytes, DEFAULT_IMPORT);
    expect(graph.nodes.map((node) => node.op)).toEqual(['Add']);
    const x = new Map([['x', Float64Array.of(0.5)]]);
    const expected = (await runReference(bytes, x, () => [1])).get('y')!;
    expect(Array.from(interpret(graph, x).get('y')!)).toEqual(Array.from(expected));
  });

  it('takes a constant that is cast to the type of an encrypted tensor for a constant', async () => {
    const bytes = new ModelBuilder()
      .input('x', [4])
      .constant('three', integers(3))
      .node('CastLike', ['three', 'x'], ['exponent'])
      .node('Pow', ['x', 'exponent'], ['y'])
      .output('y')
      .bytes();
    const graph = importModel(bytes, DEFAULT_IMPORT);
    expect(graph.nodes.map((node) => node.op)).toEqual(['Pow']);
    const x = new Map([['x', Float64Array.of(-1.5, -0.25, 0, 2)]]);
    const expected = (await runReference(bytes, x, () => [4])).get('y')!;
    expect(Array.from(interpret(graph, x).get('y')!)).toEqual(Array.from(expected));
  });

  it('refuses an encrypted tensor that is cast to the type of integers', () => {
    const builder = new ModelBuilder()
      .input('x', [4])
      .constant('like', integers(1))
      .node('CastLike', ['x', 'like'], ['y'])
      .output('y');
    expect(() => builder.graph()).toThrow(/cannot be cast to integers/);
  });

  it('leaves no operator on encrypted data untested', () => {
    const tested = new Set(OPERATOR_CASES.map(({ op }) => op));
    const constantsOnly = new Set([
      'Floor',
      'Ceil',
      'Range',
      'Constant',
      'ConstantOfShape',
      'Shape',
      'Size',
      'Round',
    ]);
    // Not in onnxruntime for the operator set of the tests, or only between two others: tested beside.
    const elsewhere = new Set(['QuantizeLinear', 'DequantizeLinear', 'RMSNormalization', 'Swish', 'Acosh']);
    const untested = ONNX_OPERATORS.filter(
      ({ name, category }) =>
        category !== 'output' &&
        !tested.has(name) &&
        !constantsOnly.has(name) &&
        !elsewhere.has(name) &&
        !TRUTH.has(name),
    );
    expect(untested.map(({ name }) => name)).toEqual([]);
  });
});

describe('descriptions', () => {
  it.each(ONNX_OPERATORS.map((operator) => [operator.name, operator] as const))(
    '%s is complete',
    (name, operator) => {
      expect(operator.specUrl).toContain(name);
      expect(operator.summary).not.toBe('');
      expect(operator.since).toEqual([...operator.since].sort((a, b) => a - b));
      expect(operator.since.every((version) => version >= 1 && version <= MAX_OPSET)).toBe(true);
      for (const spec of Object.values(operator.attributes)) {
        if (spec.default !== undefined && spec.values !== undefined)
          expect(spec.values).toContain(spec.default);
      }
    },
  );
});

import { expect, it } from 'vitest';
import { recogniseActivations } from '../passes/recognise-activations.ts';
import { encodeOnnx } from './encode.ts';
import { scalePolynomials } from './scale-polynomials.ts';
import { ModelBuilder, tensor } from './testing/model-builder.ts';
import { runReference } from './testing/reference.ts';

const SHAPE = [1, 2, 2];

it.each([
  ['all alike', tensor([], [2])],
  ['of each channel', tensor([1, 2, 1], [2, 3])],
])('squares of small numbers are kept by onnxruntime, %s', async (_, factor) => {
  const graph = recogniseActivations(
    new ModelBuilder()
      .input('x', SHAPE)
      .constant('factor', factor)
      .node('Mul', ['x', 'x'], ['square'])
      .node('Mul', ['square', 'factor'], ['y'])
      .output('y')
      .graph(),
  );
  expect(graph.nodes.map(({ op }) => op)).toEqual(['Polynomial']);
  const x = Float64Array.of(1e-9, -2e-9, 3e-9, 4e-9).map(Math.fround);
  const written = scalePolynomials(graph, new Map([['x', { min: -2e-9, max: 4e-9 }]]));
  const results = await runReference(encodeOnnx(written), new Map([['x', x]]), () => SHAPE);
  for (const [e, value] of results.get('y')!.entries()) {
    const wanted = factor.data[e < 2 ? 0 : factor.data.length - 1]! * x[e]! ** 2;
    expect(Math.abs(value / wanted - 1)).toBeLessThan(1e-5);
  }
});

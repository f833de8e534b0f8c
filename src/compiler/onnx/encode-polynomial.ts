/**
 * Polynomial nodes as ordinary ONNX operators: Clenshaw's recurrence b_k = c_k + 2t·b_{k+1} − b_{k+2},
 * y = c_0 + t·b_1 − b_2, with t = (x − center) / halfWidth. `polynomialOfRegion` reads exactly this form back. What a refresh makes
 * of t comes in between as a sine.
 */
import type { ConstantTensor, PolynomialAttributes, Shape, TensorNode } from '../ir/tensor-graph.ts';
import { sineFrequency } from '../approx/sine-argument.ts';
import { channelPolynomial, polynomialChannels } from './ops/polynomial.ts';

/** Where the nodes go. */
interface OperatorWriter {
  shape(tensor: string): Shape;
  /** The constant's name. */
  addConstant(hint: string, value: ConstantTensor): string;
  /** The output's name, made up unless given. */
  emit(op: string, inputs: readonly string[], hint: string, output?: string): string;
}

export function encodePolynomial(
  writer: OperatorWriter,
  node: TensorNode,
  attributes: PolynomialAttributes,
): void {
  const channels = polynomialChannels(attributes);
  const perChannel = Array.from({ length: channels }, (_, channel) => channelPolynomial(attributes, channel));
  const [source] = node.inputs as [string];
  const rank = writer.shape(source).length;
  const shape = channels === 1 ? [] : [channels, ...new Array<number>(rank - attributes.axis - 1).fill(1)];
  const constant = (hint: string, values: readonly number[]): string =>
    writer.addConstant(`${node.name}_${hint}`, { shape, type: 'float', data: Float64Array.from(values) });
  const emit = (op: string, left: string, right: string, output?: string): string =>
    writer.emit(op, [left, right], node.name, output);

  let t = source;
  if (perChannel.some(({ center }) => center !== 0)) {
    t = emit(
      'Sub',
      t,
      constant(
        'center',
        perChannel.map(({ center }) => center),
      ),
    );
  }
  if (perChannel.some(({ halfWidth }) => halfWidth !== 1)) {
    t = emit(
      'Div',
      t,
      constant(
        'width',
        perChannel.map(({ halfWidth }) => halfWidth),
      ),
    );
  }
  if (attributes.ratio !== undefined) {
    const frequency = writer.addConstant(`${node.name}_frequency`, {
      shape: [],
      type: 'float',
      data: Float64Array.of(sineFrequency(attributes.ratio)),
    });
    t = writer.emit('Sin', [emit('Mul', t, frequency)], node.name);
  }
  const degree = Math.max(attributes.degree, 1);
  const c = Array.from({ length: degree + 1 }, (_, k) =>
    constant(
      `c${k}`,
      perChannel.map(({ coefficients }) => coefficients[k] ?? 0),
    ),
  );
  const output = node.outputs[0]!;
  if (degree === 1) {
    emit('Add', emit('Mul', t, c[1]!), c[0]!, output);
    return;
  }
  const two = writer.addConstant(`${node.name}_two`, { shape: [], type: 'float', data: Float64Array.of(2) });
  const twice = emit('Mul', t, two);
  let b2 = c[degree]!;
  let b1 = emit('Add', emit('Mul', twice, b2), c[degree - 1]!);
  for (let k = degree - 2; k >= 1; k--) {
    const b0 = emit('Add', emit('Sub', emit('Mul', twice, b1), b2), c[k]!);
    [b1, b2] = [b0, b1];
  }
  emit('Add', emit('Sub', emit('Mul', t, b1), b2), c[0]!, output);
}

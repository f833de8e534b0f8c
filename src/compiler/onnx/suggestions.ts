/** Why operators are not supported and what to do about it, where there is more to say than "remove it". */

export interface Advice {
  /** What stands in the way under encryption; null if nobody has written the operator yet. */
  readonly reason: string | null;
  readonly suggestion: string;
}

const FINITE = 'encrypted values are finite: there is nothing to find';
const ORDER =
  'it orders values: that takes a comparison of every pair, a dozen levels each, and its result jumps with them';
const ROUNDING = 'it is a staircase of as many jumps as there are integers in the range';
const CONTROL = 'which branch or how many rounds to take would have to be known without decrypting';
const DATA_SHAPE = 'the shape of its result depends on encrypted values';
const RECURRENT =
  'every step consumes the levels of two products and three activations, so that a sequence of more than a few steps ' +
  'exceeds any modulus chain without refreshing';
const INTEGERS =
  'it computes on exact integers and their bits, where encrypted values are approximate real numbers';
const QUANTISED =
  'it rounds and saturates its results to integers: a staircase of as many steps as there are integers, which no polynomial ' +
  'of a depth that can be had follows';

const AFTER_DECRYPTION = 'end the model before it, and do it after decryption';
const FLOAT_MODEL =
  'export the floating-point model, or one with QuantizeLinear and DequantizeLinear (QDQ format)';
const STATIC = 'export a model without branches and loops (fix conditions, unroll loops)';
const CONVOLUTIONS = 'use convolutions over time';

function advice(reason: string | null, suggestion: string): Advice {
  return { reason, suggestion };
}

const ADVICE: Readonly<Record<string, Advice>> = {
  IsNaN: advice(FINITE, 'remove it'),
  IsInf: advice(FINITE, 'remove it'),
  Mod: advice(ROUNDING, AFTER_DECRYPTION),
  ArgMin: advice(ORDER, 'output the scores, and choose after decryption'),
  TopK: advice(ORDER, 'output the scores, and choose after decryption'),
  NonMaxSuppression: advice(ORDER, 'output boxes and scores, and select after decryption'),
  Unique: advice(ORDER, AFTER_DECRYPTION),
  NonZero: advice(DATA_SHAPE, AFTER_DECRYPTION),
  OneHot: advice(
    'its result jumps from one index to the next, and its depth is the size of an axis',
    'encode classes on the client, before encryption',
  ),
  Bernoulli: advice('it draws random numbers', 'export the model for inference'),
  RandomNormalLike: advice('it draws random numbers', 'export the model for inference'),
  RandomUniformLike: advice('it draws random numbers', 'export the model for inference'),
  If: advice(CONTROL, STATIC),
  Loop: advice(CONTROL, STATIC),
  Scan: advice(CONTROL, STATIC),
  LSTM: advice(RECURRENT, CONVOLUTIONS),
  GRU: advice(RECURRENT, CONVOLUTIONS),
  RNN: advice(RECURRENT, CONVOLUTIONS),
  Attention: advice(
    'its softmax over products of encrypted tensors is deeper than any modulus chain for more than one layer',
    'write it as MatMul and Softmax (which are approximated), or pool instead',
  ),
  QLinearConv: advice(QUANTISED, FLOAT_MODEL),
  QLinearMatMul: advice(QUANTISED, FLOAT_MODEL),
  ConvInteger: advice(INTEGERS, FLOAT_MODEL),
  MatMulInteger: advice(INTEGERS, FLOAT_MODEL),
  DynamicQuantizeLinear: advice(ROUNDING, FLOAT_MODEL),
  BitShift: advice(INTEGERS, AFTER_DECRYPTION),
  MaxRoiPool: advice('it takes maxima over encrypted regions', 'use average pooling over fixed regions'),
  RoiAlign: advice(null, 'crop on the client, or use Slice and Resize with constants'),
  DeformConv: advice('where it samples depends on encrypted values', 'use Conv'),
  ScatterElements: advice(null, 'use Concat, Pad and Add with constants'),
  ScatterND: advice(null, 'use Concat, Pad and Add with constants'),
  NegativeLogLikelihoodLoss: advice('losses are for training', 'end the model at its scores'),
  SoftmaxCrossEntropyLoss: advice('losses are for training', 'end the model at its scores'),
};

const UNKNOWN: Advice = {
  reason: null,
  suggestion: 'replace it by supported operators (see SUPPORTED-OPS.md), or move it out of the model',
};

export function adviceFor(operator: string): Advice {
  // The name comes from the file: "constructor" must not find what every object inherits.
  return Object.hasOwn(ADVICE, operator) ? ADVICE[operator]! : UNKNOWN;
}

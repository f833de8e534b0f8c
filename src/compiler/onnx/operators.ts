/** Every operator that is understood: adding one is a file in `ops/` and a line here. */
import { InternalError } from '../../errors.ts';
import type { Operator } from './operator.ts';
import { abs } from './ops/abs.ts';
import { acos } from './ops/acos.ts';
import { acosh } from './ops/acosh.ts';
import { add } from './ops/add.ts';
import { and } from './ops/and.ts';
import { argMax } from './ops/arg-max.ts';
import { asin } from './ops/asin.ts';
import { asinh } from './ops/asinh.ts';
import { atan } from './ops/atan.ts';
import { atanh } from './ops/atanh.ts';
import { averagePool } from './ops/average-pool.ts';
import { batchNormalization } from './ops/batch-normalization.ts';
import { cast } from './ops/cast.ts';
import { castLike } from './ops/cast-like.ts';
import { ceil } from './ops/ceil.ts';
import { celu } from './ops/celu.ts';
import { clip } from './ops/clip.ts';
import { compress } from './ops/compress.ts';
import { concat } from './ops/concat.ts';
import { constant } from './ops/constant.ts';
import { constantOfShape } from './ops/constant-of-shape.ts';
import { conv } from './ops/conv.ts';
import { convTranspose } from './ops/conv-transpose.ts';
import { cos } from './ops/cos.ts';
import { cosh } from './ops/cosh.ts';
import { cumSum } from './ops/cum-sum.ts';
import { depthToSpace } from './ops/depth-to-space.ts';
import { dequantizeLinear } from './ops/dequantize-linear.ts';
import { det } from './ops/det.ts';
import { div } from './ops/div.ts';
import { dropout } from './ops/dropout.ts';
import { einsum } from './ops/einsum.ts';
import { elementwise } from './ops/elementwise.ts';
import { elu } from './ops/elu.ts';
import { equal } from './ops/equal.ts';
import { erf } from './ops/erf.ts';
import { exp } from './ops/exp.ts';
import { expand } from './ops/expand.ts';
import { flatten } from './ops/flatten.ts';
import { floor } from './ops/floor.ts';
import { gather } from './ops/gather.ts';
import { gatherElements } from './ops/gather-elements.ts';
import { gatherNd } from './ops/gather-nd.ts';
import { gelu } from './ops/gelu.ts';
import { gemm } from './ops/gemm.ts';
import { globalAveragePool } from './ops/global-average-pool.ts';
import { globalMaxPool } from './ops/global-max-pool.ts';
import { greater } from './ops/greater.ts';
import { greaterOrEqual } from './ops/greater-or-equal.ts';
import { gridSample } from './ops/grid-sample.ts';
import { groupNormalization } from './ops/group-normalization.ts';
import { hardmax } from './ops/hardmax.ts';
import { hardSigmoid } from './ops/hard-sigmoid.ts';
import { hardSwish } from './ops/hard-swish.ts';
import { identity } from './ops/identity.ts';
import { instanceNormalization } from './ops/instance-normalization.ts';
import { layerNormalization } from './ops/layer-normalization.ts';
import { leakyRelu } from './ops/leaky-relu.ts';
import { less } from './ops/less.ts';
import { lessOrEqual } from './ops/less-or-equal.ts';
import { log } from './ops/log.ts';
import { logSoftmax } from './ops/log-softmax.ts';
import { lpNormalization } from './ops/lp-normalization.ts';
import { lrn } from './ops/lrn.ts';
import { matMul } from './ops/mat-mul.ts';
import { max } from './ops/max.ts';
import { maxPool } from './ops/max-pool.ts';
import { maxUnpool } from './ops/max-unpool.ts';
import { mean } from './ops/mean.ts';
import { meanVarianceNormalization } from './ops/mean-variance-normalization.ts';
import { min } from './ops/min.ts';
import { mish } from './ops/mish.ts';
import { mul } from './ops/mul.ts';
import { neg } from './ops/neg.ts';
import { not } from './ops/not.ts';
import { or } from './ops/or.ts';
import { pad } from './ops/pad.ts';
import { polynomial } from './ops/polynomial.ts';
import { pow } from './ops/pow.ts';
import { prelu } from './ops/prelu.ts';
import { quantizeLinear } from './ops/quantize-linear.ts';
import { range } from './ops/range.ts';
import { reciprocal } from './ops/reciprocal.ts';
import { reduceL1 } from './ops/reduce-l1.ts';
import { reduceL2 } from './ops/reduce-l2.ts';
import { reduceLogSum } from './ops/reduce-log-sum.ts';
import { reduceLogSumExp } from './ops/reduce-log-sum-exp.ts';
import { reduceMax } from './ops/reduce-max.ts';
import { reduceMean } from './ops/reduce-mean.ts';
import { reduceMin } from './ops/reduce-min.ts';
import { reduceProd } from './ops/reduce-prod.ts';
import { reduceSum } from './ops/reduce-sum.ts';
import { reduceSumSquare } from './ops/reduce-sum-square.ts';
import { relu } from './ops/relu.ts';
import { reshape } from './ops/reshape.ts';
import { resize } from './ops/resize.ts';
import { reverseSequence } from './ops/reverse-sequence.ts';
import { rmsNormalization } from './ops/rms-normalization.ts';
import { round } from './ops/round.ts';
import { selu } from './ops/selu.ts';
import { shape } from './ops/shape.ts';
import { shrink } from './ops/shrink.ts';
import { sigmoid } from './ops/sigmoid.ts';
import { sign } from './ops/sign.ts';
import { sin } from './ops/sin.ts';
import { sinh } from './ops/sinh.ts';
import { size } from './ops/size.ts';
import { slice } from './ops/slice.ts';
import { softmax } from './ops/softmax.ts';
import { softplus } from './ops/softplus.ts';
import { softsign } from './ops/softsign.ts';
import { spaceToDepth } from './ops/space-to-depth.ts';
import { split } from './ops/split.ts';
import { sqrt } from './ops/sqrt.ts';
import { squeeze } from './ops/squeeze.ts';
import { sub } from './ops/sub.ts';
import { sum } from './ops/sum.ts';
import { swish } from './ops/swish.ts';
import { tan } from './ops/tan.ts';
import { tanh } from './ops/tanh.ts';
import { thresholdedRelu } from './ops/thresholded-relu.ts';
import { tile } from './ops/tile.ts';
import { transpose } from './ops/transpose.ts';
import { trilu } from './ops/trilu.ts';
import { unsqueeze } from './ops/unsqueeze.ts';
import { upsample } from './ops/upsample.ts';
import { where } from './ops/where.ts';
import { xor } from './ops/xor.ts';

/** Operators of ONNX. */
export const ONNX_OPERATORS: readonly Operator[] = [
  abs,
  acos,
  acosh,
  add,
  and,
  argMax,
  asin,
  asinh,
  atan,
  atanh,
  averagePool,
  batchNormalization,
  cast,
  castLike,
  ceil,
  celu,
  clip,
  compress,
  concat,
  constant,
  constantOfShape,
  conv,
  convTranspose,
  cos,
  cosh,
  cumSum,
  depthToSpace,
  dequantizeLinear,
  det,
  div,
  dropout,
  einsum,
  elu,
  equal,
  erf,
  exp,
  expand,
  flatten,
  floor,
  gather,
  gatherElements,
  gatherNd,
  gelu,
  gemm,
  globalAveragePool,
  globalMaxPool,
  greater,
  greaterOrEqual,
  gridSample,
  groupNormalization,
  hardmax,
  hardSigmoid,
  hardSwish,
  identity,
  instanceNormalization,
  layerNormalization,
  leakyRelu,
  less,
  lessOrEqual,
  log,
  logSoftmax,
  lpNormalization,
  lrn,
  matMul,
  max,
  maxPool,
  maxUnpool,
  mean,
  meanVarianceNormalization,
  min,
  mish,
  mul,
  neg,
  not,
  or,
  pad,
  pow,
  prelu,
  quantizeLinear,
  range,
  reciprocal,
  reduceL1,
  reduceL2,
  reduceLogSum,
  reduceLogSumExp,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceProd,
  reduceSum,
  reduceSumSquare,
  relu,
  reshape,
  resize,
  reverseSequence,
  rmsNormalization,
  round,
  selu,
  shape,
  shrink,
  sigmoid,
  sign,
  sin,
  sinh,
  size,
  slice,
  softmax,
  softplus,
  softsign,
  spaceToDepth,
  split,
  sqrt,
  squeeze,
  sub,
  sum,
  swish,
  tan,
  tanh,
  thresholdedRelu,
  tile,
  transpose,
  trilu,
  unsqueeze,
  upsample,
  where,
  xor,
];

const INTERNAL_OPERATORS: readonly Operator[] = [polynomial, elementwise(operatorOf)];

const BY_NAME: ReadonlyMap<string, Operator> = new Map(
  [...ONNX_OPERATORS, ...INTERNAL_OPERATORS].map((operator) => [operator.name, operator]),
);

/** The description of an operator that may be read from a file. */
export function findOperator(name: string): Operator | undefined {
  const operator = BY_NAME.get(name);
  return operator?.internal === true ? undefined : operator;
}

/** The description of an operator of a TensorGraph. */
export function operatorOf(name: string): Operator {
  const operator = BY_NAME.get(name);
  if (operator === undefined) throw new InternalError(`no description of operator ${name}`);
  return operator;
}

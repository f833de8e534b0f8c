import type { CkksParameters } from '../../program/security.ts';
import type { CostModel, LinearCosts } from '../analysis/cost-model.ts';
import { sealCostModel } from './seal-cost.ts';

/** Base extensions make a product of BFV ciphertexts this many times as dear as one of CKKS, transforms included (measured). */
const MULTIPLY_FACTOR = 40;
/** Transforming a ciphertext forth or back, per limb, in units of a rescale's. */
const TRANSFORM_FACTOR = 1;

/** node-seal's BFV, everything once for each plain modulus: key switches cost what they cost under CKKS. */
export function bfvCostModel(parameters: CkksParameters): CostModel {
  const parts = parameters.plainModuli?.length ?? 1;
  const one = sealCostModel(parameters.polyModulusDegree, parameters.dataPrimes.length - 1);
  const transform = (level: number): number => TRANSFORM_FACTOR * one.rescale(level);
  return {
    ...one,
    linear: (level): LinearCosts => {
      const costs = one.linear(level);
      return {
        ...costs,
        // Factors are transformed once each, sums come back before they are rotated.
        baby: parts * (costs.baby + transform(level)),
        giant: parts * (costs.giant + 2 * transform(level)),
        term: parts * costs.term,
        encode: parts * costs.encode,
        output: parts * (costs.output + transform(level)),
        key: parts * costs.key,
        diagonalBytes: parts * costs.diagonalBytes,
        coefficientBytes: parts * costs.coefficientBytes,
      };
    },
    multiply: (level) => parts * MULTIPLY_FACTOR * one.multiply(level),
    relinearize: (level) => parts * one.relinearize(level),
    multiplyPlain: (level) => parts * (one.multiplyPlain(level) + transform(level)),
    add: (level) => parts * one.add(level),
    weightedSum: (terms, level, plainScale) => parts * one.weightedSum(terms, level, plainScale),
    rescale: (level) => parts * one.rescale(level),
    keyBytes: (level) => parts * one.keyBytes(level),
  };
}

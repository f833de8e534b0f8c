/** What programs that are verified in the clear are planned under: no chain of a ring, and no security. */
import { elementCount } from '../../program/layout.ts';
import type { CkksParameters } from '../../program/security.ts';
import { checkParameters } from '../../program/security.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';

/**
 * Placeholder parameters for verification in the clear, with exact scales and enough slots for the largest tensor (at most
 * 2^15) or for so many samples, if tensors are spread over ciphertexts.
 */
export function clearParameters(graph: LinearGraph, depth: number, samples = 0): CkksParameters {
  const scaleBits = 40;
  const largest = Math.max(...graph.nodes.map((node) => elementCount(node.shape)));
  const wanted = samples === 0 ? largest : samples;
  const slots = Math.min(2 ** 15, Math.max(2048, 2 ** Math.ceil(Math.log2(wanted))));
  return checkParameters({
    scheme: 'cleartext',
    polyModulusDegree: 2 * slots,
    dataPrimes: Array.from({ length: depth + 1 }, () => 1n << BigInt(scaleBits)),
    specialPrimes: [],
    securityLevel: 128,
    secretDistribution: 'uniform-ternary',
    scaleBits,
    dnum: 1,
  });
}

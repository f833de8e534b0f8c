/** node-seal: one chain for each ring, no refresh, everything in one WASM heap; integers (BFV) besides CKKS. */
import { SEAL_HEAP_BYTES } from '../../program/memory-model.ts';
import { bfvCostModel } from './bfv-cost.ts';
import { sealChains } from './seal-chains.ts';
import { sealCostModel } from './seal-cost.ts';
import { LARGEST_SEAL_RING, roughSealMemory, sealLimits } from './seal-memory.ts';
import type { Target } from './target.ts';

export const SEAL: Target = {
  name: 'seal',
  title: 'node-seal',
  encrypts: true,
  integers: true,
  profiled: false,
  largestRing: LARGEST_SEAL_RING,
  refresh: null,
  heap: { bytes: SEAL_HEAP_BYTES, title: 'one WASM heap' },
  chains: sealChains,
  costs: (parameters) =>
    parameters.scheme === 'bfv'
      ? bfvCostModel(parameters)
      : sealCostModel(parameters.polyModulusDegree, parameters.dataPrimes.length - 1),
  memory: sealLimits,
  roughMemory: roughSealMemory,
};

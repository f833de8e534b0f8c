/** Which cost model goes with which backend. */
import type { CkksParameters } from '../../program/security.ts';
import type { Backend } from '../options.ts';
import type { NativeProfile } from '../profile/native-profile.ts';
import { bfvCostModel } from './bfv-cost.ts';
import type { CostModel } from './cost-model.ts';
import { nativeCostModel } from './native-cost.ts';
import { sealCostModel } from './seal-cost.ts';

/** The model for a backend and a chain; cleartext plans as node-seal would. */
export function costModelFor(
  backend: Backend,
  parameters: CkksParameters,
  profile: NativeProfile,
): CostModel {
  if (parameters.scheme === 'bfv') return bfvCostModel(parameters);
  return backend === 'native' && parameters.scheme === 'ckks'
    ? nativeCostModel(parameters, profile)
    : sealCostModel(parameters.polyModulusDegree, parameters.dataPrimes.length - 1);
}

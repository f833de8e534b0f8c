/** Rounds whose updates nobody trained, for tests of what goes on around them. */
import { readFileSync } from 'node:fs';
import { readParameters } from '../../../src/onnx/model-parameters.ts';
import { DEFAULT_FLOOR } from '../../../src/federation/policy/floor.ts';
import type { Protection } from '../../../src/federation/policy/protection.ts';
import type { ProcessFederation, ProcessFederationOptions } from './process-federation.ts';

const TEMPLATE = new URL('../../../fixtures/digits-square.onnx', import.meta.url);
const ROUNDS = 200;
/** As much as so many rounds take under noise that hardly hides anything. */
const EPSILON = 5000;

/** Noise of a Gaussian, and budgets for as many rounds as tests have. */
export function syntheticFederation(
  names: readonly string[],
  protocol: Protection['protocol'],
): ProcessFederationOptions {
  const mechanism = 'discrete-gaussian';
  const clients = names.length;
  return {
    names,
    template: readFileSync(TEMPLATE),
    policy: {
      ...{ federation: 'synthetic', owner: 'coordinator', rounds: ROUNDS, clip: 1 },
      context: { sensitivity: 'public', jurisdictions: [], clients, client_resources: 'medium' },
      protection: { protocol, mechanism, epsilon: EPSILON },
    },
    floor: { ...DEFAULT_FLOOR, protocol, epsilon: EPSILON },
  };
}

/** Every participant gets numbers that nobody else has, small enough not to be clipped. */
export async function prepareAll(federation: ProcessFederation, round: number): Promise<void> {
  const model = readParameters(await federation.model(), 'the global model').values;
  for (const [i, name] of [...federation.participants.keys()].entries()) {
    const seed = 100 * round + i;
    await federation.prepare(name, () => model.map((value, k) => value + 0.004 * Math.sin(seed * 1000 + k)));
  }
}

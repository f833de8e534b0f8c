/** A participant's own demands: whatever the aggregator's policy is, it takes part in nothing weaker. */
import { ProtocolError } from '../../errors.ts';
import type { Protection } from './protection.ts';
import { weaknesses } from './protection.ts';

/** Applies where the participant has set none: noise, nobody alone, and an ε of 10 in all. */
export const DEFAULT_FLOOR: Protection = {
  protocol: 'bfv-sum',
  mechanism: 'discrete-gaussian',
  epsilon: 10,
  delta: 1e-5,
  minClients: 3,
  minSurvivors: 3,
  colluders: 0,
};

/** @throws ProtocolError FLOOR_NOT_MET, naming what is weaker */
export function requireFloor(offered: Protection, floor: Protection): void {
  const weaker = weaknesses(offered, floor);
  if (weaker.length === 0) return;
  throw new ProtocolError(
    'FLOOR_NOT_MET',
    `weaker than this participant's floor: ${weaker.map((each) => `${each} ${offered[each]}, at ${isUpper(each) ? 'most' : 'least'} ${floor[each]}`).join('; ')}`,
    {
      hint: 'ask the owner of the federation for a stricter policy; only the participant can lower its floor',
    },
  );
}

function isUpper(respect: keyof Protection): boolean {
  return respect === 'epsilon' || respect === 'delta';
}

/** A policy of a small federation, for tests. */
export const OWNER = 'coordinator';
export const CONTEXT = {
  sensitivity: 'personal',
  jurisdictions: ['EU'],
  clients: 5,
  client_resources: 'low',
} as const;

export const DECRYPTOR = 'decryptor';

/** Of encrypted sums, which are not for data of persons. */
export function sumPolicyText(changes: Readonly<Record<string, unknown>> = {}): string {
  const context = { ...CONTEXT, sensitivity: 'internal', jurisdictions: [] };
  return policyText({ context, protection: { protocol: 'bfv-sum' }, ...changes });
}

export function policyText(changes: Readonly<Record<string, unknown>> = {}): string {
  const facts = { federation: 'hospitals', owner: OWNER, context: CONTEXT, rounds: 2, clip: 1 };
  return JSON.stringify({ ...facts, ...changes });
}

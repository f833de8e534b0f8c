/** A policy of a small federation, for tests. */
export const OWNER = 'coordinator';
export const CONTEXT = {
  sensitivity: 'personal',
  jurisdictions: ['EU'],
  clients: 5,
  client_resources: 'low',
} as const;

export function policyText(changes: Readonly<Record<string, unknown>> = {}): string {
  const facts = { federation: 'hospitals', owner: OWNER, context: CONTEXT, rounds: 2, clip: 1 };
  return JSON.stringify({ ...facts, ...changes });
}

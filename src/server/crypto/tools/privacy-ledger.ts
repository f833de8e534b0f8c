import { z } from 'zod';
import { define } from './define.ts';

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

export const privacyLedger = define({
  name: 'privacy_ledger',
  title: 'What has been given away',
  description:
    'The privacy budget of this participant, what its rounds have spent of it (aborted ones too), and the floor below which it takes part in nothing. Both are set by who runs this program, never by a tool.',
  input: z.strictObject({}),
  output: z.object({
    ok: z.literal(true),
    budget_epsilon: z.number().nullable().describe('Null: no bound'),
    delta: z.number(),
    spent_epsilon: z.number().nullable().describe('At delta, of all rounds together; null: without bound'),
    floor: z.object({
      protocol: z.string(),
      mechanism: z.string(),
      min_clients: z.int(),
      min_survivors: z.int(),
      colluders: z.int(),
    }),
    rounds: z.array(
      z.object({
        federation: z.string(),
        round: z.int(),
        at: z.iso.datetime(),
        mechanism: z.string(),
        honest: z.int().describe('Participants whose noise is counted on'),
        outcome: z.enum(['open', 'summed', 'aborted']),
      }),
    ),
  }),
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run(_input, { federation }) {
    const ledger = await federation.ledger();
    const { protocol, mechanism, minClients, minSurvivors, colluders } = federation.floor;
    return {
      ok: true as const,
      budget_epsilon: finite(ledger.budget.epsilon),
      delta: ledger.budget.delta,
      spent_epsilon: finite(ledger.spent),
      floor: { protocol, mechanism, min_clients: minClients, min_survivors: minSurvivors, colluders },
      rounds: ledger.entries.map((entry) => ({
        federation: entry.federation,
        round: entry.round,
        at: new Date(entry.at).toISOString(),
        mechanism: entry.mechanism,
        honest: entry.honest,
        outcome: entry.outcome,
      })),
    };
  },
});

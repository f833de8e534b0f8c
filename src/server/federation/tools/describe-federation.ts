import { z } from 'zod';
import { describeFederationAnswer } from '../../protocol/federation-messages.ts';
import { define } from './define.ts';
import { answerOf } from './round-answer.ts';

export const describeFederation = define({
  name: 'describe_federation',
  title: 'Describe the federation',
  description:
    'What is trained, how it is protected, how far the rounds are, and the terms of the one that is open. For anyone; the answer is signed.',
  input: z.strictObject({}),
  output: describeFederationAnswer,
  annotations: { readOnlyHint: true, idempotentHint: true },
  run(_input, services) {
    const { federation, layout, models, rounds, store } = services;
    const { policy } = federation;
    const { epsilon, delta, protocol, mechanism, minClients, minSurvivors, colluders } = policy.protection;
    const { version, sha256, bytes, round } = models.latest;
    const stored = rounds.current?.stored ?? store.rounds().at(-1);
    return Promise.resolve({
      ok: true as const,
      federation: policy.federation,
      owner: policy.owner,
      decryptor: protocol === 'bfv-sum' ? policy.decryptor : null,
      closed: federation.closed,
      context: {
        sensitivity: policy.context.sensitivity,
        jurisdictions: [...policy.context.jurisdictions],
        clients: policy.context.clients,
        client_resources: policy.context.clientResources,
      },
      protection: {
        protocol,
        mechanism,
        epsilon: epsilon === Infinity ? null : epsilon,
        delta,
        min_clients: minClients,
        min_survivors: minSurvivors,
        colluders,
      },
      noise_multiplier: federation.noiseMultiplier,
      rounds_planned: policy.rounds,
      rounds_spent: federation.roundsSpent,
      layout_digest: federation.layout.digest,
      parameters: federation.layout.length,
      tensors: layout.map(({ name, shape }) => ({ name, shape: [...shape] })),
      frozen: [...policy.frozen],
      model: { version, sha256, bytes, round },
      round: stored === undefined ? null : answerOf(stored, services),
      terms: rounds.current?.terms ?? null,
    });
  },
});

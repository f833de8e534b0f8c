/** A model that was trained together, from its export to an encrypted inference over MCP, by the commands that groups use. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { DEFAULT_FLOOR } from '../../src/federation/policy/floor.ts';
import { decodeArtifact } from '../../src/program/codec.ts';
import { openAgentWorld } from '../../src/server/testing/agent-world.ts';
import { expectSameAnswers } from '../../src/server/testing/same-answers.ts';
import { runCliAt } from '../testing/run-servers.ts';
import { ProcessFederation } from './testing/process-federation.ts';
import { prepareAll, syntheticFederation } from './testing/synthetic-rounds.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures');
const SAMPLES = join(FIXTURES, 'samples');
const DIGITS = [3, 7];

it('is exported, compiled and served, and classifies what it does not see', async () => {
  const options = syntheticFederation(['berlin', 'lyon', 'oslo'], 'secure-aggregation');
  await using federation = await ProcessFederation.open({
    ...options,
    // The template knows digits; updates move it a little, and noise would move it away.
    policy: { ...options.policy, protection: {} },
    floor: { ...DEFAULT_FLOOR, mechanism: 'none', epsilon: Infinity },
  });
  const round = await federation.openRound();
  await prepareAll(federation, round);
  await Promise.all([...federation.participants.keys()].map((name) => federation.contribute(name)));
  const exported = z.looseObject({ file: z.string(), version: z.literal(1) });
  const { file } = await federation.owner.own('export_model', {}, exported);
  const model = join(federation.state, file);
  expect(Buffer.compare(readFileSync(model), Buffer.from(options.template))).not.toBe(0);
  const artifact = join(federation.base, 'federated.hemodel');
  const calibration = ['', '-labels'].map((part) => join(FIXTURES, `digits-calibration${part}.npy`));
  const { exitCode, stderr } = await runCliAt(federation.base, [
    ...[
      'compile',
      model,
      '--calibration',
      `npy:${calibration.join(',')}`,
      '--samples',
      '100',
      '--output',
      artifact,
    ],
  ]);
  expect(exitCode, stderr).toBe(0);
  await using world = await openAgentWorld(artifact, SAMPLES);
  const pictures = DIGITS.map((digit) => join(SAMPLES, `${digit}-1.png`));
  const answers = await world.classifyInOneCall('v2, 2026-07-28', 'http', pictures);
  expect(answers.map(({ winner }) => winner)).toEqual(DIGITS);
  const [output] = decodeArtifact(readFileSync(artifact)).signature.outputs;
  expectSameAnswers(output!, answers, await world.run(pictures));
});

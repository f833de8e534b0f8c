/** The second scheme through the same schemas: integers under BFV, from keys to an answer that is exact. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { encodeArtifact } from '../../program/codec.ts';
import { measureNoiseBudgetOf } from '../../runtime/backends/testing/measure-noise.ts';
import { SecretClient } from '../../runtime/client/secret-client.ts';
import { encodeCiphertextSet, parseCiphertextSet } from '../../runtime/formats/ciphertext-set.ts';
import { encodeEvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { compileIntegers, expectedOutput } from '../../../test/integer-programs.ts';
import { connectors } from '../testing/mcp-clients.ts';
import { ProtocolClient } from '../testing/protocol-client.ts';
import { DEFAULT_LIMITS } from './configuration.ts';
import { openTestServer } from '../testing/open-test-server.ts';
import { SILENT_LOG } from '../hosting/log.ts';

const FIXTURES = join(import.meta.dirname, '../../../fixtures');
const CALIBRATION = `npy:${FIXTURES}/digits-calibration.npy,${FIXTURES}/digits-calibration-labels.npy`;
const TEST = `npy:${FIXTURES}/digits-test.npy,${FIXTURES}/digits-test-labels.npy`;

it('an integer model is served by the same tools, and its answers equal exact arithmetic', async () => {
  const model = await compileIntegers(`${FIXTURES}/digits-square.onnx`, CALIBRATION, TEST, {}, 3);
  const { artifact } = model;
  const folder = await mkdtemp(join(tmpdir(), 'he-compile-bfv-'));
  try {
    const file = join(folder, 'digits-square.hemodel');
    await writeFile(file, encodeArtifact(artifact));
    const configuration = {
      stateFolder: join(folder, 'state'),
      limits: { ...DEFAULT_LIMITS, maxInlineResultBytes: 2 ** 22 },
      enrolment: { open: true, unsigned: false, authorities: [] },
      threads: 1,
    };
    await using server = await openTestServer([file], configuration, '0.0.0-test', SILENT_LOG);
    const http = await server.listenHttp({
      address: { host: '127.0.0.1', port: 0 },
      tls: null,
      sse: false,
      allowedHosts: [],
      allowedOrigins: [],
      requireBearer: false,
    });
    const connection = await connectors['v2 over Streamable HTTP, 2026-07-28']!(http.url);
    const client = new ProtocolClient('integers', connection.call, connection.capabilities);
    await client.enrol();
    await using secret = await SecretClient.generate(artifact.signature);
    await client.provision(encodeEvaluationKeys(await secret.makeEvaluationKeys()));
    for (const [i, inputs] of model.inputs.entries()) {
      const session_id = `picture-${i}`;
      await client.upload(session_id, encodeCiphertextSet(await secret.encrypt(inputs)));
      const negotiated = { scheme_context: 'BFV', scale: 1 };
      const answer = await client.callAs('remote_inference_cnn', { session_id, ...negotiated });
      expect(answer).toMatchObject({ ok: true, status: 'done', scheme_context: 'BFV' });
      const result = parseCiphertextSet(Buffer.from(answer['encrypted_logit_b64'] as string, 'base64'));
      const [logits] = await secret.decrypt(result);
      expect(Array.from(logits!)).toEqual(expectedOutput(model, inputs));
      // The server can only forecast what who holds the key measures: bits, and never more than there are.
      const forecast = answer['noise_budget_remaining'] as number;
      expect(forecast).toBeGreaterThan(0);
      const { parameters } = artifact.signature;
      expect(await measureNoiseBudgetOf(parameters, secret.secretKey, result)).toBeGreaterThanOrEqual(
        forecast,
      );
    }
    const session_id = 'picture-0';
    const wrong = await client.callAs('remote_inference_cnn', { session_id, scheme_context: 'CKKS' });
    expect(wrong).toMatchObject({ ok: false, error_code: 'ERROR_SCHEME_MISMATCH' });
    await connection.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);

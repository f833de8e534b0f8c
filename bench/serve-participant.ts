/** A client of the server that is measured: keys and inputs of its own, and what the right answers are, bit for bit. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact } from '../src/program/artifact.ts';
import { Random } from '../src/compiler/random.ts';
import { BackendError } from '../src/errors.ts';
import type { BackendName } from '../src/runtime/backend.ts';
import { SecretClient } from '../src/runtime/client/secret-client.ts';
import { Evaluator } from '../src/runtime/evaluation/evaluator.ts';
import { encodeCiphertextSet } from '../src/runtime/formats/ciphertext-set.ts';
import { encodeEvaluationKeys } from '../src/runtime/formats/evaluation-keys.ts';
import { connect } from '../src/server/client/connection.ts';
import type { CredentialStore, Enrolment } from '../src/server/client/credentials.ts';
import type { RemoteModel } from '../src/server/client/remote-model.ts';
import { RemoteServer } from '../src/server/client/remote-server.ts';
import { parseServerAddress } from '../src/server/client/server-address.ts';
import type { LocalFile } from '../src/server/client/upload-file.ts';
import { sha256Of } from '../src/server/protocol/identifiers.ts';
import { encodePublicKey } from '../src/server/protocol/signing.ts';
import { createPublicKey } from 'node:crypto';

export interface JoinOptions {
  /** One-time code, where the server asks for one. */
  readonly enrolmentCode?: string;
  /** To see what is sent. */
  readonly fetch?: typeof fetch;
}

interface Task {
  readonly input: LocalFile;
  readonly expectedSha256: string;
}

export interface InferenceTimes {
  /** Milliseconds since the phase began. */
  readonly endMs: number;
  readonly wallMs: number;
  /** As the server measured it, keys loaded. */
  readonly evaluationMs: number;
}

export class Participant implements AsyncDisposable {
  readonly #remote: RemoteServer;
  readonly #model: RemoteModel;
  readonly #keyRef: string;
  readonly #tasks: readonly Task[];

  /** Makes keys and ciphertexts, evaluates them here for comparison, enrols and sends the keys. */
  static async join(
    url: string,
    artifact: Artifact,
    backend: BackendName,
    index: number,
    inferences: number,
    parent: string,
    options: JoinOptions = {},
  ): Promise<Participant> {
    const folder = join(parent, `client-${index}`);
    await mkdir(folder);
    await using secret = await SecretClient.generate(artifact.signature);
    const keys = await secret.makeEvaluationKeys();
    const keyFile = await store(folder, 'evaluation.keys', encodeEvaluationKeys(keys));
    const tasks: Task[] = [];
    {
      await using evaluator = await Evaluator.create(artifact, keys, { backend, threads: 1 });
      const random = new Random(index);
      for (let k = 0; k < inferences; k++) {
        const inputs = artifact.signature.inputs.map(({ layout }) =>
          Float64Array.from({ length: layout.shape.reduce((a, b) => a * b, 1) }, () => random.next()),
        );
        const set = await secret.encrypt(inputs);
        const { outputs } = await evaluator.evaluate(set);
        tasks.push({
          input: await store(folder, `input-${k}.hect`, encodeCiphertextSet(set)),
          expectedSha256: sha256Of(encodeCiphertextSet(outputs)),
        });
      }
    }
    const address = parseServerAddress(url);
    const remote = await RemoteServer.open({
      clientId: `client-${index}`,
      server: url,
      credentials: credentialsInMemory(),
      connect: (signal, bearers) =>
        connect(address, {
          ...{ signal, bearers, version: '0' },
          ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
        }),
      ...(options.enrolmentCode === undefined ? {} : { enrolmentCode: options.enrolmentCode }),
    });
    const model = await remote.describe(undefined);
    const { keyRef } = await remote.provisionKeys(model, [keyFile]);
    return new Participant(remote, model, keyRef, tasks);
  }

  private constructor(remote: RemoteServer, model: RemoteModel, keyRef: string, tasks: readonly Task[]) {
    this.#remote = remote;
    this.#model = model;
    this.#keyRef = keyRef;
    this.#tasks = tasks;
  }

  /**
   * @param session a new name for each inference
   * @param k which of the inputs
   * @throws BackendError BENCH_FAILED if a bit of the result is wrong
   */
  async infer(session: string, k: number, phaseStart: number): Promise<InferenceTimes> {
    const { input, expectedSha256 } = this.#tasks[k]!;
    const start = performance.now();
    await this.#remote.uploadInputs(session, [{ ...input, fileName: 'input.hect' }]);
    const { bytes, inferSeconds } = await this.#remote.infer(session, this.#model, this.#keyRef);
    const end = performance.now();
    if (sha256Of(bytes) !== expectedSha256)
      throw new BackendError('BENCH_FAILED', `the result of session ${session} is wrong`);
    return { endMs: end - phaseStart, wallMs: end - start, evaluationMs: 1000 * (inferSeconds ?? 0) };
  }

  /** Deletes what the server has of a session. */
  discard(session: string): Promise<void> {
    return this.#remote.discard(session);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#remote[Symbol.asyncDispose]();
  }
}

async function store(folder: string, fileName: string, bytes: Uint8Array): Promise<LocalFile> {
  const path = join(folder, fileName);
  await writeFile(path, bytes);
  return { fileName, path, bytes: bytes.length, sha256: sha256Of(bytes) };
}

function credentialsInMemory(): CredentialStore {
  const { privateKey } = generateKeyPairSync('ed25519');
  const publicKey = encodePublicKey(createPublicKey(privateKey));
  let enrolment: Enrolment | null = null;
  return {
    identity: () => Promise.resolve({ privateKey, publicKey, certificateChain: [] }),
    enrolment: () => Promise.resolve(enrolment),
    saveEnrolment: (_client, _server, made) => {
      enrolment = made;
      return Promise.resolve();
    },
    exclusively: (_client, action) => action(),
    forgetEnrolment: () => {
      enrolment = null;
      return Promise.resolve();
    },
  };
}

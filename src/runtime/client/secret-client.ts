/**
 * The secret side: keys, encryption of inputs, decryption of outputs. The work is done in a worker that keeps its
 * encryption context, so a client that encrypts often should be kept too.
 */
import { requireEncryption } from '../../program/security.ts';
import type { Signature } from '../../program/signature.ts';
import type { ClientOptions } from '../encryption/client-options.ts';
import type { EncryptOptions } from '../encryption/encrypt-inputs.ts';
import { encryptTensors } from '../encryption/encrypt-inputs.ts';
import type { CiphertextSet } from '../formats/ciphertext-set.ts';
import { requireTensors } from '../formats/ciphertext-set.ts';
import type { EvaluationKeys, RotationSwitchingKey } from '../formats/evaluation-keys.ts';
import type { Origin, Setting } from '../formats/origin.ts';
import { newKeySet, requireKeySet } from '../formats/origin.ts';
import { parametersDigest } from '../formats/parameters-digest.ts';
import { encodePublicKey } from '../formats/public-key.ts';
import { encodeSecretKey, parseSecretKey } from '../formats/secret-key.ts';
import { DEFAULT_STALL_MS, WorkerChannel, workerEntry } from '../workers/channel.ts';
import { Cancellation, Heartbeat, cancelled } from '../workers/control.ts';
import { noiseLimitOf, readOutput } from './read-output.ts';
import type { SecretWorkerApi } from './worker.ts';

export class SecretClient implements AsyncDisposable {
  readonly #signature: Signature;
  readonly #origin: Origin;
  readonly #worker: WorkerChannel<SecretWorkerApi>;
  readonly #secretKey: Uint8Array;

  /** With a new secret key. */
  static generate(signature: Signature, options: ClientOptions = {}): Promise<SecretClient> {
    return SecretClient.#start(signature, null, options);
  }

  /**
   * With a secret key that `secretKey` returned before.
   * @throws ArtifactError if it is damaged or belongs to other parameters
   */
  static open(
    signature: Signature,
    secretKey: Uint8Array,
    options: ClientOptions = {},
  ): Promise<SecretClient> {
    return SecretClient.#start(signature, secretKey, options);
  }

  static async #start(
    signature: Signature,
    file: Uint8Array | null,
    { stallMs, signal }: ClientOptions,
  ): Promise<SecretClient> {
    requireEncryption(signature.parameters);
    if (signal?.aborted === true) throw cancelled();
    const { parameters } = signature;
    const setting: Setting = { scheme: parameters.scheme, parametersDigest: parametersDigest(parameters) };
    const saved = file === null ? null : parseSecretKey(file, setting);
    const origin: Origin = { ...setting, keySet: saved === null ? newKeySet() : saved.keySet };
    const heartbeat = new Heartbeat();
    const worker = new WorkerChannel<SecretWorkerApi>(workerEntry(import.meta.url, 'worker'), {
      heartbeat,
      stallMs: stallMs ?? DEFAULT_STALL_MS,
    });
    try {
      await worker.call('open', {
        parameters: signature.parameters,
        secretKey: saved?.bytes ?? null,
        cancellation: new Cancellation().flag,
        heartbeat: heartbeat.counter,
      });
      const bytes = saved?.bytes ?? (await worker.call('saveSecretKey', null));
      return new SecretClient(signature, origin, worker, encodeSecretKey({ ...origin, bytes }));
    } catch (error) {
      await worker[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(
    signature: Signature,
    origin: Origin,
    worker: WorkerChannel<SecretWorkerApi>,
    secretKey: Uint8Array,
  ) {
    this.#signature = signature;
    this.#origin = origin;
    this.#worker = worker;
    this.#secretKey = secretKey;
  }

  /** The secret key as a file: whoever has it can decrypt. */
  get secretKey(): Uint8Array {
    return this.#secretKey;
  }

  /** A public key as a file, for `PublicClient`: whoever has it can encrypt. Each call makes another one. */
  async makePublicKey(): Promise<Uint8Array> {
    return encodePublicKey({ ...this.#origin, bytes: await this.#worker.call('makePublicKey', null) });
  }

  /** All keys that the signature asks for, made one by one to keep memory low. */
  async makeEvaluationKeys({ progress, signal }: ClientOptions = {}): Promise<EvaluationKeys> {
    const { rotationKeys, relinearizationLevel, refreshKeys } = this.#signature;
    const total = rotationKeys.length + (relinearizationLevel === null ? 0 : 1) + (refreshKeys ? 2 : 0);
    let made = 0;
    const make = async <T>(call: () => Promise<T>): Promise<T> => {
      if (signal?.aborted === true) throw cancelled();
      const key = await call();
      progress?.(++made / total);
      return key;
    };
    const keyOf = (step: number | null, level: number): Promise<Uint8Array> =>
      make(() => this.#worker.call('makeKey', { step, level }));
    const rotations: RotationSwitchingKey[] = [];
    for (const { step, level } of rotationKeys)
      rotations.push({ step, level, bytes: await keyOf(step, level) });
    const relinearization =
      relinearizationLevel === null
        ? null
        : { level: relinearizationLevel, bytes: await keyOf(null, relinearizationLevel) };
    const keys = { ...this.#origin, rotations, relinearization };
    if (refreshKeys === undefined) {
      progress?.(1);
      return keys;
    }
    const { conjugationLevel, raiseLevel } = refreshKeys;
    const conjugation = await make(() =>
      this.#worker.call('makeConjugationKey', { level: conjugationLevel }),
    );
    const raise = await make(() => this.#worker.call('makeRaiseKeys', { level: raiseLevel }));
    return {
      ...keys,
      refresh: {
        conjugation: { level: conjugationLevel, bytes: conjugation },
        raise: { level: raiseLevel, ...raise },
      },
    };
  }

  /**
   * Packs and encrypts row-major input tensors, in the order of the signature.
   * @throws ArtifactError INPUT_SHAPE, INPUT_VALUE or INPUT_OUT_OF_RANGE
   */
  encrypt(inputs: readonly Float64Array[], options: EncryptOptions = {}): Promise<CiphertextSet> {
    return encryptTensors(this.#signature, this.#origin, inputs, options, (order) =>
      this.#worker.call('encrypt', order),
    );
  }

  /**
   * Decrypts and unpacks into row-major output tensors, client operators not yet applied.
   * @throws ArtifactError PARAMETERS_MISMATCH, CIPHERTEXT_MISMATCH, KEY_SET_MISMATCH or OUTPUT_OUT_OF_RANGE
   */
  async decrypt(set: CiphertextSet): Promise<Float64Array[]> {
    const { outputs } = this.#signature;
    this.#requireOutputs(set);
    const tensors: Float64Array[] = [];
    for (const [i, output] of outputs.entries()) {
      const { level, scale } = output;
      const noiseLimit = output.range === undefined ? undefined : noiseLimitOf(output);
      const slots: Float64Array[] = [];
      for (const bytes of set.tensors[i]!.ciphertexts) {
        slots.push(await this.#worker.call('decrypt', { bytes, level, scale, noiseLimit }));
      }
      tensors.push(readOutput(output, slots));
    }
    return tensors;
  }

  #requireOutputs(set: CiphertextSet): void {
    const expected = this.#signature.outputs.map(({ name, level, scale, layout }) => ({
      name,
      level,
      scale,
      ciphertexts: layout.ciphertexts,
    }));
    requireTensors(set, this.#origin, expected);
    requireKeySet(set, this.#origin, 'the secret key');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker[Symbol.asyncDispose]();
  }
}

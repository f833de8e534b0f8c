/**
 * Encryption of inputs with a public key, for those who must not be able to decrypt. Nothing in this folder can reach
 * code for secret keys; a test keeps it so. The work is done in a worker that keeps its encryption context, so a client
 * that encrypts often should be kept too.
 *
 * A public-key ciphertext is twice as large as one that `SecretClient` makes, because it has no seed, and carries more
 * noise: about that of one rescale.
 */
import { requireEncryption } from '../../program/security.ts';
import type { Signature } from '../../program/signature.ts';
import type { CiphertextSet } from '../formats/ciphertext-set.ts';
import type { Origin, Setting } from '../formats/origin.ts';
import { parametersDigest } from '../formats/parameters-digest.ts';
import { parsePublicKey } from '../formats/public-key.ts';
import { DEFAULT_STALL_MS, WorkerChannel, workerEntry } from '../workers/channel.ts';
import { Heartbeat, cancelled } from '../workers/control.ts';
import type { ClientOptions } from './client-options.ts';
import type { EncryptOptions } from './encrypt-inputs.ts';
import { encryptTensors } from './encrypt-inputs.ts';
import type { PublicWorkerApi } from './worker.ts';

export class PublicClient implements AsyncDisposable {
  readonly #signature: Signature;
  readonly #origin: Origin;
  readonly #worker: WorkerChannel<PublicWorkerApi>;

  /**
   * With a public key that `SecretClient.makePublicKey` returned.
   * @throws ArtifactError if it is damaged, of another kind (SECRET_KEY_REFUSED) or of other parameters
   */
  static async open(
    signature: Signature,
    publicKey: Uint8Array,
    { stallMs, signal }: ClientOptions = {},
  ): Promise<PublicClient> {
    const { parameters } = signature;
    requireEncryption(parameters);
    if (signal?.aborted === true) throw cancelled();
    const setting: Setting = { scheme: parameters.scheme, parametersDigest: parametersDigest(parameters) };
    const { bytes, ...origin } = parsePublicKey(publicKey, setting);
    const worker = new WorkerChannel<PublicWorkerApi>(workerEntry(import.meta.url, 'worker'), {
      // Every request is one short call: its reply is all the life there is to see.
      heartbeat: new Heartbeat(),
      stallMs: stallMs ?? DEFAULT_STALL_MS,
    });
    try {
      await worker.call('open', { parameters, publicKey: bytes });
      return new PublicClient(signature, origin, worker);
    } catch (error) {
      await worker[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(signature: Signature, origin: Origin, worker: WorkerChannel<PublicWorkerApi>) {
    this.#signature = signature;
    this.#origin = origin;
    this.#worker = worker;
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker[Symbol.asyncDispose]();
  }
}

/** One encryption, as a process of its own does it; @throws ArtifactError if the key or the inputs do not fit */
export async function encryptWithPublicKey(
  signature: Signature,
  publicKey: Uint8Array,
  inputs: readonly Float64Array[],
  options: ClientOptions & EncryptOptions = {},
): Promise<CiphertextSet> {
  await using client = await PublicClient.open(signature, publicKey, options);
  return await client.encrypt(inputs, options);
}

/** The secret side inside its worker: one context, one secret key. */
import type { CkksParameters } from '../../program/security.ts';
import { SealSecretSide } from '../backends/seal/secret-side.ts';
import type { EncryptionOrder } from '../encryption/encrypt-inputs.ts';
import { Cancellation, Heartbeat } from '../workers/control.ts';

export interface SecretOpening {
  readonly parameters: CkksParameters;
  /** Null makes a new key. */
  readonly secretKey: Uint8Array | null;
  readonly cancellation: Int32Array;
  readonly heartbeat: Int32Array;
}

export class SecretWorkerSession {
  readonly #secret: SealSecretSide;
  readonly #cancellation: Cancellation;
  readonly #heartbeat: Heartbeat;

  static async open(opening: SecretOpening): Promise<SecretWorkerSession> {
    const secret = await SealSecretSide.create(opening.parameters, opening.secretKey);
    return new SecretWorkerSession(secret, opening);
  }

  private constructor(secret: SealSecretSide, opening: SecretOpening) {
    this.#secret = secret;
    this.#cancellation = new Cancellation(opening.cancellation);
    this.#heartbeat = new Heartbeat(opening.heartbeat);
  }

  saveSecretKey(): Uint8Array {
    return this.#secret.saveSecretKey();
  }

  makePublicKey(): Uint8Array {
    this.#checkpoint();
    return this.#secret.makePublicKey();
  }

  /** `step` null makes the relinearization key. */
  makeKey({ step }: { step: number | null }): Uint8Array {
    this.#checkpoint();
    return step === null ? this.#secret.makeRelinearizationKey() : this.#secret.makeGaloisKey(step);
  }

  encrypt({ slots, level, scale }: EncryptionOrder): Uint8Array {
    this.#checkpoint();
    return this.#secret.encrypt(slots, level, scale);
  }

  decrypt({ bytes, level, scale }: { bytes: Uint8Array; level: number; scale: number }): Float64Array {
    this.#checkpoint();
    return this.#secret.decrypt(bytes, level, scale);
  }

  #checkpoint(): void {
    this.#heartbeat.beat();
    this.#cancellation.check();
  }
}

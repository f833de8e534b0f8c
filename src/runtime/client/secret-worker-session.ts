/** The secret side inside its worker: one context, one secret key. */
import type { CkksParameters } from '../../program/security.ts';
import type { EncryptionOrder } from '../encryption/encrypt-inputs.ts';
import { Cancellation, Heartbeat } from '../workers/control.ts';
import { refreshUnsupported } from '../backend.ts';
import type { RaiseKeyBytes, SecretSide } from './open-secret-side.ts';
import { openSecretSide } from './open-secret-side.ts';

export interface SecretOpening {
  readonly parameters: CkksParameters;
  /** Null makes a new key. */
  readonly secretKey: Uint8Array | null;
  readonly cancellation: Int32Array;
  readonly heartbeat: Int32Array;
}

export interface DecryptionOrder {
  readonly bytes: Uint8Array;
  readonly level: number;
  readonly scale: number;
  readonly noiseLimit?: number | undefined;
}

export class SecretWorkerSession {
  readonly #secret: SecretSide;
  readonly #cancellation: Cancellation;
  readonly #heartbeat: Heartbeat;

  static async open(opening: SecretOpening): Promise<SecretWorkerSession> {
    const { parameters, secretKey, cancellation, heartbeat } = opening;
    try {
      const secret = await openSecretSide(parameters, secretKey, { cancellation, heartbeat });
      return new SecretWorkerSession(secret, opening);
    } finally {
      // The worker's own copy, made when the request crossed threads.
      secretKey?.fill(0);
    }
  }

  private constructor(secret: SecretSide, opening: SecretOpening) {
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
  makeKey({ step, level }: { step: number | null; level: number }): Uint8Array {
    this.#checkpoint();
    return step === null
      ? this.#secret.makeRelinearizationKey(level)
      : this.#secret.makeRotationKey(step, level);
  }

  makeConjugationKey({ level }: { level: number }): Uint8Array {
    this.#checkpoint();
    if (this.#secret.makeConjugationKey === undefined) throw refreshUnsupported('this library');
    return this.#secret.makeConjugationKey(level);
  }

  makeRaiseKeys({ level }: { level: number }): RaiseKeyBytes {
    this.#checkpoint();
    if (this.#secret.makeRaiseKeys === undefined) throw refreshUnsupported('this library');
    return this.#secret.makeRaiseKeys(level);
  }

  encrypt({ slots, level, scale }: EncryptionOrder): Uint8Array {
    this.#checkpoint();
    return this.#secret.encrypt(slots, level, scale);
  }

  decrypt({ bytes, level, scale, noiseLimit }: DecryptionOrder): Float64Array {
    this.#checkpoint();
    return this.#secret.decrypt(bytes, level, scale, noiseLimit);
  }

  #checkpoint(): void {
    this.#heartbeat.beat();
    this.#cancellation.check();
  }
}

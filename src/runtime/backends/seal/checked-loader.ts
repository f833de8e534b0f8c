/**
 * The one way in for bytes: everything that node-seal is given to parse is checked first, byte by byte, and nothing else calls
 * its loaders (`checked-loader.test.ts` holds the source to that). node-seal 7 stands on SEAL 4.1, whose loaders are not fit for
 * bytes of strangers; see "Untrusted files" in SECURITY.md.
 */
import type {
  Ciphertext,
  GaloisKeys,
  Plaintext,
  PublicKey,
  RelinKeys,
  SEALContext as NativeContext,
  SecretKey,
} from 'node-seal';
import type { ParametersLiteral } from '../../../program/parameters.ts';
import type { ObjectShape } from './check-objects.ts';
import {
  checkCiphertext,
  checkPlaintext,
  checkPublicKey,
  checkSecretKey,
  checkSwitchingKey,
} from './check-objects.ts';
import { callSeal } from './module.ts';

/** Loads into `into`, which is left empty where the bytes are refused. */
export class CheckedLoader {
  readonly #native: NativeContext;
  readonly #shape: ObjectShape;

  constructor(native: NativeContext, parameters: ParametersLiteral) {
    this.#native = native;
    this.#shape = shapeOf(native, parameters);
  }

  /** Of two polynomials. @throws ArtifactError CIPHERTEXT_INVALID */
  ciphertext(into: Ciphertext, bytes: Uint8Array, level: number, scale: number): void {
    const what = 'the ciphertext';
    checkCiphertext(this.#shape, bytes, level, scale, { code: 'CIPHERTEXT_INVALID', what });
    this.#load(what, into, bytes);
  }

  /** Transformed; from this process only, which needs no other way to set one. @throws ArtifactError CIPHERTEXT_INVALID */
  plaintext(into: Plaintext, bytes: Uint8Array, level: number, scale: number): void {
    const what = 'the plaintext';
    checkPlaintext(this.#shape, bytes, level, scale, { code: 'CIPHERTEXT_INVALID', what });
    this.#load(what, into, bytes);
  }

  /** @throws ArtifactError KEY_INVALID */
  rotationKey(into: GaloisKeys, bytes: Uint8Array, step: number): void {
    const what = `the Galois key for step ${step}`;
    checkSwitchingKey(this.#shape, bytes, step, { code: 'KEY_INVALID', what });
    this.#load(what, into, bytes);
  }

  /** @throws ArtifactError KEY_INVALID */
  relinearizationKey(into: RelinKeys, bytes: Uint8Array): void {
    const what = 'the relinearization key';
    checkSwitchingKey(this.#shape, bytes, null, { code: 'KEY_INVALID', what });
    this.#load(what, into, bytes);
  }

  /** @throws ArtifactError KEY_INVALID */
  publicKey(into: PublicKey, bytes: Uint8Array): void {
    const what = 'the public key';
    checkPublicKey(this.#shape, bytes, { code: 'KEY_INVALID', what });
    this.#load(what, into, bytes);
  }

  /** @throws ArtifactError KEY_INVALID */
  secretKey(into: SecretKey, bytes: Uint8Array): void {
    const what = 'the secret key';
    checkSecretKey(this.#shape, bytes, { code: 'KEY_INVALID', what });
    this.#load(what, into, bytes);
  }

  /** SEAL has nothing left to refuse: what it throws is a failure of its own, of memory for instance. */
  #load(
    what: string,
    into: { loadFromArray(context: NativeContext, bytes: Uint8Array): void },
    bytes: Uint8Array,
  ): void {
    // node-seal knows no subclasses, such as Buffer.
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    callSeal(`loading ${what}`, () => into.loadFromArray(this.#native, plain));
  }
}

function shapeOf(
  native: NativeContext,
  { scheme, polyModulusDegree, dataPrimes, specialPrimes }: ParametersLiteral,
): ObjectShape {
  const levelIds: Uint8Array[] = [];
  for (let level = dataPrimes.length - 1, data = native.firstContextData(); ; level--) {
    levelIds[level] = bytesOf(data.parmsId());
    const next = level === 0 ? null : data.nextContextData();
    data.delete();
    if (next === null) break;
    data = next;
  }
  return {
    nttCiphertexts: scheme === 'ckks',
    degree: polyModulusDegree,
    dataPrimes,
    specialPrimes,
    levelIds,
    keyId: bytesOf(native.keyParmsId()),
  };
}

/** Takes over `id`. */
function bytesOf(id: ReturnType<NativeContext['keyParmsId']>): Uint8Array {
  const words = BigUint64Array.from(id.values() as BigUint64Array);
  id.delete();
  return new Uint8Array(words.buffer);
}

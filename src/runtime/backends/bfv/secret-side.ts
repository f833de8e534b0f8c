/** The secret side of BFV on node-seal: a key pair of its own for each plain modulus. Only `runtime/client` may import it. */
import type { Ciphertext, Decryptor, KeyGenerator, Plaintext, SecretKey } from 'node-seal';
import { ArtifactError } from '../../../errors.ts';
import type { CkksParameters } from '../../../program/security.ts';
import { callSeal } from '../seal/module.ts';
import type { Savable } from '../seal/save.ts';
import { BfvContext, type Residue } from './context.ts';
import type { PartEncryptor } from './encrypt-integers.ts';
import { encryptIntegers } from './encrypt-integers.ts';
import { joinParts, splitParts } from './parts.ts';

interface ResidueKeys {
  readonly secretKey: SecretKey;
  readonly generator: KeyGenerator;
  readonly encryptor: PartEncryptor;
  readonly decryptor: Decryptor;
}

export class BfvSecretSide implements Disposable {
  readonly #context: BfvContext;
  readonly #keys: readonly ResidueKeys[];

  /** With a new secret key, or one that was saved. */
  static async create(parameters: CkksParameters, secretKey: Uint8Array | null): Promise<BfvSecretSide> {
    const context = await BfvContext.create(parameters);
    try {
      return new BfvSecretSide(context, secretKey);
    } catch (error) {
      context[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(context: BfvContext, saved: Uint8Array | null) {
    this.#context = context;
    const { residues } = context;
    const parts = saved === null ? null : splitParts(saved, residues.length, 'KEY_INVALID');
    this.#keys = residues.map((residue, r) => this.#makeKeys(residue, parts?.[r] ?? null));
  }

  get liveHandles(): number {
    return this.#context.handles.live;
  }

  saveSecretKey(): Uint8Array {
    return joinParts(this.#keys.map(({ secretKey }) => this.#save(secretKey)));
  }

  /** Seeded, so half the size; another one at each call. */
  makePublicKey(): Uint8Array {
    return this.#forEach('making a public key', ({ generator }) => generator.createPublicKeySerializable());
  }

  /** Keys serve every level, as SEAL's do. */
  makeRotationKey(step: number, _level: number): Uint8Array {
    return this.#forEach('making a Galois key', ({ generator }) =>
      generator.createGaloisKeysSerializableWithSteps(Int32Array.of(step)),
    );
  }

  makeRelinearizationKey(_level: number): Uint8Array {
    return this.#forEach('making the relinearization key', ({ generator }) =>
      generator.createRelinKeysSerializable(),
    );
  }

  /** A seeded symmetric ciphertext of N/2 integers at `level`. */
  encrypt(slots: Float64Array, level: number, scale: number): Uint8Array {
    const encryptors = this.#keys.map(({ encryptor }) => encryptor);
    return encryptIntegers(this.#context, slots, level, scale, encryptors);
  }

  /** Exact integers, as the nearest float64 where they exceed 2^53; @throws ArtifactError CIPHERTEXT_INVALID */
  decrypt(bytes: Uint8Array, level: number, _scale: number): Float64Array {
    return Float64Array.from(this.decryptIntegers(bytes, level), Number);
  }

  /**
   * Exact integers between minus and plus half the product of the plain moduli.
   * @param count the first so many of N; by default those of one row, N / 2
   * @throws ArtifactError CIPHERTEXT_INVALID, also where noise has used up the budget and nothing could be told
   */
  decryptIntegers(bytes: Uint8Array, level: number, count?: number): bigint[] {
    const plains: Plaintext[] = [];
    const { seal, handles } = this.#context;
    try {
      this.#withParts(bytes, level, (part, { decryptor }) => {
        // Of the measured budget nothing but this yes or no goes anywhere: its bits would tell a server that chooses ciphertexts
        // about the key. What the answer may do is written in SECURITY.md.
        if (callSeal('decryption', () => decryptor.invariantNoiseBudget(part)) <= 0) {
          throw new ArtifactError(
            'NOISE_OVERFLOW',
            'no noise budget is left: the result cannot be decrypted',
            {
              hint: 'the evaluation did not follow the artifact, or the ciphertext was changed on its way: do not ask this server again with these keys',
            },
          );
        }
        const plain = handles.own(new seal.Plaintext());
        plains.push(plain);
        callSeal('decryption', () => decryptor.decrypt(part, plain));
      });
      return this.#context.decode(plains, count);
    } finally {
      for (const plain of plains) handles.free(plain);
    }
  }

  [Symbol.dispose](): void {
    this.#context[Symbol.dispose]();
  }

  #withParts(bytes: Uint8Array, level: number, use: (part: Ciphertext, keys: ResidueKeys) => void): void {
    const { seal, handles, residues } = this.#context;
    const blobs = splitParts(bytes, residues.length, 'CIPHERTEXT_INVALID');
    residues.forEach(({ loader }, r) => {
      const ciphertext = handles.own(new seal.Ciphertext());
      try {
        loader.ciphertext(ciphertext, blobs[r]!, level, 1);
        use(ciphertext, this.#keys[r]!);
      } finally {
        handles.free(ciphertext);
      }
    });
  }

  #makeKeys({ native, loader }: Residue, saved: Uint8Array | null): ResidueKeys {
    const { seal, handles } = this.#context;
    let generator: KeyGenerator;
    let secretKey: SecretKey;
    if (saved === null) {
      generator = handles.own(new seal.KeyGenerator(native));
      secretKey = handles.own(generator.secretKey());
    } else {
      secretKey = handles.own(new seal.SecretKey());
      loader.secretKey(secretKey, saved);
      generator = handles.own(new seal.KeyGenerator(native, secretKey));
    }
    // The binding has no constructor for symmetric encryption alone, so it gets a public key that it does not use.
    const publicKey = handles.own(new seal.PublicKey());
    loader.publicKey(
      publicKey,
      this.#saved(() => generator.createPublicKeySerializable()),
    );
    const encryptor = handles.own(new seal.Encryptor(native, publicKey, secretKey));
    const decryptor = handles.own(new seal.Decryptor(native, secretKey));
    return {
      secretKey,
      generator,
      decryptor,
      encryptor: {
        compact: (plain) => encryptor.encryptSymmetricSerializable(plain),
        full: (plain, result) => encryptor.encryptSymmetric(plain, result),
      },
    };
  }

  #forEach(what: string, make: (keys: ResidueKeys) => Savable): Uint8Array {
    return joinParts(this.#keys.map((keys) => callSeal(what, () => this.#saved(() => make(keys)))));
  }

  #saved(make: () => Savable): Uint8Array {
    const handle = this.#context.handles.own(make());
    try {
      return this.#save(handle);
    } finally {
      this.#context.handles.free(handle);
    }
  }

  #save(handle: Savable): Uint8Array {
    return callSeal('saving', () => handle.saveToArray(this.#context.seal.ComprModeType.none) as Uint8Array);
  }
}

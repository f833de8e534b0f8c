/** The public side of BFV on node-seal: evaluation keys and ciphertexts, in one worker. */
import type { Ciphertext, ClassHandle, GaloisKeys, RelinKeys } from 'node-seal';
import { ArtifactError } from '../../../errors.ts';
import { SEAL_HEAP_BYTES, sealContextBytes, sealKeyBytes } from '../../../program/memory-model.ts';
import type { Instruction, ValueInfo } from '../../../program/program.ts';
import type { CkksParameters } from '../../../program/security.ts';
import type { TermFilter } from '../../../program/semantics/evaluate-linear.ts';
import { AlgebraBackend } from '../algebra-backend.ts';
import { HeapAccount } from '../seal/heap-account.ts';
import { callSeal } from '../seal/module.ts';
import type { BfvKeys } from './algebra.ts';
import { BfvAlgebra } from './algebra.ts';
import type { BfvCiphertext } from './ciphertexts.ts';
import { BfvContext } from './context.ts';
import type { Residue } from './context.ts';
import { joinParts, splitParts } from './parts.ts';
import { type BfvPlaintext, BfvPlaintextCache } from './plaintext-cache.ts';

export interface BfvBackendOptions {
  /** Bytes that this instance's heap may use, its own limit at most. */
  readonly heapBytes?: number;
  /** Bytes of it that may hold encoded plaintexts between evaluations. */
  readonly plaintextCacheBytes?: number;
  /** Called before every primitive operation; may throw to cancel. */
  readonly checkpoint?: () => void;
}

export class BfvBackend extends AlgebraBackend<BfvCiphertext, BfvPlaintext> {
  override readonly name = 'seal';
  protected override readonly algebra: BfvAlgebra;
  readonly #context: BfvContext;
  readonly #account: HeapAccount;
  readonly #cache: BfvPlaintextCache;
  readonly #galois = new Map<number, GaloisKeys[]>();
  #relinearization: RelinKeys[] | null = null;

  static async create(parameters: CkksParameters, options: BfvBackendOptions = {}): Promise<BfvBackend> {
    const limit = Math.min(options.heapBytes ?? SEAL_HEAP_BYTES, SEAL_HEAP_BYTES);
    const account = new HeapAccount(limit, sealContextBytes(parameters));
    return new BfvBackend(await BfvContext.create(parameters), account, options);
  }

  private constructor(context: BfvContext, account: HeapAccount, options: BfvBackendOptions) {
    super();
    this.#context = context;
    this.#account = account;
    this.#cache = new BfvPlaintextCache(options.plaintextCacheBytes ?? 0);
    const keys = (): BfvKeys => ({ galois: this.#galois, relinearization: this.#relinearization });
    const checkpoint = options.checkpoint ?? (() => undefined);
    this.algebra = new BfvAlgebra(context, keys, account, this.#cache, checkpoint);
  }

  /** WASM objects now alive; for leak tests. */
  get liveHandles(): number {
    return this.#context.handles.live;
  }

  override loadRotationKey(step: number, bytes: Uint8Array): void {
    const { seal } = this.#context;
    const keys = this.#loadKeys(
      bytes,
      `the Galois key for step ${step}`,
      () => new seal.GaloisKeys(),
      ({ loader }, key, part) => loader.rotationKey(key, part, step),
    );
    this.#galois.set(step, keys);
  }

  override loadRelinearizationKey(bytes: Uint8Array): void {
    const { seal } = this.#context;
    this.#relinearization = this.#loadKeys(
      bytes,
      'the relinearization key',
      () => new seal.RelinKeys(),
      ({ loader }, key, part) => loader.relinearizationKey(key, part),
    );
  }

  override load(bytes: Uint8Array, level: number, scale: number): BfvCiphertext {
    const { seal, residues, handles } = this.#context;
    if (scale !== 1) throw new ArtifactError('CIPHERTEXT_INVALID', `expected scale 1, found ${scale}`);
    const blobs = splitParts(bytes, residues.length, 'CIPHERTEXT_INVALID');
    this.algebra.ciphertexts.reserve(level);
    const parts: Ciphertext[] = [];
    try {
      residues.forEach(({ loader }, r) => {
        const handle = handles.own(new seal.Ciphertext());
        parts.push(handle);
        loader.ciphertext(handle, blobs[r]!, level, scale);
        if (handle.isTransparent()) {
          throw new ArtifactError('CIPHERTEXT_INVALID', 'the ciphertext is transparent: it is not encrypted');
        }
      });
    } catch (error) {
      this.algebra.ciphertexts.cancelReservation(level);
      for (const part of parts) handles.free(part);
      throw error;
    }
    return this.algebra.ciphertexts.adopt(parts, level);
  }

  override store(ciphertext: BfvCiphertext): Uint8Array {
    const { none } = this.#context.seal.ComprModeType;
    return joinParts(
      this.algebra.ciphertexts
        .coefficientsOf(ciphertext)
        .map((part) => callSeal('saving a ciphertext', () => part.saveToArray(none) as Uint8Array)),
    );
  }

  override prepare(instruction: Instruction, _values: readonly ValueInfo[], includes: TermFilter): void {
    if (instruction.kind !== 'linear') return;
    const bytes = this.algebra.plaintextBytes(instruction.level);
    instruction.outputs.forEach(({ giants }, o) =>
      giants.forEach(({ terms }, g) =>
        terms.forEach(({ diagonal }, t) => {
          if (!includes(o, g, t) || !this.#cache.hasRoomFor(bytes)) return;
          const plain = this.algebra.encode(diagonal, instruction.level, 1);
          if (plain !== null) this.algebra.release(plain);
        }),
      ),
    );
  }

  override memoryBytes(): number {
    return this.#context.heapBytes();
  }

  override [Symbol.dispose](): void {
    this.#context[Symbol.dispose]();
  }

  #loadKeys<K extends ClassHandle>(
    bytes: Uint8Array,
    what: string,
    make: () => K,
    load: (residue: Residue, key: K, part: Uint8Array) => void,
  ): K[] {
    const { residues, handles, parameters } = this.#context;
    const blobs = splitParts(bytes, residues.length, 'KEY_INVALID');
    const total = residues.length * sealKeyBytes(parameters);
    this.#account.allocate(total, what);
    const keys: K[] = [];
    try {
      residues.forEach((residue, r) => {
        const key = handles.own(make());
        keys.push(key);
        load(residue, key, blobs[r]!);
      });
      return keys;
    } catch (error) {
      this.#account.release(total);
      for (const key of keys) handles.free(key);
      throw error;
    }
  }
}

/** The public side of node-seal: evaluation keys and ciphertexts, in one worker. */
import type { GaloisKeys, Plaintext, RelinKeys } from 'node-seal';
import { ArtifactError } from '../../../errors.ts';
import {
  SEAL_HEAP_BYTES,
  sealContextBytes,
  sealLevelEncoderBytes,
  sealKeyBytes,
  sealPlaintextBytes,
} from '../../../program/memory-model.ts';
import type { Instruction, ValueInfo } from '../../../program/program.ts';
import type { CkksParameters } from '../../../program/security.ts';
import type { TermFilter } from '../../../program/semantics/evaluate-linear.ts';
import { AlgebraBackend } from '../algebra-backend.ts';
import type { SealCiphertext } from './algebra.ts';
import { SealAlgebra } from './algebra.ts';
import { SealContext } from './context.ts';
import { HeapAccount } from './heap-account.ts';
import { callSeal } from './module.ts';
import { PlaintextCache } from './plaintext-cache.ts';

export interface SealBackendOptions {
  /** Bytes that this instance's heap may use, its own limit at most. */
  readonly heapBytes?: number;
  /** Bytes of it that may hold encoded plaintexts between evaluations. */
  readonly plaintextCacheBytes?: number;
  /** Whether encoders of single levels may be made; on by default. */
  readonly levelEncoders?: boolean;
  /** Called before every primitive operation; may throw to cancel. */
  readonly checkpoint?: () => void;
}

export class SealBackend extends AlgebraBackend<SealCiphertext, Plaintext> {
  override readonly name = 'seal';
  protected override readonly algebra: SealAlgebra;
  readonly #context: SealContext;
  readonly #account: HeapAccount;
  readonly #levelEncoders: boolean;
  readonly #cache: PlaintextCache;
  readonly #galois = new Map<number, GaloisKeys>();
  #relinearization: RelinKeys | null = null;

  static async create(parameters: CkksParameters, options: SealBackendOptions = {}): Promise<SealBackend> {
    const limit = Math.min(options.heapBytes ?? SEAL_HEAP_BYTES, SEAL_HEAP_BYTES);
    const encoders = options.levelEncoders === false ? 0 : sealLevelEncoderBytes(parameters);
    const account = new HeapAccount(limit, sealContextBytes(parameters) + encoders);
    return new SealBackend(await SealContext.create(parameters), account, options);
  }

  private constructor(context: SealContext, account: HeapAccount, options: SealBackendOptions) {
    super();
    this.#context = context;
    this.#account = account;
    this.#levelEncoders = options.levelEncoders ?? true;
    this.#cache = new PlaintextCache(options.plaintextCacheBytes ?? 0);
    const keys = (): { galois: Map<number, GaloisKeys>; relinearization: RelinKeys | null } => ({
      galois: this.#galois,
      relinearization: this.#relinearization,
    });
    const checkpoint = options.checkpoint ?? (() => undefined);
    this.algebra = new SealAlgebra(context, keys, account, this.#cache, checkpoint);
  }

  /** WASM objects now alive; for leak tests. */
  get liveHandles(): number {
    return this.#context.handles.live;
  }

  override loadRotationKey(step: number, bytes: Uint8Array): void {
    const { seal, loader, handles, parameters } = this.#context;
    this.#account.allocate(sealKeyBytes(parameters), `the Galois key for step ${step}`);
    const keys = handles.own(new seal.GaloisKeys());
    try {
      loader.rotationKey(keys, bytes, step);
    } catch (error) {
      this.#account.release(sealKeyBytes(parameters));
      handles.free(keys);
      throw error;
    }
    this.#galois.set(step, keys);
  }

  override loadRelinearizationKey(bytes: Uint8Array): void {
    const { seal, loader, handles, parameters } = this.#context;
    this.#account.allocate(sealKeyBytes(parameters), 'the relinearization key');
    const keys = handles.own(new seal.RelinKeys());
    try {
      loader.relinearizationKey(keys, bytes);
    } catch (error) {
      this.#account.release(sealKeyBytes(parameters));
      handles.free(keys);
      throw error;
    }
    this.#relinearization = keys;
  }

  override load(bytes: Uint8Array, level: number, scale: number): SealCiphertext {
    const { seal, loader, handles } = this.#context;
    this.algebra.reserve(level);
    const handle = handles.own(new seal.Ciphertext());
    try {
      loader.ciphertext(handle, bytes, level, scale);
      if (handle.isTransparent()) {
        throw new ArtifactError('CIPHERTEXT_INVALID', 'the ciphertext is transparent: it is not encrypted');
      }
    } catch (error) {
      this.algebra.cancelReservation(level);
      handles.free(handle);
      throw error;
    }
    return this.algebra.adopt(handle, level, scale);
  }

  override store(ciphertext: SealCiphertext): Uint8Array {
    const { none } = this.#context.seal.ComprModeType;
    return callSeal('saving a ciphertext', () => ciphertext.handle.saveToArray(none) as Uint8Array);
  }

  override prepare(instruction: Instruction, values: readonly ValueInfo[], includes: TermFilter): void {
    if (instruction.kind !== 'linear') return;
    const { level } = instruction;
    const counts = instruction.inputs.map((id) => values[id]!.ciphertexts);
    const bytes = sealPlaintextBytes(this.#context.parameters, level);
    const scaleOfSource = counts.flatMap((count, i) =>
      Array<number>(count).fill(instruction.plainScales[i]!),
    );
    // Numbers are added up as integers and never encoded.
    const selected = instruction.outputs.flatMap((plan, o) =>
      plan.giants.flatMap((giant, g) =>
        giant.terms.filter(({ diagonal }, t) => typeof diagonal !== 'number' && includes(o, g, t)),
      ),
    );
    if (this.#levelEncoders) this.#context.expectEncodings(level, selected.length);
    for (const { baby, diagonal } of selected) {
      if (!this.#cache.hasRoomFor(bytes)) return;
      const scale = scaleOfSource[instruction.babies[baby]!.source]!;
      const plain = this.algebra.encode(diagonal, level, scale);
      if (plain !== null) this.algebra.release(plain);
    }
  }

  override memoryBytes(): number {
    return this.#context.heapBytes();
  }

  override [Symbol.dispose](): void {
    this.#context[Symbol.dispose]();
  }
}

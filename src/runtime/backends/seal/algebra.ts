/** The interpreter that computes on ciphertexts of node-seal. */
import type { Ciphertext, GaloisKeys, Plaintext, RelinKeys } from 'node-seal';
import { BackendError, InternalError } from '../../../errors.ts';
import { sealCiphertextBytes, sealPlaintextBytes } from '../../../program/memory-model.ts';
import type { Coefficient } from '../../../program/program.ts';
import { assertSameScale } from '../../../program/semantics/slot-algebra.ts';
import { accumulatorCount } from '../../../program/semantics/addition-chains.ts';
import type { SlotAlgebra, WeightedTerm } from '../../../program/semantics/slot-algebra.ts';
import { toDense } from '../../../program/slot-vector.ts';
import type { SealContext } from './context.ts';
import type { HeapAccount } from './heap-account.ts';
import { callSeal } from './module.ts';
import type { PlaintextCache } from './plaintext-cache.ts';
import { addUp, integerSum, makeAdder, type Adder } from './weighted-sum.ts';

/** A WASM ciphertext with its planned level and scale; `bytes` is what it was accounted for. */
export interface SealCiphertext {
  handle: Ciphertext;
  level: number;
  scale: number;
  bytes: number;
}

export interface SealKeys {
  readonly galois: ReadonlyMap<number, GaloisKeys>;
  readonly relinearization: RelinKeys | null;
}

export class SealAlgebra implements SlotAlgebra<SealCiphertext, Plaintext> {
  readonly slotCount: number;
  readonly #context: SealContext;
  readonly #keys: () => SealKeys;
  readonly #account: HeapAccount;
  readonly #cache: PlaintextCache;
  readonly #checkpoint: () => void;
  /** Receives products that are added at once. */
  readonly #product: Ciphertext;
  readonly #dense: Float64Array;
  readonly #adder: Adder<Ciphertext>;

  constructor(
    context: SealContext,
    keys: () => SealKeys,
    account: HeapAccount,
    cache: PlaintextCache,
    checkpoint: () => void,
  ) {
    this.#context = context;
    this.#keys = keys;
    this.#account = account;
    this.#cache = cache;
    this.#checkpoint = checkpoint;
    this.slotCount = context.slotCount;
    this.#dense = new Float64Array(context.slotCount);
    this.#adder = makeAdder(context.evaluator, checkpoint);
    account.allocate(this.#bytesAt(context.topLevel), 'scratch space');
    this.#product = context.handles.own(new context.seal.Ciphertext());
  }

  primeAt(level: number): number {
    const prime = this.#context.primes[level];
    if (prime === undefined) throw new InternalError(`there is no level ${level}`);
    return prime;
  }

  levelOf(ciphertext: SealCiphertext): number {
    return ciphertext.level;
  }

  scaleOf(ciphertext: SealCiphertext): number {
    return ciphertext.scale;
  }

  rotate(ciphertext: SealCiphertext, step: number): SealCiphertext {
    const key = this.#galoisKey(step);
    return this.#make(ciphertext.level, ciphertext.scale, 2, 'a rotation', (result) =>
      this.#context.evaluator.rotateVector(ciphertext.handle, step, key, result),
    );
  }

  rotateInPlace(ciphertext: SealCiphertext, step: number): void {
    const key = this.#galoisKey(step);
    this.#run('a rotation', () => this.#context.evaluator.rotateVectorInplace(ciphertext.handle, step, key));
  }

  dropToLevel(ciphertext: SealCiphertext, level: number): SealCiphertext {
    const target = this.#context.parmsIdAt(level);
    return this.#make(level, ciphertext.scale, 2, 'a modulus switch', (result) =>
      this.#context.evaluator.cipherModSwitchTo(ciphertext.handle, target, result),
    );
  }

  multiply(left: SealCiphertext, right: SealCiphertext, scale: number): SealCiphertext {
    assertSameScale(scale, left.scale * right.scale);
    const { evaluator } = this.#context;
    return this.#make(left.level, scale, 3, 'a product', (result) => {
      if (left === right) evaluator.square(left.handle, result);
      else evaluator.multiply(left.handle, right.handle, result);
    });
  }

  multiplyPlain(ciphertext: SealCiphertext, plain: Plaintext, scale: number): SealCiphertext {
    assertSameScale(scale, ciphertext.scale * plain.scale());
    return this.#make(ciphertext.level, scale, 2, 'a plaintext product', (result) =>
      this.#context.evaluator.multiplyPlain(ciphertext.handle, plain, result),
    );
  }

  multiplyPlainAddInPlace(sum: SealCiphertext, ciphertext: SealCiphertext, plain: Plaintext): void {
    assertSameScale(sum.scale, ciphertext.scale * plain.scale());
    this.#run('a plaintext product', () => {
      this.#context.evaluator.multiplyPlain(ciphertext.handle, plain, this.#product);
      this.#product.setScale(sum.scale);
      this.#context.evaluator.addInplace(sum.handle, this.#product);
    });
  }

  /** Terms may have different scales, as long as all products come to the same one: planned scales decide. */
  weightedSum(terms: readonly WeightedTerm<SealCiphertext>[], scale: number): SealCiphertext | null {
    for (const { ciphertext, plainScale } of terms) assertSameScale(scale, ciphertext.scale * plainScale);
    const sum = integerSum(
      terms.map((term) => ({ ...term, ciphertext: term.ciphertext.handle })),
      this.slotCount,
    );
    if (sum === null) return null;
    const { level } = terms[0]!.ciphertext;
    return this.#make(level, scale, 2, 'a weighted sum', (result) =>
      this.#withScratch(level, accumulatorCount(sum.width) - 1, (scratch) =>
        addUp(sum, [result, ...scratch], this.#adder),
      ),
    );
  }

  addInPlace(sum: SealCiphertext, addend: SealCiphertext): void {
    this.#run('an addition', () => this.#context.evaluator.addInplace(sum.handle, addend.handle));
  }

  addPlainInPlace(sum: SealCiphertext, plain: Plaintext): void {
    this.#run('an addition', () => this.#context.evaluator.addPlainInplace(sum.handle, plain));
  }

  relinearizeInPlace(ciphertext: SealCiphertext): void {
    if (ciphertext.handle.size() === 2) return;
    const { relinearization } = this.#keys();
    if (relinearization === null) throw missingKey('a relinearization key');
    this.#run('a relinearization', () =>
      this.#context.evaluator.relinearizeInplace(ciphertext.handle, relinearization),
    );
  }

  rescaleInPlace(ciphertext: SealCiphertext, scale: number): void {
    assertSameScale(scale, ciphertext.scale / this.primeAt(ciphertext.level));
    // In place, SEAL would keep the memory of the higher level, and after a product that of a third polynomial.
    const lower = this.#make(ciphertext.level - 1, scale, 2, 'a rescale', (result) =>
      this.#context.evaluator.rescaleToNext(ciphertext.handle, result),
    );
    this.free(ciphertext);
    Object.assign(ciphertext, lower);
  }

  free(ciphertext: SealCiphertext): void {
    this.#account.release(ciphertext.bytes);
    this.#context.handles.free(ciphertext.handle);
  }

  encode(value: Coefficient, level: number, scale: number): Plaintext | null {
    const kept = this.#cache.get(value, level, scale);
    if (kept !== undefined) return kept;
    this.#checkpoint();
    const bytes = this.#plainBytesAt(level);
    this.#account.allocate(bytes, 'a plaintext');
    const plain = this.#context.handles.own(new this.#context.seal.Plaintext());
    const slots = typeof value === 'number' ? this.#dense.fill(value) : toDense(value, this.#dense);
    this.#context.encode(slots, level, scale, plain);
    if (plain.isZero()) {
      this.#freePlain(plain, bytes);
      this.#cache.offer(value, level, scale, null, 0);
      return null;
    }
    this.#cache.offer(value, level, scale, plain, bytes);
    return plain;
  }

  release(plain: Plaintext): void {
    if (!this.#cache.holds(plain)) this.#freePlain(plain, plain.coeffCount() * 8);
  }

  /** Takes over a ciphertext that was loaded, at its planned scale. */
  adopt(handle: Ciphertext, level: number, scale: number): SealCiphertext {
    handle.setScale(scale);
    return { handle, level, scale, bytes: this.#bytesAt(level) };
  }

  /** Accounts for a ciphertext about to be loaded. */
  reserve(level: number): void {
    this.#account.allocate(this.#bytesAt(level), 'a ciphertext');
  }

  cancelReservation(level: number): void {
    this.#account.release(this.#bytesAt(level));
  }

  #make(
    level: number,
    scale: number,
    polynomials: 2 | 3,
    what: string,
    compute: (result: Ciphertext) => void,
  ): SealCiphertext {
    const bytes = (this.#bytesAt(level) * polynomials) / 2;
    this.#account.allocate(bytes, what);
    const handle = this.#context.handles.own(new this.#context.seal.Ciphertext());
    try {
      this.#run(what, () => compute(handle));
      handle.setScale(scale);
      return { handle, level, scale, bytes };
    } catch (error) {
      this.#account.release(bytes);
      this.#context.handles.free(handle);
      throw error;
    }
  }

  /** Lends ciphertexts of undefined content at a level. */
  #withScratch(level: number, count: number, use: (scratch: readonly Ciphertext[]) => void): void {
    const { seal, handles } = this.#context;
    const bytes = this.#bytesAt(level);
    const scratch: Ciphertext[] = [];
    try {
      while (scratch.length < count) {
        this.#account.allocate(bytes, 'an accumulator');
        scratch.push(handles.own(new seal.Ciphertext()));
      }
      use(scratch);
    } finally {
      for (const handle of scratch) {
        this.#account.release(bytes);
        handles.free(handle);
      }
    }
  }

  #run(what: string, operation: () => void): void {
    this.#checkpoint();
    callSeal(what, operation);
  }

  #freePlain(plain: Plaintext, bytes: number): void {
    this.#account.release(bytes);
    this.#context.handles.free(plain);
  }

  #galoisKey(step: number): GaloisKeys {
    const key = this.#keys().galois.get(step);
    if (key === undefined) throw missingKey(`a Galois key for rotation step ${step}`);
    return key;
  }

  #bytesAt(level: number): number {
    return sealCiphertextBytes(this.#context.parameters, level);
  }

  #plainBytesAt(level: number): number {
    return sealPlaintextBytes(this.#context.parameters, level);
  }
}

function missingKey(what: string): BackendError {
  return new BackendError('KEY_MISSING', `the evaluation keys lack ${what}`, {
    hint: 'generate the keys from the signature of this artifact',
  });
}

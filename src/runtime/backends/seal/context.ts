/** A SEAL context with everything that belongs to it. Making one takes seconds: one per worker, reused. */
import type {
  CKKSEncoder,
  Evaluator,
  MainModule,
  ParmsIdType,
  Plaintext,
  SEALContext as NativeContext,
} from 'node-seal';
import { BackendError } from '../../../errors.ts';
import type { CkksParameters } from '../../../program/security.ts';
import { checkParameters, requireEncryption } from '../../../program/security.ts';
import { CheckedLoader } from './checked-loader.ts';
import { HandleOwner } from './handle-owner.ts';
import type { SealModule } from './module.ts';
import { callSeal, loadSeal } from './module.ts';
import { sealRefusal } from './refusal.ts';

/** Making the tables of one prime takes as long as this many encodings of one limb (measured: 25 ms to 0.3 ms). */
const LIMB_ENCODINGS_PER_TABLE = 80;

export class SealContext implements Disposable {
  readonly parameters: CkksParameters;
  readonly seal: MainModule;
  readonly handles = new HandleOwner();
  readonly native: NativeContext;
  readonly evaluator: Evaluator;
  readonly loader: CheckedLoader;
  /** q_0 … q_L as float64. */
  readonly primes: readonly number[];
  readonly slotCount: number;
  readonly #module: SealModule;
  readonly #parmsIds: ParmsIdType[] = [];
  /** Encoders whose plaintexts come out at the level given, the top one always there. */
  readonly #encoders = new Map<number, CKKSEncoder>();

  /** Encodings announced so far, by level. */
  readonly #expected = new Map<number, number>();

  /** @throws ArtifactError if the parameters are not secure, BackendError if SEAL cannot use them */
  static async create(parameters: CkksParameters): Promise<SealContext> {
    // Parameters may have come from another thread or file, where the type proves nothing.
    const checked = checkParameters(parameters);
    requireEncryption(checked);
    const refusal = sealRefusal(checked);
    if (refusal !== null) {
      throw new BackendError('PARAMETERS_UNSUPPORTED', refusal, { hint: 'use --backend native' });
    }
    return new SealContext(await loadSeal(), checked);
  }

  private constructor(module: SealModule, parameters: CkksParameters) {
    this.#module = module;
    this.seal = module.seal;
    this.parameters = parameters;
    this.primes = parameters.dataPrimes.map(Number);
    this.slotCount = parameters.polyModulusDegree / 2;
    this.native = this.#makeContext([...parameters.dataPrimes, ...parameters.specialPrimes], true);
    this.loader = new CheckedLoader(this.native, parameters);
    this.evaluator = this.handles.own(new this.seal.Evaluator(this.native));
    this.#encoders.set(this.topLevel, this.handles.own(new this.seal.CKKSEncoder(this.native)));
    for (let level = this.topLevel, data = this.native.firstContextData(); ; level--) {
      this.#parmsIds[level] = this.handles.own(data.parmsId());
      const next = level === 0 ? null : data.nextContextData();
      data.delete();
      if (next === null) break;
      data = next;
    }
  }

  get topLevel(): number {
    return this.primes.length - 1;
  }

  parmsIdAt(level: number): ParmsIdType {
    return this.#parmsIds[level]!;
  }

  heapBytes(): number {
    return this.#module.heapBytes();
  }

  /**
   * Announces encodings at `level`; once enough are to come, they are made fast. SEAL encodes at its context's top level, so a
   * context that ends at `level` saves the work for the higher primes; its plaintexts are interchangeable, because
   * SEAL identifies a level by a hash of its primes.
   */
  expectEncodings(level: number, count: number): void {
    const expected = (this.#expected.get(level) ?? 0) + count;
    this.#expected.set(level, expected);
    const limbsSaved = expected * (this.#nearestEncoder(level) - level);
    const tables = 2 * level + 3;
    if (limbsSaved <= LIMB_ENCODINGS_PER_TABLE * tables) return;
    const context = this.#makeContext(this.parameters.dataPrimes.slice(0, level + 2), false);
    this.#encoders.set(level, this.handles.own(new this.seal.CKKSEncoder(context)));
  }

  /** Encodes slots (length N/2) at exactly this level and scale into `plain`. */
  encode(slots: Float64Array, level: number, scale: number, plain: Plaintext): void {
    callSeal('encoding', () => {
      const own = this.#encoders.get(level);
      if (own !== undefined) return own.encode(slots, scale, plain);
      this.#encoders.get(this.#nearestEncoder(level))!.encode(slots, scale, plain);
      this.evaluator.plainModSwitchToInplace(plain, this.parmsIdAt(level));
    });
  }

  decode(plain: Plaintext): Float64Array {
    return callSeal(
      'decoding',
      () => this.#encoders.get(this.topLevel)!.decodeFloat64(plain) as Float64Array,
    );
  }

  [Symbol.dispose](): void {
    this.handles[Symbol.dispose]();
  }

  #nearestEncoder(level: number): number {
    return Math.min(...[...this.#encoders.keys()].filter((at) => at >= level));
  }

  #makeContext(primes: readonly bigint[], chain: boolean): NativeContext {
    const { seal, handles } = this;
    return callSeal('making the encryption context', () => {
      const moduli = handles.own(new seal.VectorModulus());
      for (const prime of primes) {
        const modulus = handles.own(new seal.Modulus(prime));
        moduli.push_back(modulus);
        handles.free(modulus);
      }
      const literal = handles.own(new seal.EncryptionParameters(seal.SchemeType.ckks));
      literal.setPolyModulusDegree(this.parameters.polyModulusDegree);
      literal.setCoeffModulus(moduli);
      // Security has been checked by checkParameters, against a stricter table than SEAL's.
      const context = handles.own(new seal.SEALContext(literal, chain, seal.SecLevelType.none));
      handles.free(literal);
      handles.free(moduli);
      if (!context.parametersSet()) {
        throw new BackendError('PARAMETERS_UNSUPPORTED', 'node-seal rejects these parameters');
      }
      return context;
    });
  }
}

/** SEAL contexts for BFV: one for each plain modulus, over the same ring and chain, in one WASM heap. */
import type {
  BatchEncoder,
  Evaluator,
  MainModule,
  ParmsIdType,
  Plaintext,
  SEALContext as NativeContext,
} from 'node-seal';
import { BackendError, InternalError } from '../../../errors.ts';
import { plainModulus } from '../../../program/parameters.ts';
import type { CkksParameters } from '../../../program/security.ts';
import { checkParameters, requireEncryption } from '../../../program/security.ts';
import { centred } from '../../../program/semantics/integer-algebra.ts';
import { CheckedLoader } from '../seal/checked-loader.ts';
import { HandleOwner } from '../seal/handle-owner.ts';
import type { SealModule } from '../seal/module.ts';
import { callSeal, loadSeal } from '../seal/module.ts';
import { sealRefusal } from '../seal/refusal.ts';

/** What belongs to one plain modulus. */
export interface Residue {
  readonly modulus: bigint;
  readonly native: NativeContext;
  readonly evaluator: Evaluator;
  readonly encoder: BatchEncoder;
  readonly loader: CheckedLoader;
  /** By level. */
  readonly parmsIds: readonly ParmsIdType[];
}

export class BfvContext implements Disposable {
  readonly parameters: CkksParameters;
  readonly seal: MainModule;
  readonly handles = new HandleOwner();
  readonly residues: readonly Residue[];
  /** One row of the batching matrix; the other one is not used. */
  readonly slotCount: number;
  readonly topLevel: number;
  readonly #module: SealModule;

  /** @throws ArtifactError if the parameters are not secure, BackendError if SEAL cannot use them */
  static async create(parameters: CkksParameters): Promise<BfvContext> {
    // Parameters may have come from another thread or file, where the type proves nothing.
    const checked = checkParameters(parameters);
    requireEncryption(checked);
    if (checked.scheme !== 'bfv') throw new InternalError(`${checked.scheme} parameters for BFV`);
    const refusal = sealRefusal(checked);
    if (refusal !== null) throw new BackendError('PARAMETERS_UNSUPPORTED', refusal);
    const module = await loadSeal();
    return new BfvContext(module, checked);
  }

  private constructor(module: SealModule, parameters: CkksParameters) {
    this.#module = module;
    this.seal = module.seal;
    this.parameters = parameters;
    this.slotCount = parameters.polyModulusDegree / 2;
    this.topLevel = parameters.dataPrimes.length - 1;
    this.residues = (parameters.plainModuli ?? []).map((modulus) => this.#makeResidue(modulus));
  }

  heapBytes(): number {
    return this.#module.heapBytes();
  }

  /** One row of exact integers modulo one plain modulus, into `plain`; numbers above 2^53 are the integers they are. */
  encode({ modulus, encoder }: Residue, slots: Float64Array, plain: Plaintext): void {
    const row = BigInt64Array.from(slots, (value) => {
      if (!Number.isInteger(value)) throw new InternalError(`${value} is not an integer`);
      return centred(BigInt(value), modulus);
    });
    callSeal('encoding', () => encoder.encode(row, plain));
  }

  /** Every slot of both rows: a constant polynomial, which multiplies noise by the number alone. */
  encodeConstant({ modulus, encoder }: Residue, value: number, plain: Plaintext): void {
    const all = new BigInt64Array(2 * this.slotCount).fill(centred(BigInt(value), modulus));
    callSeal('encoding', () => encoder.encode(all, plain));
  }

  /**
   * Integers in −M/2 … M/2 for M the product of the plain moduli, from one plaintext for each of them.
   * @param count the first so many; more than `slotCount` where the other row is used as well
   */
  decode(plains: readonly Plaintext[], count = this.slotCount): bigint[] {
    const total = plainModulus(this.parameters);
    const values = Array<bigint>(count).fill(0n);
    this.residues.forEach(({ modulus, encoder }, r) => {
      const row = callSeal('decoding', () => encoder.decodeBigInt64(plains[r]!) as BigInt64Array);
      const others = total / modulus;
      const factor = others * inverse(others % modulus, modulus);
      for (let i = 0; i < values.length; i++) values[i] = values[i]! + row[i]! * factor;
    });
    return values.map((value) => centred(value, total));
  }

  [Symbol.dispose](): void {
    this.handles[Symbol.dispose]();
  }

  #makeResidue(modulus: bigint): Residue {
    const { seal, handles, parameters } = this;
    return callSeal('making the encryption context', () => {
      const moduli = handles.own(new seal.VectorModulus());
      for (const prime of [...parameters.dataPrimes, ...parameters.specialPrimes]) {
        const own = handles.own(new seal.Modulus(prime));
        moduli.push_back(own);
        handles.free(own);
      }
      const plain = handles.own(new seal.Modulus(modulus));
      const literal = handles.own(new seal.EncryptionParameters(seal.SchemeType.bfv));
      literal.setPolyModulusDegree(parameters.polyModulusDegree);
      literal.setCoeffModulus(moduli);
      literal.setPlainModulus(plain);
      // Security has been checked by checkParameters, against a stricter table than SEAL's.
      const native = handles.own(new seal.SEALContext(literal, true, seal.SecLevelType.none));
      for (const handle of [literal, moduli, plain]) handles.free(handle);
      if (!native.parametersSet()) {
        throw new BackendError('PARAMETERS_UNSUPPORTED', 'node-seal rejects these parameters');
      }
      const parmsIds: ParmsIdType[] = [];
      for (let level = this.topLevel, data = native.firstContextData(); ; level--) {
        parmsIds[level] = handles.own(data.parmsId());
        const next = level === 0 ? null : data.nextContextData();
        data.delete();
        if (next === null) break;
        data = next;
      }
      const evaluator = handles.own(new seal.Evaluator(native));
      const encoder = handles.own(new seal.BatchEncoder(native));
      const loader = new CheckedLoader(native, parameters);
      return { modulus, native, evaluator, encoder, loader, parmsIds };
    });
  }
}

/** By Fermat, of a number modulo a prime. */
function inverse(value: bigint, prime: bigint): bigint {
  let result = 1n;
  let power = value;
  for (let e = prime - 2n; e > 0n; e >>= 1n) {
    if (e & 1n) result = (result * power) % prime;
    power = (power * power) % prime;
  }
  return result;
}

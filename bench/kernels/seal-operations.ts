/** node-seal's operations at one height of one chain, ready to be timed. */
import type { Ciphertext, GaloisKeys, Plaintext, RelinKeys } from 'node-seal';
import { seededRandom } from '../../src/program/testing/random-instructions.ts';
import type { CkksParameters } from '../../src/program/security.ts';
import { testParameters } from '../../src/program/testing/test-parameters.ts';
import { SealContext } from '../../src/runtime/backends/seal/context.ts';

/** SEAL-shaped chains whose scale is 2^40. */
export function chainOf(degree: number, dataPrimes: number): CkksParameters {
  return testParameters(degree, [60, ...new Array<number>(dataPrimes - 1).fill(40)], 60, 40);
}

export class SealOperations implements Disposable {
  readonly #context: SealContext;
  readonly #galois: GaloisKeys;
  readonly #relinearization: RelinKeys;
  readonly #slots: Float64Array;
  readonly #input: Ciphertext;

  static async create(parameters: CkksParameters): Promise<SealOperations> {
    return new SealOperations(await SealContext.create(parameters));
  }

  private constructor(context: SealContext) {
    this.#context = context;
    const { seal, native, handles } = context;
    const generator = handles.own(new seal.KeyGenerator(native));
    const publicKey = handles.own(generator.createPublicKey());
    this.#relinearization = handles.own(generator.createRelinKeys());
    this.#galois = handles.own(generator.createGaloisKeysWithSteps(Int32Array.of(1)));
    const random = seededRandom(1);
    this.#slots = Float64Array.from({ length: context.slotCount }, () => 2 * random() - 1);
    const plain = this.#encode(context.topLevel);
    this.#input = handles.own(new seal.Ciphertext());
    const encryptor = handles.own(new seal.Encryptor(native, publicKey));
    encryptor.encrypt(plain, this.#input);
    handles.free(plain);
  }

  /** Operations by the names of native/bench/engine.cpp, on ciphertexts of so many data primes. */
  at(dataPrimes: number): ReadonlyMap<string, () => void> {
    const { seal, evaluator, handles } = this.#context;
    const level = dataPrimes - 1;
    const x = handles.own(new seal.Ciphertext());
    evaluator.cipherModSwitchTo(this.#input, this.#context.parmsIdAt(level), x);
    // Products of two objects: a square would be cheaper.
    const y = handles.own(new seal.Ciphertext());
    evaluator.cipherModSwitchTo(this.#input, this.#context.parmsIdAt(level), y);
    const [result, product] = [handles.own(new seal.Ciphertext()), handles.own(new seal.Ciphertext())];
    const plain = this.#encode(level);
    evaluator.multiplyPlain(x, plain, product);
    const operations: [string, () => void][] = [
      ['rotate', () => evaluator.rotateVector(x, 1, this.#galois, result)],
      [
        'multiply, relinearize',
        () => {
          evaluator.multiply(x, y, result);
          evaluator.relinearizeInplace(result, this.#relinearization);
        },
      ],
      ['multiply plain', () => evaluator.multiplyPlain(x, plain, result)],
      ['rescale', () => evaluator.rescaleToNext(product, result)],
    ];
    // SEAL encodes at the top of the chain.
    if (level === this.#context.topLevel)
      operations.push(['encode', () => handles.free(this.#encode(level))]);
    return new Map(operations);
  }

  [Symbol.dispose](): void {
    this.#context[Symbol.dispose]();
  }

  #encode(level: number): Plaintext {
    const plain = this.#context.handles.own(new this.#context.seal.Plaintext());
    this.#context.encode(this.#slots, level, 2 ** 40, plain);
    return plain;
  }
}

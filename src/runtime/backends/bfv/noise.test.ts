/** The noise of single operations on node-seal's BFV against the forecast of the compiler. */
import type { GaloisKeys } from 'node-seal';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NoisyCiphertext } from '../../../compiler/integer/noise-budget.ts';
import { NoiseAlgebra } from '../../../compiler/integer/noise-budget.ts';
import { integerParameters } from '../../../compiler/integer/integer-chain.ts';
import type { SlotAlgebra } from '../../../program/semantics/slot-algebra.ts';
import type { SlotVector } from '../../../program/slot-vector.ts';
import { seededRandom } from '../../../program/testing/random-instructions.ts';
import { HeapAccount } from '../seal/heap-account.ts';
import { BfvAlgebra } from './algebra.ts';
import type { BfvCiphertext } from './ciphertexts.ts';
import { BfvContext } from './context.ts';
import { joinParts, splitParts } from './parts.ts';
import { type BfvPlaintext, BfvPlaintextCache } from './plaintext-cache.ts';
import { BfvPublicSide } from './public-side.ts';
import { BfvSecretSide } from './secret-side.ts';
import { measureNoiseBudget } from '../testing/measure-noise.ts';

const PARAMETERS = integerParameters({ polyModulusDegree: 8192, depth: 3, security: 128 }, 20, 1)!;
const SLOTS = 4096;
const TOP = 3;

/** A computation on one ciphertext, written once for noise and for ciphertexts. */
type Chain = <C, P>(algebra: SlotAlgebra<C, P>, x: C, vectors: readonly SlotVector[]) => C;

const CHAINS: Record<string, Chain> = {
  'fresh encryption': (_algebra, x) => x,
  'a rotation': (algebra, x) => algebra.rotate(x, 1),
  'a plaintext product': (algebra, x, [vector]) => {
    return algebra.multiplyPlain(x, algebra.encode(vector!, TOP, 1)!, 1);
  },
  'a sum of plaintext products': (algebra, x, vectors) => {
    const sum = algebra.multiplyPlain(x, algebra.encode(vectors[0]!, TOP, 1)!, 1);
    for (const vector of vectors.slice(1)) {
      x = algebra.rotate(x, 1);
      algebra.multiplyPlainAddInPlace(sum, x, algebra.encode(vector, TOP, 1)!);
    }
    return sum;
  },
  'rotate-and-add over a whole row': (algebra, x, [vector]) => {
    const sum = algebra.multiplyPlain(x, algebra.encode(vector!, TOP, 1)!, 1);
    for (const step of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]) {
      const rotated = algebra.rotate(sum, step);
      algebra.addInPlace(sum, rotated);
    }
    return sum;
  },
  'a square': (algebra, x) => {
    const square = algebra.multiply(x, x, 1);
    algebra.relinearizeInPlace(square);
    return square;
  },
  'a product of two': (algebra, x) => {
    const product = algebra.multiply(x, algebra.rotate(x, 1), 1);
    algebra.relinearizeInPlace(product);
    return product;
  },
  'a rescaled square': (algebra, x) => {
    const square = algebra.multiply(x, x, 1);
    algebra.relinearizeInPlace(square);
    algebra.rescaleInPlace(square, 1);
    return square;
  },
  'two squares and a plaintext product': (algebra, x, [vector]) => {
    for (let round = 0; round < 2; round++) {
      x = algebra.multiply(x, x, 1);
      algebra.relinearizeInPlace(x);
      algebra.rescaleInPlace(x, 1);
    }
    return algebra.multiplyPlain(x, algebra.encode(vector!, TOP - 2, 1)!, 1);
  },
};

describe('noise of BFV', () => {
  let context: BfvContext;
  let secret: BfvSecretSide;
  let publicSide: BfvPublicSide;
  let algebra: BfvAlgebra;
  const random = seededRandom(3);
  const integers = (): Float64Array =>
    Float64Array.from({ length: SLOTS }, () => Math.round((random() - 0.5) * 1000));

  beforeAll(async () => {
    context = await BfvContext.create(PARAMETERS);
    secret = await BfvSecretSide.create(PARAMETERS, null);
    publicSide = await BfvPublicSide.create(PARAMETERS, secret.makePublicKey());
    const { seal, handles, residues } = context;
    const galois = new Map<number, GaloisKeys[]>();
    const relinearization = handles.own(new seal.RelinKeys());
    const { loader } = residues[0]!;
    for (let step = 1; step < SLOTS; step *= 2) {
      const key = handles.own(new seal.GaloisKeys());
      loader.rotationKey(key, splitParts(secret.makeRotationKey(step, TOP), 1, 'KEY_INVALID')[0]!, step);
      galois.set(step, [key]);
    }
    const [saved] = splitParts(secret.makeRelinearizationKey(TOP), 1, 'KEY_INVALID');
    loader.relinearizationKey(relinearization, saved!);
    algebra = new BfvAlgebra(
      context,
      () => ({ galois, relinearization: [relinearization] }),
      new HeapAccount(2 ** 30, 0),
      new BfvPlaintextCache(0),
      () => undefined,
    );
  }, 60_000);
  afterAll(() => {
    for (const side of [context, secret, publicSide]) side[Symbol.dispose]();
  });

  const encrypt = (): BfvCiphertext => {
    const { seal, handles, residues } = context;
    const handle = handles.own(new seal.Ciphertext());
    const [part] = splitParts(publicSide.encrypt(integers(), TOP, 1), 1, 'CIPHERTEXT_INVALID');
    residues[0]!.loader.ciphertext(handle, part!, TOP, 1);
    algebra.ciphertexts.reserve(TOP);
    return algebra.ciphertexts.adopt([handle], TOP);
  };

  it.each(Object.entries(CHAINS))(
    '%s leaves as much budget as forecast, or little more',
    async (_name, chain) => {
      const vectors = Array.from({ length: 8 }, (): SlotVector => ({ indices: null, values: integers() }));
      const forecaster = new NoiseAlgebra(PARAMETERS);
      const forecast = forecaster.budget(
        chain<NoisyCiphertext, Parameters<NoiseAlgebra['multiplyPlain']>[1]>(
          forecaster,
          forecaster.fresh(TOP),
          vectors,
        ),
      );
      const result = chain<BfvCiphertext, BfvPlaintext>(algebra, encrypt(), vectors);
      const saved = joinParts(
        algebra.ciphertexts
          .coefficientsOf(result)
          .map((part) => part.saveToArray(context.seal.ComprModeType.none) as Uint8Array),
      );
      const ciphertext = { bytes: saved, level: result.level };
      const measured = await measureNoiseBudget(PARAMETERS, secret.saveSecretKey(), ciphertext);
      // SEAL rounds down to whole bits.
      expect(measured + 1).toBeGreaterThan(forecast);
      // Keys' errors differ from one set of keys to the next, and rotations add up those of twelve.
      expect(measured).toBeLessThan(forecast + 5);
    },
  );
});

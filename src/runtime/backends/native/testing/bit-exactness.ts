/** The native engine against node-seal, byte by byte: an independent judge of every primitive operation. */
import type { Ciphertext, GaloisKeys, Plaintext, RelinKeys } from 'node-seal';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CkksParameters } from '../../../../program/security.ts';
import { seededRandom } from '../../../../program/testing/random-instructions.ts';
import { SealContext } from '../../seal/context.ts';
import { HandleOwner } from '../../seal/handle-owner.ts';
import { SealSecretSide } from '../../seal/secret-side.ts';
import type { NativeEngine, TapeOperation } from '../engine-addon.ts';
import { loadEngineAddon, TAPE_OPERATIONS } from '../engine-addon.ts';
import { forcedPath } from '../load-addon.ts';

/** Step 0 is SEAL's name of the complex conjugation. */
const CONJUGATION = 0;
const STEPS = [1, 3, CONJUGATION];
/** Products must fit the smallest modulus: SEAL looks at scales, though the arithmetic does not depend on them. */
const SCALE = 2 ** 14;
/** Small enough for both encoders' rounding errors to be far below one half, whatever the order of their additions. */
const PLAIN_SCALE = 2 ** 18;

interface PlainOperand {
  readonly slots: Float64Array;
  readonly level: number;
  readonly scale: number;
}

interface Operands {
  readonly right?: number;
  readonly argument?: number;
  readonly plain?: PlainOperand;
}

/** Both libraries with the same keys; SEAL's objects live until the end. */
class Pair implements Disposable {
  readonly context: SealContext;
  readonly secret: SealSecretSide;
  readonly engine: NativeEngine;
  readonly galois = new Map<number, GaloisKeys>();
  readonly relinearization: RelinKeys;
  /** What one test makes. */
  readonly scratch = new HandleOwner();

  static async create(parameters: CkksParameters, threads: number): Promise<Pair> {
    return new Pair(
      await SealContext.create(parameters),
      await SealSecretSide.create(parameters, null),
      parameters,
      threads,
    );
  }

  private constructor(
    context: SealContext,
    secret: SealSecretSide,
    parameters: CkksParameters,
    threads: number,
  ) {
    const { Engine } = loadEngineAddon();
    this.context = context;
    this.secret = secret;
    this.engine = new Engine(
      parameters.polyModulusDegree,
      BigUint64Array.from(parameters.dataPrimes),
      BigUint64Array.from(parameters.specialPrimes),
      parameters.dnum,
      forcedPath(),
      2 ** 32,
      0,
      0,
      threads,
      null,
      null,
    );
    const { seal, native, handles } = context;
    const { none } = seal.ComprModeType;
    for (const [i, step] of STEPS.entries()) {
      const seeded = secret.makeGaloisKey(step);
      const keys = handles.own(new seal.GaloisKeys());
      keys.loadFromArray(native, seeded);
      this.galois.set(step, keys);
      // Seeded keys and whole ones in turn: both must mean the same.
      this.engine.loadRotationKey(step, i % 2 === 0 ? seeded : (keys.saveToArray(none) as Uint8Array));
    }
    const seeded = secret.makeRelinearizationKey();
    this.relinearization = handles.own(new seal.RelinKeys());
    this.relinearization.loadFromArray(native, seeded);
    this.engine.loadRelinearizationKey(this.relinearization.saveToArray(none) as Uint8Array);
  }

  /** A random ciphertext in both; seeded on its way in. */
  encrypt(seed: number, level: number): { readonly seal: Ciphertext; readonly native: number } {
    const bytes = this.secret.encrypt(randomSlots(seed, this.context.slotCount), level, SCALE);
    const { seal, native } = this.context;
    const ciphertext = this.scratch.own(new seal.Ciphertext());
    ciphertext.loadFromArray(native, bytes);
    return { seal: ciphertext, native: this.engine.load(bytes) };
  }

  plaintext({ slots, level, scale }: PlainOperand): Plaintext {
    const plain = this.scratch.own(new this.context.seal.Plaintext());
    this.context.encode(slots, level, scale, plain);
    return plain;
  }

  /** SEAL's result of an operation. */
  seal(operation: (result: Ciphertext) => void): Ciphertext {
    const result = this.scratch.own(new this.context.seal.Ciphertext());
    operation(result);
    return result;
  }

  native(operation: TapeOperation, left: number, scale: number, operands: Operands = {}): number {
    const { right = 0, argument = 0, plain } = operands;
    return this.engine.apply(
      TAPE_OPERATIONS.indexOf(operation),
      left,
      right,
      argument,
      scale,
      plain?.slots ?? null,
      null,
      plain?.level ?? 0,
      plain?.scale ?? 0,
    );
  }

  /** Runs one operation on the engine and holds it against SEAL's result. */
  same(expected: Ciphertext, operation: TapeOperation, left: number, operands: Operands = {}): number {
    const result = this.native(operation, left, expected.scale(), operands);
    expectSameBytes(this.engine.store(result), this.save(expected), operation);
    return result;
  }

  save(ciphertext: Ciphertext): Uint8Array {
    return ciphertext.saveToArray(this.context.seal.ComprModeType.none) as Uint8Array;
  }

  [Symbol.dispose](): void {
    this.scratch[Symbol.dispose]();
    this.engine.dispose();
    this.secret[Symbol.dispose]();
    this.context[Symbol.dispose]();
  }
}

function randomSlots(seed: number, count: number): Float64Array {
  const random = seededRandom(seed);
  return Float64Array.from({ length: count }, () => 2 * random() - 1);
}

function expectSameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (Buffer.compare(actual, expected) === 0) return;
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  expect.fail(
    `${what}: ${actual.length} bytes against ${expected.length}, the first difference at byte ${at}`,
  );
}

export interface BitExactnessCase {
  readonly name: string;
  readonly parameters: CkksParameters;
  readonly threads: number;
  /** Rounds of random inputs at each level. */
  readonly rounds: number;
}

export function describeBitExactness({ name, parameters, threads, rounds }: BitExactnessCase): void {
  const top = parameters.dataPrimes.length - 1;
  const levels = Array.from({ length: top + 1 }, (_, i) => top - i);
  describe(`${name}: the native engine gives node-seal's bytes`, () => {
    let pair: Pair;
    beforeAll(async () => {
      pair = await Pair.create(parameters, threads);
    }, 600_000);
    afterAll(() => pair?.[Symbol.dispose]());

    it.each(levels)('at level %d', (level) => {
      const { evaluator } = pair.context;
      for (let round = 0; round < rounds; round++) {
        const seed = 100 * level + 10 * round;
        const x = pair.encrypt(seed, level);
        const y = pair.encrypt(seed + 1, level);
        expectSameBytes(pair.engine.store(x.native), pair.save(x.seal), 'a seeded ciphertext');
        const made: number[] = [x.native, y.native];
        const same = (
          expected: Ciphertext,
          operation: TapeOperation,
          left: number,
          operands: Operands = {},
        ) => {
          const result = pair.same(expected, operation, left, operands);
          made.push(result);
          return result;
        };
        const right = y.native;
        same(
          pair.seal((result) => evaluator.add(x.seal, y.seal, result)),
          'add',
          x.native,
          { right },
        );

        const plain = { slots: randomSlots(seed + 2, pair.context.slotCount), level, scale: PLAIN_SCALE };
        const constant = { slots: Float64Array.of(0.375), level, scale: PLAIN_SCALE };
        const sealPlain = pair.plaintext(plain);
        const sealConstant = pair.plaintext({
          ...constant,
          slots: new Float64Array(plain.slots.length).fill(0.375),
        });
        const product = pair.seal((result) => evaluator.multiplyPlain(x.seal, sealPlain, result));
        const nativeProduct = same(product, 'multiplyPlain', x.native, { plain });
        const byConstant = pair.seal((result) => evaluator.multiplyPlain(x.seal, sealConstant, result));
        same(byConstant, 'multiplyPlain', x.native, { plain: constant });
        const other = pair.seal((result) => evaluator.multiplyPlain(y.seal, sealPlain, result));
        const sum = pair.seal((result) => evaluator.add(product, other, result));
        same(sum, 'multiplyPlainAdd', nativeProduct, { right, plain });
        const wide = { ...plain, scale: product.scale() };
        const small = { slots: plain.slots.map((value) => value / SCALE), level, scale: wide.scale };
        const plus = pair.seal((result) => evaluator.addPlain(product, pair.plaintext(small), result));
        same(plus, 'addPlain', nativeProduct, { plain: small });

        const multiplied = pair.seal((result) => evaluator.multiply(x.seal, y.seal, result));
        const nativeMultiplied = same(multiplied, 'multiply', x.native, { right });
        const square = pair.seal((result) => evaluator.square(x.seal, result));
        same(square, 'multiply', x.native, { right: x.native });
        const relinearized = pair.seal((result) =>
          evaluator.relinearize(multiplied, pair.relinearization, result),
        );
        const nativeRelinearized = same(relinearized, 'relinearize', nativeMultiplied);
        for (const step of STEPS) {
          const keys = pair.galois.get(step)!;
          const rotated = pair.seal((result) =>
            step === CONJUGATION
              ? evaluator.complexConjugate(x.seal, keys, result)
              : evaluator.rotateVector(x.seal, step, keys, result),
          );
          same(rotated, 'rotate', x.native, { argument: step });
        }
        if (level > 0) {
          const rescaled = pair.seal((result) => evaluator.rescaleToNext(relinearized, result));
          same(rescaled, 'rescale', nativeRelinearized);
          for (const target of new Set([level - 1, 0])) {
            const id = pair.context.parmsIdAt(target);
            const dropped = pair.seal((result) => evaluator.cipherModSwitchTo(x.seal, id, result));
            same(dropped, 'dropToLevel', x.native, { argument: target });
          }
        }
        for (const handle of made) pair.engine.free(handle);
        pair.scratch[Symbol.dispose]();
      }
      expect(pair.engine.status()[0]).toBe(0);
    });
  });
}

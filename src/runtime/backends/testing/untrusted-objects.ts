/**
 * Everything that node-seal is given to parse, of both schemes: bytes that are right, and a way to load any bytes and use what
 * comes of them as the runtime would. For fuzzing.
 */
import type {
  Ciphertext,
  Decryptor,
  Evaluator,
  MainModule,
  Plaintext,
  SEALContext as NativeContext,
} from 'node-seal';
import { nearestNttPrime } from '../../../program/primes.ts';
import type { CkksParameters } from '../../../program/security.ts';
import { checkParameters } from '../../../program/security.ts';
import { testParameters } from '../../../program/testing/test-parameters.ts';
import { BfvContext } from '../bfv/context.ts';
import { splitParts } from '../bfv/parts.ts';
import { BfvSecretSide } from '../bfv/secret-side.ts';
import type { CheckedLoader } from '../seal/checked-loader.ts';
import { SealContext } from '../seal/context.ts';
import type { HandleOwner } from '../seal/handle-owner.ts';
import { callSeal } from '../seal/module.ts';
import type { Savable } from '../seal/save.ts';
import { SealSecretSide } from '../seal/secret-side.ts';

export const OBJECT_KINDS = [
  'ciphertext at the top level',
  'ciphertext at level 0',
  'rotation key',
  'relinearization key',
  'public key',
  'secret key',
] as const;
export type ObjectKind = (typeof OBJECT_KINDS)[number];

export type Scheme = 'ckks' | 'bfv';

/** Of the rotation key. */
export const STEP = 3;
export const CKKS_SCALE = 2 ** 10;

interface Sides {
  readonly seal: MainModule;
  readonly native: NativeContext;
  readonly evaluator: Evaluator;
  readonly loader: CheckedLoader;
  readonly handles: HandleOwner;
  heapBytes(): number;
  /** Something to encrypt, at the top level. */
  encode(plain: Plaintext): void;
  /** The bytes that the secret side makes. */
  readonly made: Readonly<Record<ObjectKind, Uint8Array>>;
}

/** Small enough for many a second; under CKKS as under BFV three primes of 17 bits. */
export const SMALL_DEGREE = 2048;

export function fuzzParameters(scheme: Scheme, degree: number): CkksParameters {
  const small = degree === SMALL_DEGREE;
  const ckks = small ? testParameters(degree, [17, 17], 17, 10) : testParameters(degree, [46, 38], 58, 38);
  if (scheme === 'ckks') return ckks;
  const taken = new Set([...ckks.dataPrimes, ...ckks.specialPrimes]);
  const plain = nearestNttPrime(2 ** 16, degree, taken, small ? 16 : 17)!;
  return checkParameters({ ...ckks, scheme, scaleBits: 0, plainModuli: [plain] });
}

export class UntrustedObjects implements Disposable {
  readonly #sides: Sides;
  readonly #scale: number;
  /** What foreign objects are used with. */
  readonly #known: {
    readonly ciphertext: Ciphertext;
    readonly decryptor: Decryptor;
    readonly plain: Plaintext;
  };
  readonly #rotate: (
    input: Ciphertext,
    keys: InstanceType<MainModule['GaloisKeys']>,
    result: Ciphertext,
  ) => void;
  /** By kind: with seeds where there is one, and expanded. */
  readonly valid: Readonly<Record<ObjectKind, readonly Uint8Array[]>>;

  static async create(scheme: Scheme, degree: number = SMALL_DEGREE): Promise<UntrustedObjects> {
    const parameters = fuzzParameters(scheme, degree);
    return new UntrustedObjects(
      scheme,
      await (scheme === 'ckks' ? ckksSides(parameters) : bfvSides(parameters)),
    );
  }

  private constructor(scheme: Scheme, sides: Sides) {
    this.#sides = sides;
    this.#scale = scheme === 'ckks' ? CKKS_SCALE : 1;
    const { seal, native, loader, handles, evaluator, made } = sides;
    const ciphertext = handles.own(new seal.Ciphertext());
    loader.ciphertext(ciphertext, made['ciphertext at the top level'], 1, this.#scale);
    const key = handles.own(new seal.SecretKey());
    loader.secretKey(key, made['secret key']);
    const decryptor = handles.own(new seal.Decryptor(native, key));
    const plain = handles.own(new seal.Plaintext());
    sides.encode(plain);
    this.#known = { ciphertext, decryptor, plain };
    this.#rotate = (input, keys, result) =>
      scheme === 'ckks'
        ? evaluator.rotateVector(input, STEP, keys, result)
        : evaluator.rotateRows(input, STEP, keys, result);
    this.valid = Object.fromEntries(
      OBJECT_KINDS.map((kind) => {
        const made = sides.made[kind];
        const expanded = this.load(kind, made);
        return [kind, Buffer.compare(made, expanded) === 0 ? [made] : [made, expanded]];
      }),
    ) as unknown as Record<ObjectKind, readonly Uint8Array[]>;
  }

  heapBytes(): number {
    return this.#sides.heapBytes();
  }

  get liveHandles(): number {
    return this.#sides.handles.live;
  }

  /**
   * Loads bytes, computes with the object, and saves it.
   * @returns what node-seal makes of the object: the same bytes, unless a seed was expanded
   * @throws HeError if they are refused, or cannot be used
   */
  load(kind: ObjectKind, bytes: Uint8Array): Uint8Array {
    const { seal, native, loader, handles, evaluator } = this.#sides;
    const known = this.#known;
    const before = new Set<{ delete(): void }>();
    const own = <T extends Parameters<HandleOwner['own']>[0]>(handle: T): T => {
      before.add(handles.own(handle));
      return handle;
    };
    const result = (): Ciphertext => own(new seal.Ciphertext());
    const use = (operation: () => void): void => callSeal('a use', operation);
    const loaded = (): Savable => {
      switch (kind) {
        case 'ciphertext at the top level':
        case 'ciphertext at level 0': {
          const input = result();
          loader.ciphertext(input, bytes, kind === 'ciphertext at level 0' ? 0 : 1, this.#scale);
          use(() => {
            known.decryptor.decrypt(input, own(new seal.Plaintext()));
            evaluator.add(input, input, result());
          });
          return input;
        }
        case 'rotation key': {
          const keys = own(new seal.GaloisKeys());
          loader.rotationKey(keys, bytes, STEP);
          use(() => this.#rotate(known.ciphertext, keys, result()));
          return keys;
        }
        case 'relinearization key': {
          const keys = own(new seal.RelinKeys());
          loader.relinearizationKey(keys, bytes);
          use(() => {
            const square = result();
            evaluator.square(known.ciphertext, square);
            evaluator.relinearizeInplace(square, keys);
          });
          return keys;
        }
        case 'public key': {
          const key = own(new seal.PublicKey());
          loader.publicKey(key, bytes);
          use(() => own(new seal.Encryptor(native, key)).encrypt(known.plain, result()));
          return key;
        }
        case 'secret key': {
          const key = own(new seal.SecretKey());
          loader.secretKey(key, bytes);
          use(() =>
            own(new seal.Decryptor(native, key)).decrypt(known.ciphertext, own(new seal.Plaintext())),
          );
          return key;
        }
      }
    };
    try {
      const object = loaded();
      return callSeal('saving', () => object.saveToArray(seal.ComprModeType.none) as Uint8Array);
    } finally {
      for (const handle of [...before].reverse()) handles.free(handle as Parameters<HandleOwner['free']>[0]);
    }
  }

  [Symbol.dispose](): void {
    this.#sides.handles[Symbol.dispose]();
  }
}

async function ckksSides(parameters: CkksParameters): Promise<Sides> {
  const context = await SealContext.create(parameters);
  using secret = await SealSecretSide.create(parameters, null);
  const slots = new Float64Array(context.slotCount).fill(0.5);
  const { seal, native, evaluator, loader, handles } = context;
  return {
    ...{ seal, native, evaluator, loader, handles },
    heapBytes: () => context.heapBytes(),
    encode: (plain) => context.encode(slots, 1, CKKS_SCALE, plain),
    made: {
      'ciphertext at the top level': secret.encrypt(slots, 1, CKKS_SCALE),
      'ciphertext at level 0': secret.encrypt(slots, 0, CKKS_SCALE),
      'rotation key': secret.makeGaloisKey(STEP),
      'relinearization key': secret.makeRelinearizationKey(),
      'public key': secret.makePublicKey(),
      'secret key': secret.saveSecretKey(),
    },
  };
}

/** With one plain modulus, without the frame around its one part. */
async function bfvSides(parameters: CkksParameters): Promise<Sides> {
  const context = await BfvContext.create(parameters);
  using secret = await BfvSecretSide.create(parameters, null);
  const slots = new Float64Array(context.slotCount).fill(7);
  const [residue] = context.residues;
  const { native, evaluator, loader } = residue!;
  const part = (joined: Uint8Array): Uint8Array => splitParts(joined, 1, 'KEY_INVALID')[0]!.slice();
  return {
    ...{ seal: context.seal, native, evaluator, loader, handles: context.handles },
    heapBytes: () => context.heapBytes(),
    encode: (plain) => context.encode(residue!, slots, plain),
    made: {
      'ciphertext at the top level': part(secret.encrypt(slots, 1, 1)),
      'ciphertext at level 0': part(secret.encrypt(slots, 0, 1)),
      'rotation key': part(secret.makeRotationKey(STEP, 1)),
      'relinearization key': part(secret.makeRelinearizationKey(1)),
      'public key': part(secret.makePublicKey()),
      'secret key': part(secret.saveSecretKey()),
    },
  };
}

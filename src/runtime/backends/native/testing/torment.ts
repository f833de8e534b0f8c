/**
 * Calls everything that the addons export, on all kinds of receivers, with arguments of all kinds: right ones, right ones of which
 * some bytes are wrong, and nonsense. Run as a process of its own, whose end by a signal is what it looks for:
 *   node torment.ts SEED SECONDS
 */
import { nearestNttPrime } from '../../../../program/primes.ts';
import { seededRandom } from '../../../../program/testing/random-instructions.ts';
import { loadAddon } from '../load-addon.ts';

type Constructor = new (...args: unknown[]) => object;
type Method = (...args: unknown[]) => unknown;

const [seed = 1, seconds = 5] = process.argv.slice(2).map(Number);
const random = seededRandom(seed);
const below = (bound: number): number => Math.floor(random() * bound);
const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;

/** The engine does not judge security: a small ring makes more calls a second. */
const DEGREE = 1024;
const taken = new Set<bigint>();
const [q0, q1, q2, special] = [40, 30, 30, 45].map((bits) => {
  const prime = nearestNttPrime(2 ** bits * 0.98, DEGREE, taken, bits)!;
  taken.add(prime);
  return prime;
});
const PARAMETERS = [DEGREE, BigUint64Array.of(q0!, q1!, q2!), BigUint64Array.of(special!), 3, 'automatic'];
const SCALE = 2 ** 25;
/** What a decrypted slot may be off by. */
const NOISE_LIMIT = 1e-2;
const slots = Float64Array.from({ length: DEGREE / 2 }, (_, i) => Math.sin(i));
const shared = new Int32Array(new SharedArrayBuffer(8));

const engineModule = loadAddon('he_engine') as Record<string, Constructor>;
const secretModule = loadAddon('he_secret') as Record<string, Constructor>;
const exported = { ...engineModule, ...secretModule };

function call(target: object, method: string, ...args: unknown[]): unknown {
  return (target as Record<string, Method>)[method]!(...args);
}

const secret = new secretModule['SecretSide']!(...PARAMETERS, 2 ** 28, 1, null, null, null);
const raiseKeys = call(secret, 'makeRaiseKeys', 2, 40) as [Uint8Array, Uint8Array];
const files = {
  publicKey: call(secret, 'makePublicKey') as Uint8Array,
  rotationKey: call(secret, 'makeRotationKey', 1, 2) as Uint8Array,
  relinearizationKey: call(secret, 'makeRelinearizationKey', 2) as Uint8Array,
  encapsulationKey: raiseKeys[0],
  decapsulationKey: raiseKeys[1],
  lowKey: call(secret, 'makeRotationKey', 3, 1) as Uint8Array,
  ciphertext: call(secret, 'encrypt', slots, 2, SCALE) as Uint8Array,
  secretKey: call(secret, 'saveSecretKey') as Uint8Array,
};
const constructions: Readonly<Record<string, () => unknown[]>> = {
  Engine: () => [...PARAMETERS, 2 ** 26, 2 ** 22, 4, 2, shared.subarray(0, 1), shared.subarray(1)],
  PublicEncryptor: () => [...PARAMETERS, 2 ** 26, 1, files.publicKey],
  SecretSide: () => [...PARAMETERS, 2 ** 26, 1, null, null, files.secretKey],
};

function makeEngine(): object {
  const made = new engineModule['Engine']!(...constructions['Engine']!());
  call(made, 'loadRotationKey', 1, files.rotationKey);
  call(made, 'loadRelinearizationKey', files.relinearizationKey);
  call(made, 'loadRaiseKeys', files.encapsulationKey, files.decapsulationKey);
  return made;
}

let engine = makeEngine();
const encryptor = new engineModule['PublicEncryptor']!(...constructions['PublicEncryptor']!());
const handles: number[] = [];

/** y = rotate(x) ⊙ d + x ⊙ e at level 2, and x² + x, both right as they stand. */
const LINEAR = [2, 2, 0, -1, 0, 0, 0, -1, 1, 1, 1, 1, 1, -1, 0, 2, 0, 0, 1, 1, 0, -1];
const TAPE = [1, 3, 1, 1, 4, 2, 1, 0, 0, 0, 7, 1, 1, 0, 0, 6, 1, 1, 0, 0, 8, 1, 1, 0, 0, 1, 2];
const square = SCALE * SCALE;

const classes = Object.keys(constructions).map((name) => exported[name]!);
/** Functions, and arguments that they take little time for. */
const functions: Readonly<Record<string, () => unknown[]>> = {
  profileKernels: () => [DEGREE, BigUint64Array.of(q0!), 'scalar'],
};
const untried = Object.keys(exported).filter((name) => !(name in constructions) && !(name in functions));
if (untried.length > 0) throw new Error(`nobody torments ${untried.join(', ')}`);

/** Arguments as they should be. */
const ARGUMENTS: Readonly<Record<string, () => unknown[]>> = {
  loadRotationKey: () => (random() < 0.5 ? [1, files.rotationKey] : [3, files.lowKey]),
  loadRelinearizationKey: () => [files.relinearizationKey],
  loadRaiseKeys: () => [files.encapsulationKey, files.decapsulationKey],
  raise: () => [handle(), 16 * SCALE],
  load: () => [files.ciphertext],
  store: () => [handle()],
  describe: () => [handle()],
  setScale: () => [handle(), SCALE],
  free: () => [handle()],
  apply: () => [below(11), handle(), handle(), below(4), SCALE, random() < 0.5 ? slots : null, null, 2, 4],
  prepareLinear: () => [
    Int32Array.from(LINEAR),
    Float64Array.of(Number(q2)),
    SCALE,
    [slots, slots],
    [null, null],
  ],
  linear: () => [below(4), Uint32Array.of(handle())],
  prepareTape: () => [
    Int32Array.from(TAPE),
    Float64Array.of(square, square, square, square / Number(q2), square),
    [slots],
    [null],
  ],
  runTape: () => [below(4), Uint32Array.of(handle())],
  status: () => [],
  dispose: () => [],
  encrypt: () => [slots, below(3), SCALE],
  decrypt: () => [files.ciphertext, 2, SCALE, NOISE_LIMIT],
  saveSecretKey: () => [],
  makePublicKey: () => [],
  makeRotationKey: () => [below(DEGREE / 2), below(3)],
  makeRelinearizationKey: () => [below(3)],
  makeRaiseKeys: () => [below(3), below(64)],
};

function handle(): number {
  return handles.length > 0 && random() < 0.9 ? pick(handles) : below(100);
}

const NUMBERS = [
  0,
  1,
  2,
  3,
  -1,
  -0,
  0.5,
  NaN,
  Infinity,
  255,
  256,
  65536,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e300,
  5e-324,
];
const ARRAYS = [Uint8Array, Int8Array, Int32Array, Uint32Array, Float64Array, Float32Array] as const;

function nonsense(): unknown {
  switch (below(12)) {
    case 0:
      return pick([undefined, null, true, 'scalar', '', 'x'.repeat(100), Symbol.iterator, 7n, -(2n ** 70n)]);
    case 1:
    case 2:
      return pick(NUMBERS);
    case 3:
      return new (pick(ARRAYS))(Array.from({ length: below(40) }, () => pick(NUMBERS)));
    case 4:
      return new BigUint64Array([pick([0n, 1n, 2n ** 63n, q0!, 2n ** 60n - 1n])]);
    case 5:
      return new Float64Array(new SharedArrayBuffer(64), 8);
    case 6: {
      const detached = new Uint8Array(files.ciphertext);
      structuredClone(detached.buffer, { transfer: [detached.buffer] });
      return detached;
    }
    case 7:
      return [slots, nonsenseArray(), null];
    case 8:
      // Whoever reads its element disposes of the engine that is about to be used.
      return Object.defineProperty([slots, slots], 0, { get: () => (call(engine, 'dispose'), slots) });
    case 9:
      return pick([{}, new Proxy([], {}), () => 1, engine, encryptor, secret, classes[0], new Date()]);
    case 10:
      return new Array(2 ** 31);
    default:
      return mutated(pick(Object.values(files)));
  }
}

function nonsenseArray(): Float64Array {
  return Float64Array.from({ length: below(600) }, () => pick(NUMBERS));
}

function mutated(bytes: Uint8Array): Uint8Array {
  let copy = bytes.slice();
  for (let changes = 1 + below(3); changes > 0 && copy.length > 0; changes--) {
    const at = random() < 0.7 ? below(Math.min(copy.length, 200)) : below(copy.length);
    const action = below(4);
    if (action === 0) copy = copy.slice(0, at);
    else if (action === 1) copy.set([below(256)], at);
    else if (action === 2) copy.fill(pick([0, 255]), at, at + 8);
    else copy.copyWithin(at, below(copy.length));
  }
  return copy;
}

/** Changes one argument: its bytes if it has some, or altogether. */
function spoil(args: unknown[]): unknown[] {
  if (args.length === 0 || random() < 0.05) return [...args, nonsense()];
  const at = below(args.length);
  const old = args[at];
  if (old instanceof Uint8Array && random() < 0.8) return args.with(at, mutated(old));
  if (old instanceof Int32Array && random() < 0.8) {
    const copy = old.slice(0, random() < 0.2 ? below(old.length) : old.length);
    copy[below(copy.length)] = pick([-2, -1, 0, 1, 2, 3, 5, 100, 2 ** 31 - 1, -(2 ** 31)]);
    return args.with(at, copy);
  }
  return args.with(at, nonsense());
}

/** What returns nothing: whether it succeeds is not seen here. */
const SILENT = {
  loadRotationKey: 0,
  loadRelinearizationKey: 0,
  loadRaiseKeys: 0,
  setScale: 0,
  free: 0,
  dispose: 0,
};
const successes = new Map<string, number>();

const CODES = new Set([
  'ARGUMENT_INVALID',
  'CANCELLED',
  'CIPHERTEXT_INVALID',
  'INTERNAL',
  'KEY_INVALID',
  'KEY_MISSING',
  'MEMORY_EXCEEDED',
  'PLAINTEXT_INVALID',
]);

function attempt(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    const { code } = error as { code?: unknown };
    // A TypeError is V8's own, e.g. of a class called without `new`.
    if (error instanceof TypeError && code === undefined) return undefined;
    if (!(error instanceof Error) || typeof code !== 'string' || !CODES.has(code)) throw error;
    return undefined;
  }
}

function tormentOnce(): void {
  const type = pick(classes);
  const receiver = pick([engine, engine, engine, encryptor, secret, {}, type.prototype as object]);
  if (random() < 0.02) {
    const args = constructions[type.name]!();
    const given = random() < 0.7 ? spoil(args) : args;
    attempt(() => new type(...given));
    return;
  }
  if (random() < 0.02) {
    const name = pick(Object.keys(functions));
    const given = spoil(functions[name]!());
    attempt(() => (exported[name] as unknown as Method)(...given));
    return;
  }
  const own = classes.find((candidate) => receiver instanceof candidate) ?? type;
  const methods = Object.getOwnPropertyNames((random() < 0.95 ? own : type).prototype);
  const name = pick(
    methods.filter((method) => method !== 'constructor' && (method !== 'dispose' || random() < 0.02)),
  );
  const args = ARGUMENTS[name]!();
  const method =
    (type.prototype as Record<string, Method>)[name] ?? (own.prototype as Record<string, Method>)[name]!;
  if (random() < 0.01) shared[0] = 1;
  const given = random() < 0.6 ? spoil(args) : args;
  const result = attempt(() => method.apply(receiver, given));
  shared[0] = 0;
  if (result !== undefined || name in SILENT) successes.set(name, (successes.get(name) ?? 0) + 1);
  if (typeof result === 'number' && ['load', 'apply'].includes(name)) handles.push(result);
  if (handles.length > 50) for (const each of handles.splice(0)) attempt(() => call(engine, 'free', each));
  if (attempt(() => call(engine, 'status')) === undefined) {
    engine = makeEngine();
    handles.length = 0;
  }
}

const PATIENCE_MS = 30_000;

const end = performance.now() + seconds * 1000;
// Refusals alone would not be much of a torment; on a busy machine it takes longer until every method has done something.
const neverDone = (): string[] => Object.keys(ARGUMENTS).filter((name) => !successes.has(name));
let calls = 0;
for (; performance.now() < end || (neverDone().length > 0 && performance.now() < end + PATIENCE_MS); calls++)
  tormentOnce();
if (neverDone().length > 0) throw new Error(`never succeeded: ${neverDone().join(', ')}`);

// After all that it still computes: a rotation, decrypted with a secret key that was never lost.
engine = makeEngine();
const fresh = new secretModule['SecretSide']!(...constructions['SecretSide']!());
const rotated = call(
  engine,
  'apply',
  1,
  call(engine, 'load', files.ciphertext),
  0,
  1,
  SCALE,
  null,
  null,
  0,
  0,
);
const stored = call(engine, 'store', rotated);
const decrypted = call(fresh, 'decrypt', stored, 2, SCALE, NOISE_LIMIT) as Float64Array;
const error = Math.max(...decrypted.map((value, i) => Math.abs(value - slots[(i + 1) % slots.length]!)));
if (!(error < NOISE_LIMIT)) throw new Error(`the engine computes no longer: it is off by ${error}`);
console.log(`survived ${calls} calls`);

/** Mutated keys and ciphertexts, one after the other, against the checks and node-seal behind them. */
import { BackendError, HeError } from '../../../errors.ts';
import { seededRandom } from '../../../program/testing/random-instructions.ts';
import { ObjectMutator } from './mutate-object.ts';
import type { ObjectKind, Scheme } from './untrusted-objects.ts';
import { OBJECT_KINDS, UntrustedObjects } from './untrusted-objects.ts';

export interface FuzzOrder {
  readonly scheme: Scheme;
  readonly degree: number;
  /** Mutants go by number; each is made from its own seed, and from keys that are new in every run. */
  readonly from: number;
  readonly count: number;
}

export interface FuzzTally {
  readonly mutants: number;
  /** Refused by our checks. */
  readonly refused: number;
  /** Accepted, and loaded, used and saved by node-seal. */
  readonly accepted: number;
  /** Accepted and loaded, but of no use: noise, a transparent result. */
  readonly unusable: number;
  readonly slowestMs: number;
  /** By which node-seal's heap grew after every kind had been loaded once. */
  readonly heapGrowthBytes: number;
}

export interface FuzzFinding {
  readonly number: number;
  readonly kind: ObjectKind;
  readonly what: string;
  readonly bytes: Uint8Array;
}

const CODES: Readonly<Record<ObjectKind, string>> = {
  'ciphertext at the top level': 'CIPHERTEXT_INVALID',
  'ciphertext at level 0': 'CIPHERTEXT_INVALID',
  'rotation key': 'KEY_INVALID',
  'relinearization key': 'KEY_INVALID',
  'public key': 'KEY_INVALID',
  'secret key': 'KEY_INVALID',
};

/** @param heartbeat called before each mutant */
export async function fuzzObjects(
  { scheme, degree, from, count }: FuzzOrder,
  heartbeat: (number: number) => void = () => undefined,
): Promise<{ readonly tally: FuzzTally; readonly finding: FuzzFinding | null }> {
  using objects = await UntrustedObjects.create(scheme, degree);
  const all = OBJECT_KINDS.flatMap((kind) => objects.valid[kind].map((bytes) => ({ kind, bytes })));
  const mutator = new ObjectMutator(all.map(({ bytes }) => bytes));
  const heapBefore = objects.heapBytes();
  const handlesBefore = objects.liveHandles;
  let [refused, accepted, unusable, slowestMs] = [0, 0, 0, 0];
  let finding: FuzzFinding | null = null;
  let number = from;
  for (; number < from + count && finding === null; number++) {
    heartbeat(number);
    const random = seededRandom(number);
    const { kind, bytes } = all[Math.floor(random() * all.length)]!;
    const mutant = mutator.mutate(bytes, random);
    const report = (what: string): void => void (finding = { number, kind, what, bytes: mutant });
    const start = performance.now();
    try {
      const saved = objects.load(kind, mutant);
      accepted++;
      // What was whole comes back as it was; an expanded seed fills the place of the second polynomial.
      if (saved.length === mutant.length && Buffer.compare(saved, mutant) !== 0)
        report('node-seal made something else of it');
      else if (saved.length < mutant.length) report('node-seal left something out');
    } catch (error) {
      if (!(error instanceof HeError)) report(`not an error of ours: ${String(error)}`);
      else if (error.code === CODES[kind]) refused++;
      else if (error instanceof BackendError && error.message.startsWith('a use failed') && !isTrap(error))
        unusable++;
      else report(`${error.code}: ${error.message}`);
    }
    slowestMs = Math.max(slowestMs, performance.now() - start);
    if (objects.liveHandles !== handlesBefore) report('a handle is left');
  }
  const heapGrowthBytes = objects.heapBytes() - heapBefore;
  const tally = { mutants: number - from, refused, accepted, unusable, slowestMs, heapGrowthBytes };
  return { tally, finding };
}

declare const WebAssembly: { readonly RuntimeError: new () => Error };

/** What memory errors end in; everything else that SEAL throws is an exception of C++. */
function isTrap({ cause }: BackendError): boolean {
  return cause instanceof WebAssembly.RuntimeError;
}

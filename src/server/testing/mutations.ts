/** Random damage to messages: to values, to the envelope, to bytes, to headers and to payloads; every case from one seed. */
import * as fc from 'fast-check';

export const MUTATION_KINDS = ['arguments', 'envelope', 'bytes', 'headers', 'payload'] as const;
export type MutationKind = (typeof MUTATION_KINDS)[number];

export interface Mutation {
  readonly kind: MutationKind;
  readonly edits: readonly Edit[];
}

interface Edit {
  readonly action: 'replace' | 'remove' | 'add' | 'repeat' | 'truncate';
  /** Where, as a fraction of what there is. */
  readonly at: number;
  readonly name: string;
  readonly value: unknown;
  readonly octets: Uint8Array;
}

/** What has broken parsers before. */
const HOSTILE: readonly unknown[] = [
  null,
  true,
  -1,
  0.5,
  1e308,
  2 ** 53,
  '',
  '\0',
  '../../../etc/passwd',
  'a'.repeat(100_000),
  '\ud800',
  '__proto__',
  `${'{"a":'.repeat(5)}1`,
  [],
  {},
  [[[[[]]]]],
  Array.from({ length: 5000 }, () => 0),
  nested(200),
  nested(1500),
  { constructor: { prototype: { polluted: true } } },
  { toString: 1, length: -1 },
  'hekey:' + 'f'.repeat(64),
  'AAAA',
  `${'='.repeat(40)}`,
];
const NAMES = ['__proto__', 'constructor', 'client_id', 'auth_token', 'ok', '', 'a b', 'toString', 'model'];

function nested(depth: number): unknown {
  let value: unknown = 0;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  action: fc.constantFrom('replace', 'replace', 'remove', 'add', 'repeat', 'truncate'),
  at: fc.nat({ max: 2 ** 24 - 1 }).map((place) => place / 2 ** 24),
  name: fc.oneof(fc.constantFrom(...NAMES), fc.string({ maxLength: 20 })),
  value: fc.oneof(fc.constantFrom(...HOSTILE), fc.jsonValue(), fc.string({ unit: 'binary', maxLength: 200 })),
  octets: fc.uint8Array({ minLength: 1, maxLength: 16 }),
});

export function mutation(kinds: readonly MutationKind[]): fc.Arbitrary<Mutation> {
  return fc.record({
    kind: fc.constantFrom(...kinds),
    edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
  });
}

/** A copy of a JSON value with the edits made at places of any depth. */
export function mutateJson(value: unknown, edits: readonly Edit[]): unknown {
  let changed = structuredClone(value);
  for (const original of edits) {
    // A copy, or a value that two edits share could come to hold itself.
    const each = { ...original, value: structuredClone(original.value) };
    const places = placesOf(changed);
    const place = places[Math.floor(each.at * places.length)];
    if (place === undefined) changed = each.value;
    else applyAt(place, each);
  }
  return changed;
}

interface Place {
  readonly holder: Record<string, unknown> | unknown[];
  readonly key: string;
}

function placesOf(value: unknown, depth = 0): Place[] {
  if (typeof value !== 'object' || value === null || depth > 6) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...placesOf(holder[key], depth + 1)]);
}

function applyAt({ holder, key }: Place, { action, name, value }: Edit): void {
  if (Array.isArray(holder)) {
    const index = Number(key);
    if (action === 'remove') holder.splice(index, 1);
    else if (action === 'add') holder.splice(index, 0, value);
    else if (action === 'repeat') holder.push(...repeated(holder[index]));
    else if (action === 'truncate') holder.length = index;
    else holder[index] = value;
    return;
  }
  // As JSON.parse would set it: a property of its own, also if it is called __proto__.
  const set = (property: string, to: unknown): void =>
    void Object.defineProperty(holder, property, {
      value: to,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  const current = holder[key];
  if (action === 'remove') delete holder[key];
  else if (action === 'add') set(name, value);
  else if (action === 'repeat' && typeof current === 'string') set(key, current.repeat(50).slice(0, 200_000));
  else if (action === 'truncate' && typeof current === 'string')
    set(key, current.slice(0, current.length >> 1));
  else set(key, value);
}

/** Many of what is small: what is large already would make a body that is refused for its size, whatever is in it. */
function repeated(value: unknown): unknown[] {
  const small = (JSON.stringify(value) ?? '').length < 200;
  return Array.from({ length: small ? 300 : 3 }, () => structuredClone(value));
}

/** A copy with bytes overwritten, cut out, put in or repeated. */
export function mutateBytes(bytes: Uint8Array, edits: readonly Edit[]): Buffer {
  let changed = Buffer.from(bytes);
  for (const { action, at, octets } of edits) {
    const start = Math.floor(at * changed.length);
    const before = changed.subarray(0, start);
    const after = changed.subarray(start);
    if (action === 'replace') changed = Buffer.concat([before, octets, after.subarray(octets.length)]);
    else if (action === 'remove') changed = Buffer.concat([before, after.subarray(octets.length)]);
    else if (action === 'add') changed = Buffer.concat([before, octets, after]);
    else if (action === 'repeat') changed = Buffer.concat([before, after.subarray(0, 200), after]);
    else changed = before;
  }
  return changed;
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonCounter, parseBoundedJson } from './bounded-json.ts';

const bytesOf = (text: string): Buffer => Buffer.from(text);

/** By its definition, on the value. */
function countOf(value: unknown): { nodes: number; depth: number } {
  if (typeof value !== 'object' || value === null) return { nodes: 1, depth: 0 };
  const children = Object.values(value).map(countOf);
  const keys = Array.isArray(value) ? 0 : children.length;
  return {
    nodes: children.reduce((sum, { nodes }) => sum + nodes, 1 + keys),
    depth: 1 + Math.max(0, ...children.map(({ depth }) => depth)),
  };
}

/** Cut into pieces of this many bytes. */
function take(text: Uint8Array, size: number, bounds: { nodes: number; depth: number }): string | null {
  const counter = new JsonCounter(bounds);
  for (let at = 0; at < text.length; at += size) {
    const excess = counter.take(text.subarray(at, at + size));
    if (excess !== null) return excess;
  }
  return null;
}

const ESCAPES = fc.constantFrom('"', '\\', '\\"', '\\\\"', '[', '{', ',', ':', 'a', 'é', '\u2028', '\n');
const text = fc.array(ESCAPES, { maxLength: 200 }).map((parts) => parts.join(''));
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.integer(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4 }),
  ),
}));

describe('what JSON holds is counted on its bytes', () => {
  it('never less than there is, whatever stands in strings and however it is cut into pieces', () => {
    const property = fc.property(value, fc.integer({ min: 1, max: 300 }), (document, size) => {
      const { nodes, depth } = countOf(document);
      const bytes = bytesOf(JSON.stringify(document));
      if (depth > 0) expect(take(bytes, size, { nodes: 1e6, depth: depth - 1 })).toBe('nested too deeply');
      if (nodes > 1) expect(take(bytes, size, { nodes: nodes - 1, depth })).toBe('too many values');
      // Each container counts one more than it must: whether it is empty is not looked at.
      expect(take(bytes, size, { nodes: 2 * nodes, depth })).toBeNull();
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('in strings of any length, ended by a quote that no backslash takes away', () => {
    for (const length of [0, 1, 62, 63, 64, 65, 66, 1000]) {
      for (const tail of ['', '\\\\', '\\"', '\\\\\\"', '[[[['] as const) {
        const bytes = bytesOf(`{"${'x'.repeat(length)}${tail}":[1]}`);
        for (const size of [1, 7, 64, 65, 5000]) {
          expect(take(bytes, size, { nodes: 4, depth: 2 })).toBeNull();
          expect(take(bytes, size, { nodes: 4, depth: 1 })).toBe('nested too deeply');
          expect(take(bytes, size, { nodes: 3, depth: 2 })).toBe('too many values');
        }
      }
    }
  });

  it('and nothing is built of what exceeds its bounds', () => {
    const bounds = { nodes: 1000, depth: 8 };
    expect(parseBoundedJson(bytesOf('{"a":[1,"x"]}'), bounds)).toEqual({ a: [1, 'x'] });
    expect(() => parseBoundedJson(bytesOf('['.repeat(5e6)), bounds)).toThrow(RangeError);
    expect(() => parseBoundedJson(bytesOf(`[${'0,'.repeat(5e6)}0]`), bounds)).toThrow('too many values');
    expect(() => parseBoundedJson(bytesOf('{"a":'), bounds)).toThrow(SyntaxError);
    expect(() => parseBoundedJson(Buffer.from([0x22, 0xff, 0x22]), bounds)).toThrow(SyntaxError);
  });
});

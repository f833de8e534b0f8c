/** Artifacts made to expand: refused by a documented code, before memory is taken. */
import { createHash } from 'node:crypto';
import * as zlib from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ArtifactError } from '../errors.ts';
import { decodeArtifact, encodeArtifact } from './codec.ts';
import * as expansions from './expansion.ts';
import { Expansion, expansionAllowance } from './expansion.ts';
import { smallArtifact } from './testing/small-artifact.ts';

vi.mock('node:zlib', { spy: true });
vi.mock('./expansion.ts', { spy: true });
afterEach(() => vi.clearAllMocks());

const HEADER_BYTES = 40;
const file = encodeArtifact(smallArtifact());

interface Section {
  readonly packed: Uint8Array;
  readonly rawLength: number;
}

function sectionsOf(bytes: Uint8Array): Section[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let at = HEADER_BYTES;
  return [0, 1, 2, 3].map((index) => {
    const packed = bytes.subarray(at, (at += view.getUint32(8 + 8 * index, true)));
    return { packed, rawLength: view.getUint32(12 + 8 * index, true) };
  });
}

/** With sections of the attacker's, and a digest that fits. */
function forge(change: (sections: Section[]) => Section[]): Uint8Array {
  const sections = change(sectionsOf(file));
  const header = Buffer.from(file.subarray(0, HEADER_BYTES));
  sections.forEach(({ packed, rawLength }, index) => {
    header.writeUInt32LE(packed.byteLength, 8 + 8 * index);
    header.writeUInt32LE(rawLength, 12 + 8 * index);
  });
  const body = Buffer.concat([header, ...sections.map(({ packed }) => packed)]);
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
}

function described(json: string): Uint8Array {
  const packed = zlib.deflateSync(Buffer.from(json));
  return forge(([, ...others]) => [{ packed, rawLength: json.length }, ...others]);
}

/** The description and, in a field that nobody reads, these grids. */
function withGrids(...grids: readonly (readonly number[])[]): Uint8Array {
  const json = zlib.inflateSync(sectionsOf(file)[0]!.packed).toString();
  const extra = grids.map(($grid) => ({ $grid }));
  return described(json.replace('"labels":', `"extra":${JSON.stringify(extra)},"labels":`));
}

function refusal(bytes: Uint8Array): string {
  try {
    decodeArtifact(bytes);
  } catch (error) {
    if (error instanceof ArtifactError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'none';
}

describe('an artifact that would expand', () => {
  it('by Deflate is refused by what it announces, before anything is inflated', () => {
    const inflate = vi.mocked(zlib.inflateSync);
    const announce = (...lengths: number[]) =>
      forge((sections) => sections.map(({ packed }, i) => ({ packed, rawLength: lengths[i] ?? 0 })));
    for (const bomb of [
      announce(0, 2 ** 30, 2 ** 30, 2 ** 30),
      announce(2 ** 29),
      announce(0, 2 ** 28, 2 ** 28),
    ]) {
      inflate.mockClear();
      expect(refusal(bomb)).toMatch(/^ARTIFACT_TOO_LARGE: .* more than \d+ bytes, from \d+$/);
      expect(inflate).not.toHaveBeenCalled();
    }
    // What inflates to more than it announces stops there.
    const zeros = zlib.deflateSync(Buffer.alloc(2 ** 24));
    const liar = forge(([json, , ...others]) => [json!, { packed: zeros, rawLength: 1000 }, ...others]);
    expect(refusal(liar)).toMatch(/^ARTIFACT_DAMAGED: .* f64 does not inflate/);
  });

  it('by grids is refused by what they describe', () => {
    expect(refusal(withGrids([0, 2 ** 13, 2 ** 14, 2 ** 14, 1]))).toMatch(/^ARTIFACT_TOO_LARGE/);
    // The same one is there once.
    const small = [0, 64, 64, 64, 1];
    expect(refusal(withGrids(...Array<number[]>(1000).fill(small)))).toBe('none');
  });

  it('by what its JSON holds is refused before it is parsed', () => {
    const parse = vi.spyOn(JSON, 'parse');
    expect(refusal(described('['.repeat(2e5) + ']'.repeat(2e5)))).toMatch(
      /^ARTIFACT_DAMAGED: .* nested too deeply/,
    );
    expect(refusal(described(`[${'{},'.repeat(5e5)}{}]`))).toMatch(/^ARTIFACT_DAMAGED: .* too many values/);
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
  });

  it('is counted as a whole', () => {
    const expansion = new Expansion(1000);
    const allowance = expansionAllowance(1000);
    expansion.take(allowance - 10);
    expansion.take(10);
    expect(() => expansion.take(1)).toThrow(expect.objectContaining({ code: 'ARTIFACT_TOO_LARGE' }));
    expect(expansionAllowance(1001)).toBe(allowance + 128);
    expect(new Expansion(4000).jsonBounds.nodes - expansion.jsonBounds.nodes).toBe(750);
  });
});

it('an honest artifact that packs too well is stored as it is, and can be read', () => {
  vi.mocked(expansions.expansionAllowance).mockReturnValueOnce(1);
  const stored = encodeArtifact(smallArtifact());
  expect(stored.length).toBeGreaterThan(file.length);
  expect(decodeArtifact(stored)).toEqual(smallArtifact());
});

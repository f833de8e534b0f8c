import { describe, expect, it } from 'vitest';
import { createHash } from 'node:crypto';
import { ArtifactError } from '../errors.ts';
import type { Artifact } from './artifact.ts';
import { decodeArtifact, encodeArtifact } from './codec.ts';
import type { LinearInstruction } from './program.ts';
import { seededRandom } from './testing/random-instructions.ts';
import { refreshingArtifact, smallArtifact } from './testing/small-artifact.ts';
import { testParameters } from './testing/test-parameters.ts';

const artifact = smallArtifact();
const bytes = encodeArtifact(artifact);

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ArtifactError) return error.code;
    throw error;
  }
  return 'none';
}

/** The artifact with one thing changed, through the codec. */
function forged(change: (copy: Record<string, unknown> & Artifact) => void): string {
  const copy = structuredClone(artifact) as Record<string, unknown> & Artifact;
  change(copy);
  return codeOf(() => decodeArtifact(encodeArtifact(copy)));
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

describe('artifact codec', () => {
  it('reads back what it wrote', () => {
    expect(decodeArtifact(bytes)).toEqual(artifact);
  });

  it('is deterministic', () => {
    expect(encodeArtifact(smallArtifact())).toEqual(bytes);
    expect(encodeArtifact(decodeArtifact(bytes))).toEqual(bytes);
  });

  it('refuses a flipped bit anywhere', () => {
    const random = seededRandom(1);
    for (let trial = 0; trial < 500; trial++) {
      const position = Math.floor(random() * bytes.length);
      const damaged = bytes.slice();
      damaged[position]! ^= 1 << Math.floor(random() * 8);
      expect(codeOf(() => decodeArtifact(damaged))).toMatch(/^ARTIFACT_(DAMAGED|INVALID)$/);
    }
  });

  it('refuses every truncation', () => {
    for (let length = 0; length < bytes.length; length += 97) {
      expect(codeOf(() => decodeArtifact(bytes.subarray(0, length)))).toBe('ARTIFACT_DAMAGED');
    }
  });

  it('reads back what refreshes', () => {
    const refreshing = refreshingArtifact();
    const file = encodeArtifact(refreshing);
    expect(decodeArtifact(file)).toEqual(refreshing);
    expect(encodeArtifact(decodeArtifact(file))).toEqual(file);
  });

  it('survives numbers of a refresh that are others', () => {
    const random = seededRandom(3);
    const strange = [-1, 0, 1, 2, 3, 4.5, 17, 40, 2 ** 31, 2 ** 53, 1e300, null, 'x', []];
    for (let trial = 0; trial < 120; trial++) {
      const copy = structuredClone(refreshingArtifact());
      // All places where an artifact says something of refreshes.
      const { program, parameters, signature, certificate } = copy;
      const places: object[] = [
        program.instructions[0]!,
        program.refreshKeys!,
        signature.refreshKeys!,
        program.values[1]!,
        certificate!.ephemeral!,
        ...[parameters.refresh!, signature.parameters.refresh!].flatMap((refresh) => [
          refresh,
          ...refresh.up,
          ...refresh.down,
        ]),
      ];
      const place = places[Math.floor(random() * places.length)]!;
      const keys = Object.keys(place);
      const key = keys[Math.floor(random() * keys.length)]!;
      Object.assign(place, { [key]: strange[Math.floor(random() * strange.length)] });
      expect(codeOf(() => decodeArtifact(encodeArtifact(copy)))).toMatch(/^(none|ARTIFACT_|PARAMETERS_)/);
    }
  });

  it('survives mutations with a repaired digest', () => {
    const random = seededRandom(2);
    for (let trial = 0; trial < 300; trial++) {
      const body = bytes.slice(0, bytes.length - 32);
      for (let k = 0; k < 3; k++) body[Math.floor(random() * body.length)] = Math.floor(random() * 256);
      const repaired = new Uint8Array([...body, ...createHash('sha256').update(body).digest()]);
      expect(codeOf(() => decodeArtifact(repaired))).toMatch(/^(none|ARTIFACT_|PARAMETERS_)/);
    }
  });
});

describe('artifact validation', () => {
  const linear = (copy: Artifact): Writable<LinearInstruction> =>
    copy.program.instructions[0] as Writable<LinearInstruction>;

  it.each<[string, (copy: Record<string, unknown> & Artifact) => void, string]>([
    [
      'insecure parameters',
      (c) => Object.assign(c.parameters, { securityLevel: 256 }),
      'PARAMETERS_INSECURE',
    ],
    [
      'a composite modulus',
      (c) => Object.assign(c.parameters, { dataPrimes: [15n, 7n, 9n, 8n] }),
      'PARAMETERS_INVALID',
    ],
    [
      'a certificate for other parameters',
      (c) => Object.assign(c.certificate!, { logQP: 1 }),
      'ARTIFACT_INVALID',
    ],
    ['a missing certificate', (c) => Object.assign(c, { certificate: null }), 'ARTIFACT_INVALID'],
    ['a value used before it exists', (c) => (linear(c).inputs = [3]), 'ARTIFACT_INVALID'],
    ['a level above the chain', (c) => (linear(c).level = 9), 'ARTIFACT_INVALID'],
    [
      'a rotation without a key',
      (c) => Object.assign(linear(c).babies[1]!, { via: [2], step: 2 }),
      'ARTIFACT_INVALID',
    ],
    [
      'a rotation that does not add up',
      (c) => Object.assign(linear(c).babies[1]!, { step: 5 }),
      'ARTIFACT_INVALID',
    ],
    ['a rotation out of order', (c) => Object.assign(linear(c).babies[0]!, { from: 1 }), 'ARTIFACT_INVALID'],
    ['a missing plaintext scale', (c) => (linear(c).plainScales = []), 'ARTIFACT_INVALID'],
    ['an unknown instruction', (c) => Object.assign(linear(c), { kind: 'jump' }), 'ARTIFACT_INVALID'],
    ['two elements in one slot', (c) => c.program.inputs[0]!.layout.positions.fill(0), 'ARTIFACT_INVALID'],
    [
      'a diagonal of the wrong length',
      (c) =>
        Object.assign(linear(c).outputs[0]!.giants[0]!.terms[0]!, {
          diagonal: { indices: null, values: new Float64Array(3) },
        }),
      'ARTIFACT_INVALID',
    ],
    [
      'other rotation keys in the signature',
      (c) =>
        Object.assign(c.signature, { rotationKeys: [{ step: 1, level: 3 }, ...c.signature.rotationKeys] }),
      'ARTIFACT_INVALID',
    ],
    [
      'a rotation above the level of its key',
      (c) => {
        const rotationKeys = [{ step: 1, level: 0 }];
        Object.assign(c.signature, { rotationKeys });
        Object.assign(c.program, { rotationKeys });
      },
      'ARTIFACT_INVALID',
    ],
    [
      'products without a relinearization key',
      (c) => {
        Object.assign(c.signature, { relinearizationLevel: null });
        Object.assign(c.program, { relinearizationLevel: null });
      },
      'ARTIFACT_INVALID',
    ],
  ])('refuses %s', (_name, change, code) => {
    expect(forged(change)).toBe(code);
  });

  it('refuses a chain planned for a laxer bound and says what to do', () => {
    // 216 bits: within the standard of 2018, not within the guidelines of 2024.
    const { dataPrimes, specialPrimes } = testParameters(16384, [54, 54, 54], 54, 40);
    const copy = { ...artifact, parameters: { ...artifact.parameters, dataPrimes, specialPrimes, dnum: 3 } };
    let hint: string | undefined;
    const code = codeOf(() => {
      try {
        decodeArtifact(encodeArtifact(copy));
      } catch (error) {
        hint = (error as ArtifactError).hint;
        throw error;
      }
    });
    expect(code).toBe('PARAMETERS_INSECURE');
    expect(hint).toMatch(/compile the model again/);
  });

  it('certifies anew what is within the bound, whatever table the artifact was certified by', () => {
    const { bounds, source, ...rest } = artifact.certificate!;
    expect(source).toContain(String(bounds[0]!.maxLogQP));
    const old = { ...artifact, certificate: { ...rest, maxLogQP: 218, source: 'another table' } };
    expect(decodeArtifact(encodeArtifact(old as unknown as Artifact)).certificate).toEqual(
      artifact.certificate,
    );
  });

  it('names the place', () => {
    expect(() =>
      decodeArtifact(
        encodeArtifact({ ...artifact, negotiation: { ...artifact.negotiation, slot_count: 7 } }),
      ),
    ).toThrow(/negotiation/);
  });

  it('takes numbers for diagonals and biases, and nothing else in their place', () => {
    const weights = (diagonal: unknown, bias: unknown) => (copy: Artifact) => {
      const [output] = linear(copy).outputs as unknown as {
        bias: unknown;
        giants: { terms: { diagonal: unknown }[] }[];
      }[];
      output!.bias = bias;
      output!.giants[0]!.terms[0]!.diagonal = diagonal;
    };
    expect(forged(weights(0.5, -0.25))).toBe('none');
    expect(forged(weights('0.5', null))).toBe('ARTIFACT_INVALID');
    expect(forged(weights(null, null))).toBe('ARTIFACT_INVALID');
    expect(forged(weights(0.5, [1]))).toBe('ARTIFACT_INVALID');
  });
});

import { describe, expect, it } from 'vitest';
import type { EvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { parseEvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { evaluationKeyFiles } from './evaluation-key-files.ts';

const keys: EvaluationKeys = {
  scheme: 'ckks',
  parametersDigest: 'ab'.repeat(32),
  keySet: 'cd'.repeat(16),
  rotations: [1, 2, 4, 8, 16].map((step) => ({ step, level: 3, bytes: new Uint8Array(100).fill(step) })),
  relinearization: { level: 3, bytes: new Uint8Array(100).fill(255) },
};

function parsed(maxBytes?: number, of = keys): { names: string[]; parts: EvaluationKeys[] } {
  const files = evaluationKeyFiles(of, maxBytes);
  return {
    names: files.map(({ name }) => name),
    parts: files.map(({ pieces }) => parseEvaluationKeys(Buffer.concat(pieces))),
  };
}

describe('evaluationKeyFiles', () => {
  it('puts everything in one file where it fits', () => {
    const { names, parts } = parsed();
    expect(names).toEqual(['evaluation-keys-1.hect']);
    expect(parts[0]!.rotations.map(({ step }) => step)).toEqual([1, 2, 4, 8, 16]);
    expect(parts[0]!.relinearization?.bytes).toHaveLength(100);
  });

  it('divides what does not fit, each key once, all of the same key set', () => {
    const { names, parts } = parsed(250);
    expect(names.length).toBe(3);
    expect(new Set(names).size).toBe(3);
    expect(parts.flatMap(({ rotations }) => rotations.map(({ step }) => step))).toEqual([1, 2, 4, 8, 16]);
    expect(parts.filter(({ relinearization }) => relinearization !== null).length).toBe(1);
    expect(new Set(parts.map(({ keySet }) => keySet)).size).toBe(1);
    for (const { rotations, relinearization } of parts) {
      expect(100 * (rotations.length + (relinearization === null ? 0 : 1))).toBeLessThanOrEqual(250);
    }
  });

  it('gives a key that is too large by itself a file of its own', () => {
    expect(parsed(50).parts.map(({ rotations }) => rotations.length)).toEqual([1, 1, 1, 1, 1]);
  });

  it('puts the keys of refreshes into one of them, and counts their bytes', () => {
    const raise = { level: 3, encapsulation: new Uint8Array(50), decapsulation: new Uint8Array(50) };
    const refresh = { conjugation: { level: 3, bytes: new Uint8Array(100) }, raise };
    const { parts } = parsed(400, { ...keys, refresh });
    expect(parts.map(({ rotations }) => rotations.length)).toEqual([1, 4]);
    expect(parts.map((part) => part.refresh?.raise.encapsulation.length)).toEqual([50, undefined]);
  });
});

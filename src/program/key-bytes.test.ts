import { expect, it } from 'vitest';
import { galoisKeyBytes, sentBytes } from './key-bytes.ts';
import { nativeKeyBytes, nativeKeys, raiseKeyBytes } from './native-keys.ts';
import { nativeMemory } from './native-memory.ts';
import { refreshingArtifact, smallArtifact } from './testing/small-artifact.ts';

const { program, parameters } = refreshingArtifact();
const cost = { keyBytes: (level: number): number => nativeKeyBytes(parameters, level) };

function total(bytes: readonly number[]): number {
  return bytes.reduce((sum, one) => sum + one, 0);
}

it('keys of refreshes count as Galois keys: with relinearization they are all that an evaluation holds', () => {
  const { conjugationLevel, raiseLevel } = program.refreshKeys!;
  const galois = galoisKeyBytes(program, parameters, cost);
  expect(galois).toHaveLength(program.rotationKeys.length + 2);
  expect(galois.slice(-2)).toEqual([cost.keyBytes(conjugationLevel), raiseKeyBytes(parameters, raiseLevel)]);
  expect(total(galois) + cost.keyBytes(program.relinearizationLevel!)).toBe(
    nativeMemory(program, parameters).keyBytes,
  );
});

it('what is sent is half of their words, and an index for each Galois key', () => {
  const indices = 8 * parameters.polyModulusDegree * (program.rotationKeys.length + 1);
  const words = total(nativeKeys(program, parameters).map(({ inFile }) => inFile));
  expect(2 * (sentBytes(program, parameters) - indices)).toBe(words);
  expect(words).toBeGreaterThan(nativeMemory(program, parameters).keyBytes);
});

it('without refreshes there is one for each rotation', () => {
  const small = smallArtifact();
  expect(galoisKeyBytes(small.program, small.parameters, { keyBytes: (level) => 100 + level })).toEqual(
    small.program.rotationKeys.map(({ level }) => 100 + level),
  );
});

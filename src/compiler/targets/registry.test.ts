import { describe, expect, it } from 'vitest';
import { ringDegrees } from '../../program/security-tables.ts';
import { ProgramBuilder } from '../../program/testing/program-builder.ts';
import { testParameters } from '../../program/testing/test-parameters.ts';
import { encryptingTargets, targetOf } from './registry.ts';

it('every target answers to its name, and verification in the clear is none that encrypts', () => {
  for (const name of ['native', 'seal', 'cleartext'] as const) expect(targetOf(name).name).toBe(name);
  expect(encryptingTargets()).not.toContain(targetOf('cleartext'));
});

describe.each(encryptingTargets())('$name', (target) => {
  it('has chains for refreshes to all levels that it states, or none at all', () => {
    const { down, top, most } = target.refresh ?? { down: 2, top: 11, most: 8 };
    const chainsTo = (refreshed: number): number => {
      const demand = {
        outputBound: 1,
        security: 128,
        precision: 8,
        refreshed,
        depth: refreshed + top,
      } as const;
      return ringDegrees(128).flatMap((ring) => target.chains(ring, demand)).length;
    };
    for (let level = down + 1; level <= most; level++)
      expect(chainsTo(level) > 0, `level ${level}`).toBe(target.refresh !== null);
    expect(chainsTo(most + 1)).toBe(0);
  });

  it('refuses a program that does not fit, which verification in the clear does not', () => {
    const parameters = testParameters(8192, [40, 30, 30], 50, 30);
    const builder = new ProgramBuilder(parameters);
    const program = builder.build([builder.input(1, 2)]);
    const memory = (name: 'cleartext' | typeof target.name, maxMemoryMb: number): string | null =>
      targetOf(name).memory(program, parameters, { maxMemoryMb, optimize: 'balanced' }).obstacle;
    expect(memory(target.name, 6144)).toBeNull();
    expect(memory(target.name, 1)).toContain(`${target.title} needs`);
    expect(memory('cleartext', 1)).toBeNull();
  });
});

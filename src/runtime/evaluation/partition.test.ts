import { describe, expect, it } from 'vitest';
import type { LinearInstruction, Program } from '../../program/program.ts';
import { ProgramBuilder } from '../../program/testing/program-builder.ts';
import type { RandomLinearShape } from '../../program/testing/random-instructions.ts';
import { randomLinear, seededRandom } from '../../program/testing/random-instructions.ts';
import { testParameters } from '../../program/testing/test-parameters.ts';
import type { GroupBy } from './partition.ts';
import { SEAL_COSTS, choosePartition, partOf } from './partition.ts';

const parameters = testParameters(8192, [46, 38, 38, 38], 54, 38);

function programOf(shape: Omit<RandomLinearShape, 'density'>): {
  program: Program;
  linear: LinearInstruction;
} {
  const builder = new ProgramBuilder(parameters);
  const x = builder.input(shape.sources);
  const plan = randomLinear(seededRandom(1), builder.slotCount, { ...shape, density: 0.001 });
  const program = builder.build([builder.linear([x], plan)]);
  return { program, linear: program.instructions[0] as LinearInstruction };
}

describe('partitions', () => {
  it.each(['output', 'giant', 'source', 'baby'] as const)(
    'by %s keep groups whole and parts even',
    (by: GroupBy) => {
      const { linear } = programOf({ sources: 4, outputs: 4, babySteps: 4, giantSteps: 4, style: 'direct' });
      const owner = partOf(linear, { by, parts: 2 });
      const sizes = [0, 0];
      linear.outputs.forEach((plan, o) => {
        plan.giants.forEach((giant, g) => {
          giant.terms.forEach(({ baby }, t) => {
            const part = owner(o, g, t);
            sizes[part]!++;
            const { source } = linear.babies[baby]!;
            if (by === 'output') expect(part).toBe(o < 2 ? 0 : 1);
            if (by === 'source') expect(part).toBe(source < 2 ? 0 : 1);
          });
        });
      });
      expect(sizes[0]).toBe(sizes[1]);
    },
  );

  it('split babies where rotations of babies dominate', () => {
    const { program, linear } = programOf({
      sources: 1,
      outputs: 1,
      babySteps: 24,
      giantSteps: 1,
      style: 'direct',
    });
    expect(choosePartition(program, linear, 2, SEAL_COSTS)?.by).toBe('baby');
  });

  it('split sources where babies are chains', () => {
    const { program, linear } = programOf({
      sources: 2,
      outputs: 1,
      babySteps: 8,
      giantSteps: 2,
      style: 'chain',
    });
    expect(['source', 'baby']).toContain(choosePartition(program, linear, 2, SEAL_COSTS)?.by);
  });

  it('do not split what is not worth a transfer, nor for one worker', () => {
    const chain = programOf({ sources: 1, outputs: 1, babySteps: 8, giantSteps: 2, style: 'chain' });
    expect(choosePartition(chain.program, chain.linear, 2, SEAL_COSTS)).toBeNull();
    const wide = programOf({ sources: 1, outputs: 1, babySteps: 24, giantSteps: 1, style: 'direct' });
    expect(choosePartition(wide.program, wide.linear, 1, SEAL_COSTS)).toBeNull();
  });
});

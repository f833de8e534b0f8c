import { expect, it } from 'vitest';
import { multiplicativeDepth } from './multiplicative-depth.ts';
import { ProgramBuilder } from './testing/program-builder.ts';
import { smallArtifact } from './testing/small-artifact.ts';
import { refreshableParameters, testParameters } from './testing/test-parameters.ts';

const map = {
  babies: [{ source: 0, step: 0, from: -1, via: [] }],
  outputs: [
    {
      giants: [{ step: 0, into: -1, via: [], terms: [{ baby: 0, diagonal: 0.5 }] }],
      reductions: [],
      bias: null,
    },
  ],
};

it('is what levels fall by where nothing is refreshed', () => {
  const { program } = smallArtifact();
  const level = (id: number): number => program.values[id]!.level;
  expect(multiplicativeDepth(program)).toBe(
    level(program.inputs[0]!.value) - level(program.outputs[0]!.value),
  );
});

it('counts the longest way, and levels that are dropped unused not at all', () => {
  const builder = new ProgramBuilder(testParameters(8192, [40, 30, 30, 30], 50, 30));
  const x = builder.input(1);
  const square = builder.polynomial(x, [[0, 0]], { unitLeading: true });
  const low = builder.input(1, 1);
  expect(multiplicativeDepth(builder.build([builder.product(square, low)]))).toBe(2);
  expect(multiplicativeDepth(builder.build([low]))).toBe(0);
});

it('goes on through refreshes, beyond the chain', () => {
  const parameters = refreshableParameters();
  const builder = new ProgramBuilder(parameters);
  let value = builder.input(1, 2);
  for (let i = 0; i < 8; i++) {
    // Of degree 3, then a map: from level 6 down to 3.
    value = builder.polynomial(builder.refresh(value), [[0, 1, 0, 0.5]]);
    value = builder.linear([value], map);
  }
  const depth = multiplicativeDepth(builder.build([value]));
  expect(depth).toBe(8 * 3);
  expect(depth).toBeGreaterThan(parameters.dataPrimes.length - 1);
});

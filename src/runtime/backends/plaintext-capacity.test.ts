/** What `program/plaintext-capacity.ts` says that plaintexts hold is what node-seal and the native engine take at run time. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describe } from 'vitest';
import { fitsPlaintext, modulusBits } from '../../program/plaintext-capacity.ts';
import type { Program } from '../../program/program.ts';
import { ProgramBuilder } from '../../program/testing/program-builder.ts';
import { testParameters } from '../../program/testing/test-parameters.ts';
import { runOnBackend, type BackendUnderTest } from './testing/contract.ts';
import { describeNative } from './testing/describe-native.ts';
import { makeNativeUnderTest } from './testing/native-under-test.ts';
import { makeSealUnderTest } from './testing/seal-under-test.ts';

const PARAMETERS = testParameters(4096, [40, 30], 36, 30);
const TOP = 1;
const BITS = modulusBits(PARAMETERS, TOP);

/** x times a plaintext of one number in every slot, which is its only coefficient: `coefficient`, scale included. */
function timesConstant(coefficient: number): Program {
  const builder = new ProgramBuilder(PARAMETERS);
  const weight = coefficient / Number(PARAMETERS.dataPrimes[TOP]!);
  const diagonal = { indices: null, values: new Float64Array(builder.slotCount).fill(weight) };
  const terms = [{ baby: 0, diagonal }];
  const babies = [{ source: 0, step: 0, from: -1, via: [] }];
  const outputs = [{ giants: [{ step: 0, into: -1, via: [], terms }], reductions: [], bias: null }];
  return builder.build([builder.linear([builder.input(1)], { babies, outputs })]);
}

function describeCapacity<C>(make: () => Promise<BackendUnderTest<C>>): void {
  let tested: BackendUnderTest<C>;
  beforeAll(async () => {
    tested = await make();
  });
  afterAll(() => tested[Symbol.dispose]());

  it.each([0.25, 0.999, 1.001, 2, 1000])(
    'takes what fits and nothing else: %d of a quarter modulus',
    (part) => {
      const coefficient = part * 2 ** (BITS - 2);
      const zeros = [[new Float64Array(PARAMETERS.polyModulusDegree / 2)]];
      const run = (): unknown => runOnBackend(tested, timesConstant(coefficient), zeros);
      if (fitsPlaintext(coefficient, BITS)) expect(run).not.toThrow();
      else expect(run).toThrow(/too large/);
      expect(fitsPlaintext(coefficient, BITS)).toBe(part < 1);
    },
  );
}

describe('the capacity of plaintexts on node-seal', () => {
  describeCapacity(() => makeSealUnderTest(PARAMETERS, []));
});

describeNative('the capacity of plaintexts on the native engine', () => {
  describeCapacity(() => makeNativeUnderTest(PARAMETERS, []));
});

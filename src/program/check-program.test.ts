/** One program that is sound, and for every rule what breaks it: each must be refused for its own reason. */
import { describe, expect, it } from 'vitest';
import { ArtifactError } from '../errors.ts';
import { checkInputRange, checkLayout, checkProgram } from './check-program.ts';
import type { ParametersLiteral } from './parameters.ts';
import type {
  LinearInstruction,
  PolynomialInstruction,
  ProductInstruction,
  Program,
  RefreshInstruction,
} from './program.ts';
import { fromDense } from './slot-vector.ts';
import { ProgramBuilder } from './testing/program-builder.ts';

type Writable<T> = T extends number | Int32Array | Float64Array
  ? T
  : { -readonly [K in keyof T]: Writable<T[K]> };
type Loose = Writable<Program>;

const SLOTS = 8;
const LEVELS = 6;

const PARAMETERS: ParametersLiteral = {
  scheme: 'ckks',
  polyModulusDegree: 2 * SLOTS,
  dataPrimes: Array.from({ length: LEVELS }, (_, i) => BigInt(1_000_003 + i)),
  specialPrimes: [2_000_003n, 2_000_005n],
  securityLevel: 128,
  secretDistribution: 'uniform-ternary',
  scaleBits: 20,
  dnum: 3,
};

function vector(): ReturnType<typeof fromDense> {
  return fromDense(Float64Array.from({ length: SLOTS }, (_, slot) => slot + 1));
}

/** ((Mx + Ly)³ · (Mx + Ly)), and x for itself; rotations by 1, 2 and 4, some chained, giants that flow into each other. */
function sound(): Loose {
  const builder = new ProgramBuilder(PARAMETERS);
  const [x, y] = [builder.input(1), builder.input(1)];
  const sum = builder.linear([x, y], {
    babies: [
      { source: 0, step: 0, from: -1, via: [] },
      { source: 0, step: 1, from: 0, via: [1] },
      { source: 0, step: 4, from: 1, via: [1, 2] },
      { source: 1, step: 0, from: -1, via: [] },
      { source: 1, step: 2, from: -1, via: [2] },
    ],
    outputs: [
      {
        giants: [
          { step: 4, into: 1, via: [4], terms: [{ baby: 0, diagonal: vector() }] },
          { step: 0, into: -1, via: [], terms: [2, 3, 4].map((baby) => ({ baby, diagonal: vector() })) },
        ],
        reductions: [[1, 2]],
        bias: vector(),
      },
    ],
  });
  const cube = builder.polynomial(sum, [[0, vector(), 0, 1]]);
  const product = builder.product(cube, sum);
  return structuredClone(builder.build([product, x])) as Loose;
}

const linear = ({ instructions }: Loose) => instructions[0] as Writable<LinearInstruction>;
const polynomial = ({ instructions }: Loose) => instructions[1] as Writable<PolynomialInstruction>;
const product = ({ instructions }: Loose) => instructions[2] as Writable<ProductInstruction>;
const plan = (program: Loose) => linear(program).outputs[0]!;
const sparse = (indices: number[]) => ({
  indices: Int32Array.from(indices),
  values: new Float64Array(indices.length),
});

function check(program: Loose): void {
  checkProgram(program as Parameters<typeof checkProgram>[0], PARAMETERS);
}

it('a sound program passes', () => {
  expect(sound().rotationKeys).toEqual([1, 2, 4].map((step) => ({ step, level: LEVELS - 1 })));
  expect(() => check(sound())).not.toThrow();
});

it.each<[string, (program: Loose) => void]>([
  ['keys for every step', (p) => p.rotationKeys.push({ step: SLOTS - 1, level: 0 })],
  ['rotations that go around', (p) => Object.assign(linear(p).babies[2]!, { via: [4, 4, 1, 2] })],
  [
    'diagonals that name their slots, in order',
    (p) => (plan(p).giants[0]!.terms[0]!.diagonal = sparse([0, 3, SLOTS - 1])),
  ],
])('so does one with %s', (_what, change) => {
  const program = sound();
  change(program);
  expect(() => check(program)).not.toThrow();
});

describe('refused is', () => {
  it.each<[string, (program: Loose) => void, RegExp]>([
    ['a key twice', (p) => p.rotationKeys.push({ step: 4, level: 1 }), /steps do not ascend/],
    [
      'a key of a whole turn',
      (p) => p.rotationKeys.push({ step: SLOTS, level: 1 }),
      /reaches past the slots/,
    ],
    ['a key above the chain', (p) => (p.rotationKeys[1]!.level = LEVELS), /key of step 2 is for level 6/],
    [
      'a relinearization key above the chain',
      (p) => (p.relinearizationLevel = LEVELS),
      /relinearization key is for a level above/,
    ],
    ['a value out of place', (p) => (p.values[3]!.id = 2), /value 3 is listed as 2/],
    ['a value above the chain', (p) => (p.values[0]!.level = LEVELS), /value 0 is at level 6/],
    [
      'a value that is not there',
      (p) => (linear(p).inputs[1] = 9),
      /layer linear0 uses value 9 before it exists/,
    ],
    ['a value used too early', (p) => (product(p).left = 4), /layer product2 uses value 4 before/],
    [
      'a value below the level it is used at',
      (p) => (p.values[1]!.level = LEVELS - 2),
      /linear0 needs value 1 at level 5, it has 4/,
    ],
    ['a value made twice', (p) => (polynomial(p).output = 2), /polynomial1 produces value 2 twice/],
    ['a value made out of range', (p) => (polynomial(p).output = 7), /polynomial1 produces value 7/],
    ['a value at another level than declared', (p) => (p.values[2]!.level = 3), /linear0 yields level 4/],
    ['an input without a value', (p) => (p.inputs[1]!.value = 5), /input x1 has no value of its own/],
    ['two inputs of one value', (p) => (p.inputs[1]!.value = 0), /input x1 has no value of its own/],
    [
      'an input in another layout than its value',
      (p) => (p.inputs[0]!.layout.ciphertexts = 2),
      /input x0 has 2 cip/,
    ],
    ['a missing plaintext scale', (p) => linear(p).plainScales.pop(), /lacks a plaintext scale/],
    [
      'a linear map of too few ciphertexts',
      (p) => linear(p).outputs.push(plan(p)),
      /wrong number of ciphertexts/,
    ],
    [
      'a rotation of a ciphertext that is not there',
      (p) => (linear(p).babies[3]!.source = 2),
      /rotation out of order/,
    ],
    ['a rotation of itself', (p) => (linear(p).babies[1]!.from = 1), /rotation out of order/],
    [
      'a rotation without a key',
      (p) => Object.assign(linear(p).babies[4]!, { via: [3], step: 3 }),
      /by 3, for which there is no key/,
    ],
    [
      'a rotation above its key',
      (p) => (p.rotationKeys[0]!.level = 4),
      /linear0 rotates by 1 at level 5, above its key's/,
    ],
    [
      'a rotation of another ciphertext than it says',
      (p) => (linear(p).babies[2]!.source = 1),
      /mixes ciphertexts/,
    ],
    [
      'a rotation that does not add up',
      (p) => (linear(p).babies[2]!.step = 3),
      /rotation that does not add up/,
    ],
    [
      'a rotation from the input that does not add up',
      (p) => (linear(p).babies[4]!.step = 3),
      /does not add up/,
    ],
    ['an output without terms', (p) => (plan(p).giants = []), /output without terms/],
    ['a giant into itself', (p) => (plan(p).giants[0]!.into = 0), /giants out of order/],
    ['a giant into one before it', (p) => (plan(p).giants[1]!.into = 0), /giants out of order/],
    ['a giant into none', (p) => (plan(p).giants[1]!.into = 2), /giants out of order/],
    ['a giant without a key', (p) => (plan(p).giants[0]!.via = [5]), /by 5, for which there is no key/],
    [
      'a term that is not there',
      (p) => (plan(p).giants[0]!.terms[0]!.baby = 5),
      /a rotation that is not there/,
    ],
    [
      'a diagonal of too few slots',
      (p) => (plan(p).giants[1]!.terms[2]!.diagonal = { indices: null, values: new Float64Array(7) }),
      /has 7 entries, expected 8/,
    ],
    [
      'a diagonal past the slots',
      (p) => (plan(p).giants[0]!.terms[0]!.diagonal = sparse([1, SLOTS])),
      /index out of order or range/,
    ],
    [
      'a diagonal with a slot twice',
      (p) => (plan(p).giants[0]!.terms[0]!.diagonal = sparse([1, 1])),
      /index out of order or range/,
    ],
    [
      'a diagonal before the first slot',
      (p) => (plan(p).giants[0]!.terms[0]!.diagonal = sparse([-1, 1])),
      /index out of order or range/,
    ],
    [
      'a diagonal with more slots than values',
      (p) =>
        (plan(p).giants[0]!.terms[0]!.diagonal = {
          indices: Int32Array.of(1, 2),
          values: new Float64Array(1),
        }),
      /unequal index and value counts/,
    ],
    ['a reduction without a key', (p) => (plan(p).reductions[0]![1] = 3), /by 3, for which there is no key/],
    [
      'a bias of too few slots',
      (p) => (plan(p).bias = { indices: null, values: new Float64Array(1) }),
      /1 entries/,
    ],
    [
      'a polynomial without a key',
      (p) => (p.relinearizationLevel = null),
      /polynomial1 multiplies at level 4/,
    ],
    [
      'a polynomial above its key',
      (p) => (p.relinearizationLevel = 3),
      /polynomial1 multiplies at level 4, above the relinearization key's/,
    ],
    [
      'a unit leading term of a degree that is no power of two',
      (p) => Object.assign(polynomial(p), { unitLeading: true }),
      /unit leading term of odd degree/,
    ],
    [
      'a polynomial deeper than its level',
      (p) => Object.assign(polynomial(p), { degree: 31 }),
      /needs 5 levels/,
    ],
    [
      'a polynomial that ends at another level',
      (p) => Object.assign(polynomial(p), { degree: 4 }),
      /polynomial1 yields level 1, but value 3 is declared at 2/,
    ],
    [
      'a polynomial of more ciphertexts than it reads',
      (p) => (p.values[3]!.ciphertexts = 2),
      /changes the number of ciphertexts/,
    ],
    [
      'a polynomial without coefficients',
      (p) => (polynomial(p).coefficients = []),
      /polynomial1 lacks coefficients/,
    ],
    [
      'a polynomial with a coefficient too few',
      (p) => polynomial(p).coefficients[0]!.pop(),
      /wrong number of coefficients/,
    ],
    [
      'a unit leading term that is given as well',
      (p) =>
        Object.assign(polynomial(p), {
          degree: 4,
          unitLeading: true,
          coefficients: [[0, 0, 0, 0, 1]],
        }),
      /wrong number of coefficients/,
    ],
    [
      'a coefficient of too few slots',
      (p) => (polynomial(p).coefficients[0]![1] = { indices: null, values: new Float64Array(2) }),
      /2 entries/,
    ],
    [
      'a product below its level',
      (p) => (product(p).level = 3),
      /product2 needs value 3 at level 3, it has 2/,
    ],
    ['a product of unequal operands', (p) => (p.values[4]!.ciphertexts = 2), /product2 has unequal operands/],
    ['an output that is not there', (p) => (p.outputs[0]!.value = 5), /output y0 uses value 5 before/],
    [
      'an output in another layout than its value',
      (p) => (p.outputs[1]!.layout.slotCount = 4),
      /output y1 has 4 slots, expected 8/,
    ],
  ])('%s', (_what, change, reason) => {
    const program = sound();
    change(program);
    expect(() => check(program)).toThrow(
      expect.objectContaining({ code: 'ARTIFACT_INVALID' }) as ArtifactError,
    );
    expect(() => check(program)).toThrow(reason);
  });
});

it('refused is a product above its key', () => {
  const program = sound();
  program.instructions.splice(1, 1);
  Object.assign(program.instructions[1]!, { left: 2, level: 4 });
  Object.assign(program.values[4]!, { level: 3 });
  expect(() => check(program)).not.toThrow();
  program.relinearizationLevel = 3;
  expect(() => check(program)).toThrow(/product2 multiplies at level 4/);
});

describe('a layout', () => {
  const layout = (positions: number[], period = 4, ciphertexts = 1) => ({
    shape: [1, positions.length],
    slotCount: SLOTS,
    ciphertexts,
    period,
    positions: Int32Array.from(positions),
    format: 'test',
  });
  const verdict = (value: ReturnType<typeof layout>, ciphertexts = value.ciphertexts): string => {
    try {
      checkLayout(value, SLOTS, ciphertexts, 'it');
    } catch (error) {
      return (error as ArtifactError).message;
    }
    return 'sound';
  };

  it.each([
    ['copies that interleave', layout([0, 5, 2, 7])],
    ['elements across ciphertexts', layout([0, SLOTS, 2 * SLOTS - 1], SLOTS, 2)],
    ['one element', layout([SLOTS - 1], 1)],
  ])('may have %s', (_what, value) => {
    expect(verdict(value)).toBe('sound');
  });

  it.each([
    ['an element where the copy of another is', layout([1, 5]), /one slot to two elements/],
    ['two elements in one slot of many ciphertexts', layout([9, 9], SLOTS, 2), /one slot to two elements/],
    ['an element past the last ciphertext', layout([SLOTS], SLOTS), /position outside/],
    ['an element before the first slot', layout([-1]), /position outside/],
    ['a period that does not divide the slots', layout([0], 3), /period that does not divide 8/],
    ['copies of several ciphertexts', layout([0], 4, 2), /copied across several ciphertexts/],
    ['more elements than its shape', { ...layout([0, 1]), shape: [1] }, /does not cover its shape/],
    ['more elements than any', { ...layout([]), shape: [2 ** 28 + 1] }, /does not cover its shape/],
  ])('may not have %s', (_what, value, reason) => {
    expect(verdict(value)).toMatch(reason);
  });

  it('must be of as many ciphertexts and slots as its value', () => {
    expect(verdict(layout([0], SLOTS, 2), 1)).toMatch(/it has 2 ciphertexts, expected 1/);
    expect(verdict({ ...layout([0]), slotCount: 16 })).toMatch(/it has 16 slots, expected 8/);
  });
});

it('bounds of an input are those of all of it or of every channel', () => {
  const range = (channels: number) => ({
    min: Array<number>(channels).fill(0),
    max: Array<number>(channels).fill(1),
  });
  for (const channels of [1, 3]) {
    expect(() => checkInputRange(range(channels), [1, 3, 8, 8], 'input x')).not.toThrow();
  }
  expect(() => checkInputRange(undefined, [1, 3, 8, 8], 'input x')).not.toThrow();
  expect(() => checkInputRange(range(8), [1, 3, 8, 8], 'input x')).toThrow(
    /ranges of 8 channels.*1, 3, 8, 8/,
  );
  expect(() => checkInputRange(range(2), [1], 'input x')).toThrow(/ranges of 2 channels/);
});

describe('a refresh', () => {
  // Eight slots, three butterfly stages: two levels down, eleven up.
  const parameters: ParametersLiteral = {
    ...PARAMETERS,
    dataPrimes: Array.from({ length: 15 }, (_, i) => BigInt(1_000_003 + i)),
    refresh: {
      raisedBits: 20,
      down: [
        { stages: 1, babies: 2 },
        { stages: 2, babies: 2 },
      ],
      up: [
        { stages: 2, babies: 3 },
        { stages: 1, babies: 2 },
      ],
      ephemeralWeight: 3,
    },
  };
  const refreshing = (): Loose => {
    const builder = new ProgramBuilder(parameters);
    const x = builder.input(1, 4);
    return structuredClone(builder.build([builder.refresh(x), x])) as Loose;
  };
  const refresh = ({ instructions }: Loose) => instructions[0] as Writable<RefreshInstruction>;
  const verdict = (change: (program: Loose) => void, under = parameters): void => {
    const program = refreshing();
    change(program);
    checkProgram(program as Parameters<typeof checkProgram>[0], under);
  };

  it('is as the chain has it, with the keys of its transforms', () => {
    const program = refreshing();
    expect(() => verdict(() => undefined)).not.toThrow();
    expect(refresh(program)).toMatchObject({ level: 2, ratio: 4 });
    expect(program.values[1]).toMatchObject({ level: 4, ciphertexts: 1 });
    expect(program.refreshKeys).toEqual({ conjugationLevel: 13, raiseLevel: 14 });
    expect(program.relinearizationLevel).toBe(12);
    // Down: offsets −1 … 1 by 1, two at a time, then −4 … 2 by 2; up: the largest block −4 and 0, then −3 … 3 by 1.
    const level = Object.fromEntries(program.rotationKeys.map((key) => [key.step, key.level]));
    expect(level).toEqual({ 2: 2, 3: 13, 4: 14, 5: 13, 6: 13, 7: 13 });
    for (const ratio of [2, 2 ** 16]) expect(() => verdict((p) => (refresh(p).ratio = ratio))).not.toThrow();
  });

  it.each<[string, (program: Loose) => void, RegExp]>([
    ['a value that is not there', (p) => (refresh(p).input = 9), /refresh0 uses value 9 before it exists/],
    ['itself', (p) => (refresh(p).input = 1), /refresh0 uses value 1 before it exists/],
    ['a value below its level', (p) => (p.values[0]!.level = 1), /needs value 0 at level 2, it has 1/],
    ['from another level', (p) => (refresh(p).level = 3), /refreshes from level 3, not 2/],
    ['to another level', (p) => (p.values[1]!.level = 5), /yields level 4, but value 1 is declared at 5/],
    ['to another scale', (p) => (p.values[1]!.scale *= 2), /yields scale \S+, not/],
    ['an input again', (p) => (refresh(p).output = 0), /produces value 0 twice/],
    ['more ciphertexts than it reads', (p) => (p.values[1]!.ciphertexts = 2), /changes the number of cip/],
    ['values beyond 1', (p) => (p.values[0]!.bound = 1.001), /refreshes values beyond 1/],
    ['by a ratio between', (p) => (refresh(p).ratio = 6), /no power of two/],
    ['without a rotation key', (p) => p.rotationKeys.pop(), /rotates by 7, for which there is no key/],
    ['above a rotation key', (p) => (p.rotationKeys[2]!.level = 13), /rotates by 4 at level 14, above/],
    ['above the relinearization key', (p) => (p.relinearizationLevel = 11), /multiplies at level 12, above/],
    ['without relinearization', (p) => (p.relinearizationLevel = null), /multiplies at level 12/],
    ['without keys of its own', (p) => delete p.refreshKeys, /refreshes without keys for it/],
    [
      'above the conjugation key',
      (p) => (p.refreshKeys!.conjugationLevel = 12),
      /refreshes without keys for it/,
    ],
    ['to less than the chain', (p) => (p.refreshKeys!.raiseLevel = 13), /refreshes without keys for it/],
    ['by a key above the chain', (p) => (p.refreshKeys!.raiseLevel = 15), /key of refreshes is for a level/],
    ['by a conjugation above it', (p) => (p.refreshKeys!.conjugationLevel = 15), /key of refreshes is for/],
  ])('is refused of or with %s', (_what, change, reason) => {
    expect(() => verdict(change)).toThrow(reason);
  });

  it('is refused where the parameters have nothing for it, and its keys where nothing is refreshed', () => {
    const { refresh: _refresh, ...without } = parameters;
    expect(() => verdict(() => undefined, without)).toThrow(/for which the parameters have nothing/);
    const keys = { conjugationLevel: 1, raiseLevel: 1 };
    const program = Object.assign(sound(), { refreshKeys: keys });
    expect(() => check(program)).toThrow(/keys for refreshes, but none of these/);
  });
});

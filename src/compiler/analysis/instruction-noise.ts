/** What each instruction makes of the errors of its operands, and what it adds: variances per slot. */
import { unreachable } from '../../errors.ts';
import type {
  LinearInstruction,
  OutputPlan,
  PolynomialInstruction,
  ProductInstruction,
  Program,
  RefreshInstruction,
} from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import { BOUND_MARGIN } from './bounds.ts';
import { gatheredShares, noiseSources, type NoiseSources } from './noise-sources.ts';
import { evaluationNoise, polynomialGain } from './polynomial-noise.ts';
import { refreshGain, refreshNoise, type RefreshNoise } from './refresh-noise.ts';

/** Error variance of one value. */
export interface SlotVariances {
  /** Over the slots in use. */
  readonly mean: number;
  /** Per ciphertext, of every slot; null where all are alike. */
  readonly slots: readonly Float64Array[] | null;
}

/** The same in all slots. */
export function alike(mean: number): SlotVariances {
  return { mean, slots: null };
}

/** What errors under a chain are made of. */
export interface ChainNoise {
  /** q_0 … q_L as float64. */
  readonly primes: readonly number[];
  readonly sources: NoiseSources;
  readonly refresh: RefreshNoise;
}

export function chainNoise(parameters: CkksParameters): ChainNoise {
  const sources = noiseSources(parameters);
  return {
    primes: parameters.dataPrimes.map(Number),
    sources,
    refresh: refreshNoise(parameters, sources),
  };
}

export interface NoiseSetting extends ChainNoise {
  readonly program: Program;
  /** Error variance of the values known so far. */
  readonly variance: readonly number[];
  readonly meanSquares: readonly number[];
}

/** Error variance of the value that an instruction computes. */
export function instructionVariance(
  setting: NoiseSetting,
  instruction: Program['instructions'][number],
): SlotVariances {
  switch (instruction.kind) {
    case 'linear':
      return linearVariance(setting, instruction);
    case 'polynomial':
      return alike(polynomialVariance(setting, instruction));
    case 'product':
      return alike(productVariance(setting, instruction));
    case 'refresh':
      return alike(refreshVariance(setting, instruction));
    default:
      return unreachable(instruction, 'instruction');
  }
}

function linearVariance(
  { program, sources, variance, meanSquares }: NoiseSetting,
  instruction: LinearInstruction,
): SlotVariances {
  const { level, babies, inputs, plainScales, outputs } = instruction;
  const inputOf = inputs.flatMap((value, i) => new Array<number>(program.values[value]!.ciphertexts).fill(i));
  const shares = gatheredShares(program.slotCount);
  /** What rotating has added: of all steps but the last, the rounding too. */
  const rotating: number[] = [];
  const gatheredIn: number[][] = [];
  const factors = babies.map(({ source, from, via }, b): BabyNoise => {
    const input = inputOf[source]!;
    const value = inputs[input]!;
    const { scale } = program.values[value]!;
    const last = sources.deferredKeySwitch(level, scale);
    const whole = sources.keySwitch(level, scale);
    const before = from < 0 || rotating[from] === 0 ? 0 : rotating[from]! + whole - last;
    rotating[b] = via.length === 0 ? (rotating[from] ?? 0) : before + (via.length - 1) * whole + last;
    gatheredIn[b] = rotatedSlots(gatheredIn[from] ?? [], via, program.slotCount);
    // Where not even slot 0 stands out, all slots are alike.
    const gathered = sources.gathered(level, scale);
    const uneven = gathered * shares[0]! > sources.rescale(scale) ? gathered : 0;
    return {
      variance: variance[value]! + rotating[b] - uneven * gatheredIn[b].length,
      gathered: uneven,
      gatheredIn: gatheredIn[b],
      // (x + ε)(d + δ) = x d + ε d + x δ: the diagonal's encoding error counts x².
      encoding: meanSquares[value]! * sources.plaintext(plainScales[input]!),
    };
  });
  const productScale = program.values[inputs[0]!]!.scale * plainScales[0]!;
  const switching = sources.keySwitch(level, productScale);
  const outputScale = program.values[instruction.output]!.scale;
  const sums = outputs.map((plan) => {
    const rounding = sources.rescale(outputScale) + (plan.bias === null ? 0 : sources.plaintext(outputScale));
    const { everywhere, rows } = sumVariance(plan, factors, switching, shares);
    // Slots that no diagonal reaches hold no element.
    const used = rows.filter((value) => value > 0);
    const reached = used.reduce((sum, value) => sum + value, 0) / Math.max(used.length, 1);
    const even = everywhere + rounding;
    return { mean: even + reached, slots: rows.map((value) => even + value) };
  });
  const mean = sums.reduce((sum, of) => sum + of.mean, 0) / sums.length;
  return { mean, slots: sums.map(({ slots }) => slots) };
}

interface BabyNoise {
  /** Of the rotated ciphertext, in all slots alike. */
  readonly variance: number;
  /** Mean of what each key switch adds besides, in shares of `gatheredShares` from each of the slots `gatheredIn` on. */
  readonly gathered: number;
  readonly gatheredIn: readonly number[];
  /** Of the encoded diagonal's rounding, times the ciphertext's value. */
  readonly encoding: number;
}

/** Where slot 0 of each key switch has come to after all of them. */
function rotatedSlots(before: readonly number[], via: readonly number[], slotCount: number): number[] {
  return via.reduce(
    (slots: number[], step) => [...slots.map((slot) => (slot - step + slotCount) % slotCount), 0],
    [...before],
  );
}

/** The sum of all diagonals times babies, giants rotated and reductions done, before the rescale: `rows` + `everywhere`. */
function sumVariance(
  plan: OutputPlan,
  babies: readonly BabyNoise[],
  switching: number,
  shares: Float64Array,
): { readonly rows: Float64Array; readonly everywhere: number } {
  const slotCount = shares.length;
  let rows: Float64Array = new Float64Array(slotCount);
  let everywhere = 0;
  for (const { step, via, terms } of plan.giants) {
    everywhere += via.length * switching;
    for (const { baby, diagonal } of terms) {
      const { variance, encoding, gathered, gatheredIn } = babies[baby]!;
      everywhere += encoding;
      if (typeof diagonal === 'number') {
        everywhere += diagonal ** 2 * (variance + gathered * gatheredIn.length);
        continue;
      }
      for (let k = 0; k < diagonal.values.length; k++) {
        const at = diagonal.indices === null ? k : diagonal.indices[k]!;
        let own = variance;
        if (gathered > 0)
          for (const first of gatheredIn) own += gathered * shares[(at - first + slotCount) % slotCount]!;
        const row = at < step ? at - step + slotCount : at - step;
        rows[row] = rows[row]! + diagonal.values[k]! ** 2 * own;
      }
    }
  }
  for (const via of plan.reductions) {
    const step = via.reduce((sum, part) => sum + part, 0) % slotCount;
    const before = rows;
    rows = before.map((value, slot) => value + before[(slot + step) % slotCount]!);
    everywhere = 2 * everywhere + via.length * switching;
  }
  return { rows, everywhere };
}

function polynomialVariance(
  { program, primes, sources, variance, meanSquares }: NoiseSetting,
  instruction: PolynomialInstruction,
): number {
  const { slotCount } = program;
  // A uniform distribution over ±reach has mean square reach² / 3; of few large values it would reach further than any of
  // them, where Chebyshev polynomials grow beyond all bounds.
  const { bound, scale } = program.values[instruction.input]!;
  const reach = Math.min(Math.sqrt(3 * meanSquares[instruction.input]!), bound / BOUND_MARGIN);
  const brought = variance[instruction.input]!;
  const own = evaluationNoise(instruction, reach, scale, { slotCount, primes, sources });
  return (brought > 0 ? brought * polynomialGain(instruction, reach, slotCount) : 0) + own;
}

function refreshVariance(
  { program, refresh, variance, meanSquares }: NoiseSetting,
  { input, ratio }: RefreshInstruction,
): number {
  const { scale, bound } = program.values[input]!;
  const reach = Math.min(Math.sqrt(3 * meanSquares[input]!), bound);
  return variance[input]! * refreshGain(ratio, reach) + refresh(scale, ratio);
}

function productVariance(
  { program, sources, variance, meanSquares }: NoiseSetting,
  instruction: ProductInstruction,
): number {
  const { left, right, level, output } = instruction;
  const [a, b] = [variance[left]!, variance[right]!];
  const scale = program.values[left]!.scale * program.values[right]!.scale;
  const operands =
    left === right ? 4 * meanSquares[left]! * a : meanSquares[right]! * a + meanSquares[left]! * b + a * b;
  return operands + sources.keySwitch(level, scale) + sources.rescale(program.values[output]!.scale);
}

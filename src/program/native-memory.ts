/**
 * Bytes that the native engine needs, from the shapes alone: a compile constraint and a forecast. One limb is N coefficients of
 * 8 bytes, but for keys and encoded diagonals, which are packed. The linear maps' sums stay in the extended basis, K limbs more than a
 * ciphertext has.
 */
import { digitsAt, type ParametersLiteral } from './parameters.ts';
import { lastUses, slotVectorBytes } from './memory-model.ts';
import type { Coefficient, GiantStep, Instruction, LinearInstruction, Program } from './program.ts';
import {
  extendedLimbs,
  limbBytes,
  nativeKeys,
  packedBytes,
  type KeyBytes,
  type KeyShape,
} from './native-keys.ts';
import { rotationPoints } from './rotation-points.ts';
import { planStructure } from './semantics/choose-polynomial-plan.ts';
import { CountingAlgebra, type ShapePlaintext } from './semantics/counting-algebra.ts';
import { evaluatePolynomial } from './semantics/evaluate-polynomial.ts';
import { sinePolynomial } from './semantics/evaluate-sine.ts';
import { planRefresh, refreshShape } from './semantics/refresh-plan.ts';
import { residueShare, stageKey, transformGrid, type TransformStage } from './semantics/transform-stage.ts';

type Shape = KeyShape & Pick<ParametersLiteral, 'scaleBits' | 'refresh'>;

/** Roots and inverse roots with their quotients, and base conversions, per prime. */
const TABLE_LIMBS = 6;
/** The process around the engine: Node, the program's structure, buffers for ciphertexts on their way. */
const PROCESS_BYTES = 384 * 2 ** 20;
/** Limbs lie a little apart in memory, and pieces between blocks stay free. */
const POOL_OVERHEAD = 1.02;
/** Threads that the forecast allows for: each has scratch limbs of its own. */
const THREADS = 2;

/** Giant steps that are accumulated together, and plaintext limbs expanded at a time. */
const GIANTS_AT_A_TIME = 64;
const EXPANDED_AT_A_TIME = 8;

export interface NativeMemory {
  /** All evaluation keys. */
  readonly keyBytes: number;
  /** The most that values take at one time. */
  readonly ciphertextBytes: number;
  /** What the hungriest instruction needs for itself. */
  readonly workspaceBytes: number;
  /** Outside the engine's pool: tables of the primes, the process, the program. */
  readonly contextBytes: number;
  /** All diagonals and coefficients encoded; those that do not fit are encoded when they are used. */
  readonly plaintextBytes: number;
  /** Of these, what has no smaller form than encoded: constants that are added at the scale of a product. */
  readonly unshrinkableBytes: number;
  /** What an evaluation cannot do without: all but the plaintexts. */
  readonly evaluationBytes: number;
  /** What cannot be done without: that and the plaintexts that have no smaller form, or more, while keys are loaded. */
  readonly total: number;
}

export function nativeMemory(program: Program, parameters: Shape): NativeMemory {
  const limb = limbBytes(parameters);
  return addUpNative(
    {
      keys: nativeKeys(program, parameters),
      ciphertextBytes: limb * peakValueLimbs(program),
      workspaceBytes:
        limb * Math.max(0, ...program.instructions.map((instruction) => workLimbs(instruction, parameters))),
      slotVectorBytes: slotVectorBytes(program),
      plaintextBytes: program.instructions.reduce(
        (sum, instruction) => sum + plaintextsOf(instruction, parameters),
        refreshPlaintexts(program, parameters),
      ),
      unshrinkableBytes:
        limb *
        program.instructions.reduce((sum, instruction) => sum + largeLimbs(instruction, parameters), 0),
    },
    parameters,
  );
}

/** What a program itself takes, in bytes, however that is known. */
export interface NativeParts extends Pick<
  NativeMemory,
  'ciphertextBytes' | 'workspaceBytes' | 'plaintextBytes' | 'unshrinkableBytes'
> {
  readonly keys: readonly KeyBytes[];
  readonly slotVectorBytes: number;
}

export function addUpNative(
  { keys, ciphertextBytes, workspaceBytes, slotVectorBytes, plaintextBytes, unshrinkableBytes }: NativeParts,
  parameters: KeyShape,
): NativeMemory {
  const keyBytes = keys.reduce((sum, { held }) => sum + held, 0);
  const inFiles = keys.reduce((sum, { inFile }) => sum + inFile, 0);
  const primes = parameters.dataPrimes.length + parameters.specialPrimes.length;
  const tables = primes * TABLE_LIMBS * limbBytes(parameters);
  const contextBytes = Math.ceil(PROCESS_BYTES + tables + slotVectorBytes);
  const pooled = (bytes: number): number => Math.ceil(bytes * POOL_OVERHEAD);
  const evaluationBytes = pooled(keyBytes + ciphertextBytes + workspaceBytes) + contextBytes;
  // Keys come in their seeded form, half their size, which is gone once they are loaded; the one made ready is there in words besides.
  const inWords = Math.max(0, ...keys.map(({ inFile }) => inFile));
  const loadingBytes = pooled(keyBytes + inWords) + Math.ceil(inFiles / 2) + contextBytes;
  const total = Math.max(evaluationBytes + pooled(unshrinkableBytes), loadingBytes);
  return {
    keyBytes,
    ciphertextBytes,
    workspaceBytes,
    contextBytes,
    plaintextBytes,
    unshrinkableBytes,
    evaluationBytes,
    total,
  };
}

/** Of the limit, what the engine's pool may take. */
export function nativePoolBytes(memory: NativeMemory, limitBytes: number): number {
  return Math.max(0, Math.floor(limitBytes - memory.contextBytes));
}

/** Of the limit, what encoded plaintexts may take: the compiler counts on it and the runtime keeps to it. */
export function nativePlaintextRoom(memory: NativeMemory, limitBytes: number): number {
  return Math.max(0, Math.floor((limitBytes - memory.evaluationBytes) / POOL_OVERHEAD));
}

function peakValueLimbs(program: Program): number {
  const lastUse = lastUses(program);
  const limbsOf = (id: number): number =>
    2 * program.values[id]!.ciphertexts * (program.values[id]!.level + 1);
  const alive = new Set(program.inputs.map(({ value }) => value));
  let peak = 0;
  program.instructions.forEach((instruction, index) => {
    alive.add(instruction.output);
    peak = Math.max(
      peak,
      [...alive].reduce((sum, id) => sum + limbsOf(id), 0),
    );
    for (const id of alive) if (lastUse[id]! <= index) alive.delete(id);
  });
  return peak;
}

function workLimbs(instruction: Instruction, parameters: Shape): number {
  const { level } = instruction;
  const extended = extendedLimbs(parameters, level);
  const digits = digitsAt(parameters, level);
  switch (instruction.kind) {
    case 'linear': {
      const { babies, outputs } = instruction;
      const { sources, between } = rotationPoints(babies);
      const giants = outputs.reduce((sum, plan) => sum + plan.giants.length, 0);
      const block = Math.min(giants, GIANTS_AT_A_TIME);
      const decomposed = (sources + between) * (level + 1 + digits) + between * extended;
      const sums = (block + outputs.length + 12) * extended;
      // Plaintexts of one giant step that are encoded when they are used.
      const encoded = Math.max(...outputs.flatMap((plan) => plan.giants.map(vectorsOf)));
      return (
        decomposed + sums + encoded + THREADS * (2 * babies.length + block + EXPANDED_AT_A_TIME + digits)
      );
    }
    case 'polynomial':
      return polynomialLimbs(planStructure(instruction).powers.length, level, parameters);
    case 'product':
      return 8 * (level + 1) + (digits + 2) * extended;
    case 'refresh':
      return refreshLimbs(parameters);
  }
}

/** @param powers that are alive together */
function polynomialLimbs(powers: number, level: number, parameters: Shape): number {
  const digits = digitsAt(parameters, level);
  return 3 * (powers + 3) * (level + 1) + (digits + 2) * extendedLimbs(parameters, level);
}

/** The hungriest step of a refresh: a transform from one ciphertext to one, or the sine. */
function refreshLimbs(parameters: Shape): number {
  const { slotsToCoefficients, coefficientsToSlots, sine, sineLevel } = refreshShape(parameters);
  const transforms = [...slotsToCoefficients, ...coefficientsToSlots].map((stage) => {
    const { level, babies } = stage;
    const { giants } = transformGrid(stage);
    const extended = extendedLimbs(parameters, level);
    const digits = digitsAt(parameters, level);
    const block = Math.min(giants, GIANTS_AT_A_TIME);
    const sums = (block + 4) * extended + level + 1 + digits;
    // Its input is what the step before has made.
    const input = 2 * (level + 1);
    return input + sums + THREADS * (2 * babies + block + EXPANDED_AT_A_TIME + digits);
  });
  const { powers } = planStructure(sinePolynomial(sine, sineLevel));
  return Math.max(...transforms, polynomialLimbs(powers.length, sineLevel, parameters));
}

/** Transforms that a program needs: those to slots are the same for all refreshes, those from slots depend on scale and ratio. */
function distinctStages({ instructions, values }: Program, parameters: Shape): TransformStage[] {
  const stages = new Map<string, TransformStage>();
  for (const instruction of instructions) {
    if (instruction.kind !== 'refresh') continue;
    const { scale } = values[instruction.input]!;
    const plan = planRefresh(parameters, { scale, ratio: instruction.ratio });
    for (const stage of [...plan.slotsToCoefficients, ...plan.coefficientsToSlots])
      stages.set(stageKey(stage), stage);
  }
  return [...stages.values()];
}

/** Plaintexts of all refreshes of a program. */
export function refreshDiagonals(program: Program, parameters: Shape): number {
  return distinctStages(program, parameters).reduce((sum, stage) => sum + transformGrid(stage).diagonals, 0);
}

/** Residues in runs are kept as words, once for each run. */
function refreshPlaintexts(program: Program, parameters: Shape): number {
  return distinctStages(program, parameters).reduce((sum, stage) => {
    const share = residueShare(stage);
    const { level } = stage;
    const words = share * extendedLimbs(parameters, level) * limbBytes(parameters);
    return sum + transformGrid(stage).diagonals * (share < 1 ? words : packedBytes(parameters, level));
  }, 0);
}

/** Bytes of an instruction's own plaintexts, encoded. */
function plaintextsOf(instruction: Instruction, parameters: Shape): number {
  const { level } = instruction;
  const limb = limbBytes(parameters);
  switch (instruction.kind) {
    case 'linear':
      return (
        vectorTerms(instruction) * packedBytes(parameters, level) + instruction.outputs.length * level * limb
      );
    case 'polynomial': {
      const vectors = instruction.coefficients.reduce(
        (sum, own) => sum + own.filter((coefficient) => typeof coefficient !== 'number').length,
        0,
      );
      return vectors * (level + 1) * limb;
    }
    case 'product':
      return 0;
    case 'refresh':
      // Shared by all: `refreshPlaintexts`.
      return 0;
  }
}

/** Coefficients of this many bits are no integers that the engine computes with (native/engine/encoder.h). */
const INTEGER_BITS = 58;

/** Adds up the limbs of vectors whose scale, that of a product, makes their coefficients too large. */
class LargeVectors extends CountingAlgebra {
  limbs = 0;

  override encode(value: Coefficient, level: number, scale: number): ShapePlaintext | null {
    if (typeof value !== 'number' && Math.log2(scale) >= INTEGER_BITS) this.limbs += level + 1;
    return super.encode(value, level, scale);
  }
}

function largeLimbs(instruction: Instruction, { dataPrimes, scaleBits }: Shape): number {
  if (instruction.kind !== 'polynomial') return 0;
  const { level, coefficients } = instruction;
  const vectors = coefficients.filter((own) => own.some((one) => typeof one !== 'number')).length;
  if (vectors === 0) return 0;
  const algebra = new LargeVectors(1, dataPrimes.map(Number));
  const input = { level, scale: 2 ** scaleBits, degree: 1 as const };
  evaluatePolynomial(algebra, planStructure(instruction), level, input, 0);
  return vectors * algebra.limbs;
}

function vectorTerms({ outputs }: LinearInstruction): number {
  return outputs.reduce((sum, { giants }) => sum + giants.reduce((n, giant) => n + vectorsOf(giant), 0), 0);
}

/** Weights that are numbers are never expanded. */
function vectorsOf({ terms }: GiantStep): number {
  return terms.reduce((count, { diagonal }) => count + (typeof diagonal === 'number' ? 0 : 1), 0);
}

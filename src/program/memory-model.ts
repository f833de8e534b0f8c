/**
 * Bytes that SEAL needs, from the shapes alone: a compile constraint, and what the runtime checks before it allocates,
 * since a full WASM heap does not fail but hang. One limb is N coefficients of 8 bytes.
 */
import type { ParametersLiteral } from './parameters.ts';
import type { Coefficient, Instruction, LinearInstruction, Program } from './program.ts';
import { operandsOf, usesNumbers } from './program.ts';
import type { SlotVector } from './slot-vector.ts';
import { accumulatorCount, bestWidth, spareBits } from './semantics/addition-chains.ts';
import { liveCiphertexts } from './semantics/live-ciphertexts.ts';

/** SEAL's pools grow each size class by 5 % steps (MemoryPool::alloc_size_multiplier) and never give back. */
export const POOL_OVERHEAD = 1.05;

/** A WASM heap holds 4 GiB less one page; some is left for fragments and the allocator's own steps. */
export const SEAL_HEAP_BYTES = 4 * 2 ** 30 - 128 * 2 ** 20;

type Shape = Pick<ParametersLiteral, 'polyModulusDegree' | 'dataPrimes' | 'specialPrimes' | 'plainModuli'>;

function limbBytes({ polyModulusDegree }: Pick<ParametersLiteral, 'polyModulusDegree'>): number {
  return polyModulusDegree * 8;
}

/** One Galois or relinearization key: a digit per data prime, each of 2 polynomials over all primes. */
export function sealKeyBytes(parameters: Shape): number {
  const digits = parameters.dataPrimes.length;
  return digits * 2 * (digits + parameters.specialPrimes.length) * limbBytes(parameters);
}

/** A relinearized ciphertext at `level`; three halves of it before relinearization. */
export function sealCiphertextBytes(
  parameters: Pick<ParametersLiteral, 'polyModulusDegree'>,
  level: number,
): number {
  return 2 * (level + 1) * limbBytes(parameters);
}

export function sealPlaintextBytes(
  parameters: Pick<ParametersLiteral, 'polyModulusDegree'>,
  level: number,
): number {
  return (level + 1) * limbBytes(parameters);
}

/** Workers that an evaluation has unless it is told otherwise, each with a heap of its own: what forecasts are made for. */
export const DEFAULT_THREADS = 2;

/** Emscripten grows the heap by a fifth, at most by this much, whatever is asked for. */
const HEAP_GROWTH_BYTES = 96 * 2 ** 20;

/** Tables of a context per prime, in limbs: roots, inverse roots, base conversion (measured at N = 8192 and 16384). */
const TABLE_LIMBS = 8;

/** The modulus chain's tables: there is a context for each number of primes up to all of them. */
export function sealContextBytes(parameters: Shape): number {
  const primes = parameters.dataPrimes.length + parameters.specialPrimes.length;
  const chain = (primes * (primes + 1)) / 2;
  const tables = chain * TABLE_LIMBS * limbBytes(parameters);
  return 16 * 2 ** 20 + bfvFactor(parameters) * tables + HEAP_GROWTH_BYTES;
}

/** Under BFV there is everything once for each plain modulus. */
function partsOf({ plainModuli }: Shape): number {
  return plainModuli?.length ?? 1;
}

/** Contexts have the tables of a second base for products, and factors of plaintext products are there transformed as well. */
function bfvFactor(parameters: Shape): number {
  return parameters.plainModuli === undefined ? 1 : 2 * partsOf(parameters);
}

/** Encoders of single levels make encoding faster where memory allows them: a context of two steps each. */
export function sealLevelEncoderBytes(parameters: Shape): number {
  if (parameters.plainModuli !== undefined) return 0;
  const tables = parameters.dataPrimes.reduce((sum, _, level) => sum + 2 * level + 3, 0);
  return tables * TABLE_LIMBS * limbBytes(parameters);
}

export interface SealMemory {
  /** All Galois keys and the relinearization key. */
  readonly keyBytes: number;
  /** The most that ciphertexts take at one time. */
  readonly ciphertextBytes: number;
  /** All diagonals and coefficients encoded; optional, since they can be encoded when needed. */
  readonly plaintextBytes: number;
  readonly contextBytes: number;
  /** Of a WASM heap, what one worker cannot do without: keys (and one on its way in), ciphertexts, context and a few plaintexts. */
  readonly totalPerWorker: number;
  /** Outside the heaps, once: Node with all that was loaded, the program, the files of the keys. */
  readonly processBytes: number;
}

/** Node with the compiler, node-seal's code and onnxruntime loaded, and a worker's own heap of JavaScript (measured). */
const PROCESS_BYTES = 176 * 2 ** 20;
/** Outside the heap, for each key: its seeded form, as it was read or made. */
export function sealKeyFileBytes(parameters: Shape): number {
  return (partsOf(parameters) * sealKeyBytes(parameters)) / 2;
}

/**
 * Forecast of the whole process within a budget: as many workers as it holds, `DEFAULT_THREADS` at most. What a heap has grown by in
 * advance is mostly untouched: it is counted once.
 */
export function sealProcessBytes(
  { processBytes, totalPerWorker }: SealMemory,
  plaintextBytes: number,
  budgetBytes: number,
): number {
  const heaps = Math.max(0, budgetBytes - processBytes);
  const workers = Math.min(DEFAULT_THREADS, Math.max(1, Math.floor(heaps / totalPerWorker)));
  const room = Math.max(totalPerWorker, Math.min(SEAL_HEAP_BYTES, heaps / workers));
  const each = Math.min(totalPerWorker + plaintextBytes, room);
  return processBytes + each + (workers - 1) * (each - HEAP_GROWTH_BYTES);
}

/** Forecast for one worker that evaluates the whole program. */
export function sealMemory(program: Program, parameters: Shape): SealMemory {
  return addUpSeal(
    {
      keys: program.rotationKeys.length + (program.relinearizationLevel === null ? 0 : 1),
      ciphertextBytes: peakCiphertextBytes(program, parameters),
      plaintextBytes: program.instructions.reduce(
        (sum, instruction) => sum + plainBytes(instruction, parameters),
        0,
      ),
      slotVectorBytes: slotVectorBytes(program),
    },
    parameters,
  );
}

/** What a program itself takes, in bytes, however that is known: of CKKS, or of one part under BFV. */
export interface SealParts {
  /** Their number: all are of one size. */
  readonly keys: number;
  readonly ciphertextBytes: number;
  readonly plaintextBytes: number;
  readonly slotVectorBytes: number;
}

export function addUpSeal(program: SealParts, parameters: Shape): SealMemory {
  const { keys } = program;
  const top = parameters.dataPrimes.length - 1;
  const parts = partsOf(parameters);
  const keyBytes = POOL_OVERHEAD * keys * parts * sealKeyBytes(parameters);
  const ciphertextBytes = POOL_OVERHEAD * bfvFactor(parameters) * program.ciphertextBytes;
  const contextBytes = sealContextBytes(parameters);
  // Among others a key's serialized form and SEAL's copy of it while it is loaded, each half its size.
  const scratch = sealKeyBytes(parameters) + 3 * parts * sealCiphertextBytes(parameters, top);
  // A key comes in as its seeded form, half its size, which lies in the heap while it is expanded; the hole it leaves is
  // seldom of use to anything but the next one, and fragments cost about as much again (measured at N = 32768).
  const keyTransit = keys === 0 ? 0 : sealKeyBytes(parameters);
  return {
    keyBytes,
    ciphertextBytes,
    plaintextBytes: POOL_OVERHEAD * parts * program.plaintextBytes,
    contextBytes,
    totalPerWorker: keyBytes + keyTransit + ciphertextBytes + contextBytes + scratch,
    processBytes: PROCESS_BYTES + program.slotVectorBytes + keys * sealKeyFileBytes(parameters),
  };
}

/**
 * SEAL's pools reuse freed memory only for the same size, so each level's ciphertexts add up to their own peak: the
 * values alive at the worst moment and the temporaries of the instruction that needs most of them.
 */
function peakCiphertextBytes(program: Program, parameters: Shape): number {
  const lastUse = lastUses(program);
  const peaks = new Map<number, number>();
  const alive = new Set(program.inputs.map((input) => input.value));
  program.instructions.forEach((instruction, index) => {
    alive.add(instruction.output);
    const live = temporaries(program, instruction);
    for (const id of alive) {
      const { ciphertexts, level } = program.values[id]!;
      live.set(level, (live.get(level) ?? 0) + ciphertexts);
    }
    for (const [level, count] of live) peaks.set(level, Math.max(peaks.get(level) ?? 0, count));
    for (const id of alive) if (lastUse[id]! <= index) alive.delete(id);
  });
  let bytes = 0;
  for (const [level, count] of peaks) bytes += count * sealCiphertextBytes(parameters, level);
  return bytes;
}

/** Ciphertexts that an instruction needs for itself, by level. */
function temporaries(program: Program, instruction: Instruction): Map<number, number> {
  const { level } = instruction;
  switch (instruction.kind) {
    case 'linear': {
      if (usesNumbers(instruction)) {
        // Nothing is rotated, inputs are only copied if they stand higher, and outputs are finished one by one.
        const lowered = instruction.inputs.reduce((sum, id) => {
          const value = program.values[id]!;
          return sum + (value.level > level ? value.ciphertexts : 0);
        }, 0);
        return new Map([[level, lowered + accumulators(program, instruction) + 1]]);
      }
      const lowered = instruction.inputs.reduce((sum, id) => sum + program.values[id]!.ciphertexts, 0);
      const giants = Math.max(0, ...instruction.outputs.map((plan) => plan.giants.length));
      return new Map([
        [level, lowered + instruction.babies.length + giants + instruction.outputs.length + 1],
      ]);
    }
    case 'polynomial':
      return liveCiphertexts(instruction, program.slotCount);
    case 'product':
      return new Map([[level, 4]]);
    case 'refresh':
      // SEAL has none: `sealRefusal`.
      return new Map();
  }
}

/** Ciphertexts that the widest weighted sum is added up in. */
function accumulators(program: Program, { outputs, plainScales }: LinearInstruction): number {
  const terms = Math.max(
    ...outputs.map(({ giants }) => giants.reduce((n, giant) => n + giant.terms.length, 0)),
  );
  const bits = Math.log2(Math.max(...plainScales)) - spareBits(program.slotCount);
  return accumulatorCount(bestWidth(Math.max(terms, 1), Math.max(1, Math.ceil(bits))));
}

function plainBytes(instruction: Instruction, parameters: Shape): number {
  const plaintext = sealPlaintextBytes(parameters, instruction.level);
  switch (instruction.kind) {
    case 'linear':
      // Weights that are numbers are never encoded.
      return plaintext * distinctPlaintexts(vectorsOf(instruction));
    case 'polynomial':
      return plaintext * distinctPlaintexts(instruction.coefficients.flat());
    case 'product':
    case 'refresh':
      return 0;
  }
}

/** Diagonals that are vectors, and biases. */
function* vectorsOf({ outputs }: LinearInstruction): Generator<Coefficient> {
  for (const { giants, bias } of outputs) {
    if (bias !== null) yield bias;
    for (const { terms } of giants) {
      for (const { diagonal } of terms) if (typeof diagonal !== 'number') yield diagonal;
    }
  }
}

/** What an encoder that remembers has to encode: each vector and each number once. */
function distinctPlaintexts(values: Iterable<Coefficient>): number {
  const distinct = new Set(values);
  distinct.delete(0);
  return distinct.size;
}

/** Index of the last instruction that reads each value; outputs are read at the end. */
export function lastUses(program: Program): number[] {
  const last = program.values.map(() => -1);
  program.instructions.forEach((instruction, index) => {
    for (const id of operandsOf(instruction)) last[id] = index;
  });
  for (const { value } of program.outputs) last[value] = program.instructions.length;
  return last;
}

/** Numbers of the program, each distinct array once. */
export function slotVectorBytes({ instructions }: Program): number {
  const arrays = new Set<SlotVector['values'] | Int32Array>();
  const count = (coefficient: Coefficient): void => {
    if (typeof coefficient === 'number') return;
    arrays.add(coefficient.values);
    if (coefficient.indices !== null) arrays.add(coefficient.indices);
  };
  for (const instruction of instructions) {
    if (instruction.kind === 'linear') {
      for (const { giants, bias } of instruction.outputs) {
        for (const { terms } of giants) for (const { diagonal } of terms) count(diagonal);
        if (bias !== null) count(bias);
      }
    } else if (instruction.kind === 'polynomial') {
      for (const own of instruction.coefficients) {
        own.forEach(count);
      }
    }
  }
  let bytes = 0;
  for (const { byteLength } of arrays) bytes += byteLength;
  return bytes;
}

/** A linear instruction as the engine takes it: one call, however many inputs, outputs and rotations. */
import type { LinearInstruction, OutputPlan } from '../../../program/program.ts';
import { neededBabies } from '../../../program/semantics/evaluate-linear.ts';
import type { FlatVectors } from './engine-addon.ts';
import { encodesToZero, VectorTable } from './flat-vectors.ts';

export interface FlatLinear extends FlatVectors {
  readonly structure: Int32Array;
  /** One for each input ciphertext. */
  readonly plainScales: Float64Array;
  readonly outputScale: number;
}

interface Term {
  readonly baby: number;
  readonly diagonal: number;
}

/**
 * The layout is that of native/addon/engine-parts.h. Terms that encode to zero are left out; an output of which none is left gets
 * the smallest plaintext there is, as `almostZero` does, because an exact zero would be a ciphertext that hides nothing.
 * @param counts ciphertexts of each input
 */
export function flattenLinear(
  instruction: LinearInstruction,
  counts: readonly number[],
  outputScale: number,
): FlatLinear {
  const { level, plainScales } = instruction;
  const scales = Float64Array.from(counts.flatMap((count, i) => Array<number>(count).fill(plainScales[i]!)));
  const vectors = new VectorTable();
  const kept = instruction.outputs.map((plan) =>
    plan.giants.map(({ terms }) =>
      terms.flatMap(({ baby, diagonal }): Term[] => {
        const scale = scales[instruction.babies[baby]!.source]!;
        return encodesToZero(diagonal, scale) ? [] : [{ baby, diagonal: vectors.add(diagonal) }];
      }),
    ),
  );
  const needed = neededBabies(instruction, (o, g, t) => {
    const { baby, diagonal } = instruction.outputs[o]!.giants[g]!.terms[t]!;
    return !encodesToZero(diagonal, scales[instruction.babies[baby]!.source]!);
  });
  const babies = new BabyList(instruction, needed);
  const words: number[] = [];
  const outputs = instruction.outputs.map((plan, o) =>
    outputWords(plan, kept[o]!, babies, vectors, scales[0]!, outputScale),
  );
  words.push(level, ...babies.words(), outputs.length);
  for (const output of outputs) words.push(...output);
  const { values, positions } = vectors;
  return { structure: Int32Array.from(words), plainScales: scales, outputScale, values, positions };
}

/** The babies in use, renumbered. */
class BabyList {
  readonly #entries: number[][] = [];
  readonly #renumbered: number[] = [];
  #plain: number | null = null;

  constructor({ babies }: LinearInstruction, needed: Uint8Array) {
    babies.forEach(({ source, from, via, step }, b) => {
      this.#renumbered.push(this.#entries.length);
      if (needed[b] === 0) return;
      const origin = from === -1 ? -1 : this.#renumbered[from]!;
      this.#entries.push([source, origin, via.length, ...via, step]);
    });
  }

  at(baby: number): number {
    return this.#renumbered[baby]!;
  }

  /** The first input as it is. */
  plain(): number {
    this.#plain ??= this.#entries.push([0, -1, 0, 0]) - 1;
    return this.#plain;
  }

  words(): number[] {
    return [this.#entries.length, ...this.#entries.flat()];
  }
}

function outputWords(
  plan: OutputPlan,
  terms: readonly (readonly Term[])[],
  babies: BabyList,
  vectors: VectorTable,
  firstScale: number,
  outputScale: number,
): number[] {
  const { giants, reductions, bias } = plan;
  const words: number[] = [];
  if (terms.every((list) => list.length === 0)) {
    words.push(1, -1, 0, 1, babies.plain(), vectors.add(1 / firstScale));
  } else {
    words.push(giants.length);
    giants.forEach(({ into, via }, g) => {
      words.push(into, via.length, ...via, terms[g]!.length);
      for (const { baby, diagonal } of terms[g]!) words.push(babies.at(baby), diagonal);
    });
  }
  words.push(reductions.length);
  for (const via of reductions) words.push(via.length, ...via);
  words.push(bias === null || encodesToZero(bias, outputScale) ? -1 : vectors.add(bias));
  return words;
}

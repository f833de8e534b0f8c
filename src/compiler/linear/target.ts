/**
 * A target says where the rows of a linear map are computed and how they become its output frame. Row r is summed over
 * the window z[p_r + u], u = 0, stride, …, (count − 1)·stride, by log2(count) rotate-and-adds. Each non-zero of the
 * row may stand anywhere in the window, so that a longer window needs fewer diagonals. This covers plain diagonals
 * (count 1), the hybrid method of Gazelle (cyclic windows: the output repeats every `stride` slots) and the row-major
 * products of LoLa (stride 1).
 */
import type { Frame } from './frame.ts';

export interface Target {
  readonly key: string;
  readonly frame: Frame;
  /** Rows are filled in at p_r + k·fill for every k: the period of z. At least every source's period. */
  readonly fill: number;
  /** Powers of two. */
  readonly stride: number;
  readonly count: number;
}

export function makeTarget(frame: Frame, fill: number, stride = 1, count = 1): Target {
  return { key: `${frame.key}|${fill}/${stride}/${count}`, frame, fill, stride, count };
}

/**
 * Bits of a distance that the offset of a diagonal keeps; the others say where in the window the product stands. With
 * stride and count powers of two, no carries occur and the split is a mask.
 */
export function keptBits(target: Target): number {
  return target.count === 1 ? -1 : ~(target.stride * target.count - 1) | (target.stride - 1);
}

/** Rotate-and-add steps that span the window. */
export function reductionSteps(target: Target): number[] {
  const steps: number[] = [];
  for (let step = target.stride; step < target.stride * target.count; step *= 2) steps.push(step);
  return steps;
}

/**
 * Whether the windows of different rows are disjoint, so that every slot of z belongs to one row; else the sums mix.
 */
export function windowsDisjoint(target: Target): boolean {
  const { frame, fill, stride, count } = target;
  const { positions, slotCount, ciphertexts } = frame.layout;
  const taken = new Uint8Array(ciphertexts * fill);
  for (const position of positions) {
    const ciphertext = Math.floor(position / slotCount);
    for (let u = 0; u < count; u++) {
      const slot = ciphertext * fill + ((position + u * stride) % fill);
      if (taken[slot] === 1) return false;
      taken[slot] = 1;
    }
  }
  return true;
}

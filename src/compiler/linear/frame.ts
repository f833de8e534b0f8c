/**
 * A frame is a layout as the search sees it: positions up to a cyclic shift. Moving all elements of a tensor by a
 * constant changes no distance between them, so the shift is left open until the rotations of the producing map are
 * known, and is then chosen such that none of them is wasted.
 */
import { InternalError } from '../../errors.ts';
import type { Layout } from '../../program/layout.ts';
import type { Shape } from '../ir/tensor-graph.ts';
import type { Grid } from './grid.ts';

export interface Frame {
  /** Equal keys mean equal positions: what caches go by. */
  readonly key: string;
  readonly layout: Layout;
  /** Geometry, where the tensor stands on a lattice; consumers derive their own frames from it. */
  readonly grid: Grid | null;
  /** Slots that hold no element may hold partial sums (else: zeros, or a polynomial's value at zero). */
  readonly junk: boolean;
}

/** A frame moved `shift` slots to the right within its period. */
export interface Placement {
  readonly frame: Frame;
  readonly shift: number;
}

export interface FrameOptions {
  readonly grid: Grid | null;
  readonly junk: boolean;
  readonly format: string;
  /** Needed where the format does not determine the positions. */
  readonly key?: string;
}

/**
 * Makes a frame from global slots. `period` is a power of two; `period < slotCount` means that the tensor repeats.
 * Returns null if two elements meet in one slot: the candidate is then no layout at all.
 */
export function makeFrame(
  shape: Shape,
  slotCount: number,
  period: number,
  positions: Int32Array,
  options: FrameOptions,
): Frame | null {
  const ciphertexts = Math.floor(highest(positions) / slotCount) + 1;
  if (period < slotCount && ciphertexts > 1)
    throw new InternalError('a tensor of several ciphertexts repeats');
  const taken = new Uint8Array(ciphertexts * period);
  for (const position of positions) {
    const slot = period < slotCount ? position % period : position;
    if (taken[slot] === 1) return null;
    taken[slot] = 1;
  }
  const copies = slotCount / period;
  const format = `${options.format}${copies > 1 ? `, copies ${copies}` : ''}`;
  return {
    key: options.key ?? `${shape.join('x')}:${format}`,
    layout: { shape, slotCount, ciphertexts, period, positions, format },
    grid: options.grid,
    junk: options.junk,
  };
}

function highest(positions: Int32Array): number {
  let max = 0;
  for (const position of positions) if (position > max) max = position;
  return max;
}

/** Slot of the first copy under a shift; ciphertexts are shifted each for itself. */
export function shiftedPosition(layout: Layout, element: number, shift: number): number {
  const { slotCount, period } = layout;
  const global = layout.positions[element]!;
  const slot = global % slotCount;
  return global - slot + modulo(slot + shift, period);
}

/** The layout that a placement stands for; the tensor may be seen under another shape of equal size. */
export function placedLayout({ frame, shift }: Placement, shape: Shape = frame.layout.shape): Layout {
  const { layout } = frame;
  const moved = modulo(shift, layout.period);
  if (moved === 0) return { ...layout, shape };
  const positions = Int32Array.from(layout.positions, (_, e) => shiftedPosition(layout, e, moved));
  return { ...layout, shape, positions, format: `${layout.format}, shift ${moved}` };
}

/** value mod modulus in 0 … modulus − 1. */
export function modulo(value: number, modulus: number): number {
  return ((value % modulus) + modulus) % modulus;
}

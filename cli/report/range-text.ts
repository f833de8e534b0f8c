/** The values that a program was certified for, in words. */
import type { InputRange, OutputRange } from '../../src/program/certified-range.ts';
import { INPUT_MARGIN, OUTPUT_MARGIN, widened } from '../../src/program/certified-range.ts';
import { formatSignificant } from './format.ts';

/** Channels whose ranges are told one by one; of more, what all of them lie within. */
const MOST_CHANNELS = 4;

/** Null where the artifact does not say. */
export function inputRangeText(range: InputRange | undefined): string | null {
  if (range === undefined) return null;
  const each = range.min.map((min, channel) => [min, range.max[channel]!] as const);
  if (each.length > MOST_CHANNELS) {
    const [min, max] = [Math.min(...range.min), Math.max(...range.max)];
    return `values from ${interval(min, max)}, by channel, refused a quarter of half its width beyond`;
  }
  const inside = each.map(([min, max]) => interval(min, max)).join(', ');
  const refused = each.map(([min, max]) => interval(...widened(min, max, INPUT_MARGIN))).join(', ');
  return `values from ${inside}, refused outside of ${refused}`;
}

/** Null where the artifact does not say. */
export function outputRangeText(range: OutputRange | undefined): string | null {
  if (range === undefined) return null;
  const { min, max } = range;
  return `values from ${interval(min, max)}, not shown outside of ${interval(...widened(min, max, OUTPUT_MARGIN))}`;
}

function interval(min: number, max: number): string {
  return `${formatSignificant(min, 3)} to ${formatSignificant(max, 3)}`;
}

/** Two maps of the same picture as one: where they agree, and where they do not. */
import type { Picture } from '../../src/data/picture.ts';

type Colour = readonly [number, number, number];

const BACKGROUND: Colour = [24, 28, 34];
/** Of classes 1, 2, … in turn, where both maps have the same. */
const CLASSES: readonly Colour[] = [
  [214, 226, 255],
  [119, 165, 255],
  [76, 199, 150],
  [240, 176, 86],
  [168, 56, 168],
];
const DIFFERENT: Colour = [228, 40, 60];

/** @param expected, found class of every pixel, row by row */
export function maskPicture(
  expected: Uint8Array,
  found: Uint8Array,
  { width, height }: { readonly width: number; readonly height: number },
): Picture {
  const plane = width * height;
  const pixels = new Uint8Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    const colour = expected[i] === found[i] ? colourOf(found[i]!) : DIFFERENT;
    for (let c = 0; c < 3; c++) pixels[c * plane + i] = colour[c]!;
  }
  return { width, height, channels: 3, pixels };
}

function colourOf(index: number): Colour {
  return index === 0 ? BACKGROUND : CLASSES[(index - 1) % CLASSES.length]!;
}

/** A small picture in characters, two pixel rows per line; empty lines above and below are left out. */
import type { Picture } from '../../src/data/picture.ts';

const SHADES = [' ', '░', '▒', '▓', '█'] as const;

export function drawPicture({ width, height, pixels }: Picture): string {
  const lines: string[] = [];
  for (let y = 0; y < height; y += 2) {
    let line = '';
    for (let x = 0; x < width; x++) {
      const upper = pixels[y * width + x]!;
      const lower = y + 1 < height ? pixels[(y + 1) * width + x]! : upper;
      line += SHADES[Math.round(((upper + lower) / 2 / 255) * (SHADES.length - 1))]!;
    }
    lines.push(line.trimEnd());
  }
  const first = lines.findIndex((line) => line !== '');
  const last = lines.findLastIndex((line) => line !== '');
  return lines.slice(Math.max(first, 0), last + 1).join('\n');
}

/** Small pictures for reports, as data URIs. */
import { PNG } from 'pngjs';
import type { Picture } from '../../src/data/picture.ts';

/** Larger pictures would bloat the page. */
const MAX_SIDE = 128;

/** null if the picture is too large to embed. */
export function thumbnail({ width, height, channels, pixels }: Picture): string | null {
  if (width > MAX_SIDE || height > MAX_SIDE) return null;
  const plane = width * height;
  const png = new PNG({ width, height });
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) png.data[4 * i + c] = pixels[(channels === 3 ? c * plane : 0) + i]!;
    png.data[4 * i + 3] = 255;
  }
  return `data:image/png;base64,${PNG.sync.write(png, { colorType: channels === 1 ? 0 : 2 }).toString('base64')}`;
}

/** Pictures of bytes, and how they fit the input of a model. */
import { ArtifactError } from '../errors.ts';
import { formatShape } from './data-tensor.ts';

/** Planes of bytes: `pixels[(c · height + y) · width + x]`. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly pixels: Uint8Array;
}

/** What a model input demands of a picture; `flat` inputs take any picture with the right number of values. */
export type PictureTarget =
  | { readonly kind: 'image'; readonly channels: number; readonly height: number; readonly width: number }
  | { readonly kind: 'flat'; readonly elements: number };

/**
 * Reads a model input's shape as [1, channels, height, width], or shorter with leading ones left out; a shape with a
 * single extent other than one takes the picture row by row.
 * @throws ArtifactError INPUT_SHAPE_MISMATCH if no picture can fit
 */
export function pictureTarget(shape: readonly number[], inputName: string): PictureTarget {
  let trimmed = shape;
  while (trimmed.length > 1 && trimmed[0] === 1) trimmed = trimmed.slice(1);
  if (trimmed.length === 1) return { kind: 'flat', elements: trimmed[0]! };
  if (trimmed.length === 2) return { kind: 'image', channels: 1, height: trimmed[0]!, width: trimmed[1]! };
  if (trimmed.length === 3 && (trimmed[0] === 1 || trimmed[0] === 3)) {
    return { kind: 'image', channels: trimmed[0], height: trimmed[1]!, width: trimmed[2]! };
  }
  throw new ArtifactError(
    'INPUT_SHAPE_MISMATCH',
    `input ${inputName} has shape ${formatShape(shape)}, expected [1, channels, height, width] with 1 or 3 channels`,
    { node: inputName, hint: 'give the input as .npy with exactly this shape' },
  );
}

/** How many channels the fitted picture has. */
export function targetChannels(target: PictureTarget, picture: Picture): 1 | 3 {
  if (target.kind === 'image') return target.channels === 3 ? 3 : 1;
  return target.elements === picture.width * picture.height ? 1 : 3;
}

/**
 * The picture as the input wants it: never resized, but converted between grey and colour.
 * @throws ArtifactError INPUT_SHAPE_MISMATCH with expected and actual size
 */
export function fitPicture(picture: Picture, target: PictureTarget, where: string): Picture {
  const { width, height } = picture;
  const channels = targetChannels(target, picture);
  const fits =
    target.kind === 'image'
      ? width === target.width && height === target.height
      : channels * width * height === target.elements;
  if (!fits) {
    const expected =
      target.kind === 'image'
        ? `${target.width}×${target.height} pixels`
        : `${target.elements} values in all`;
    throw new ArtifactError(
      'INPUT_SHAPE_MISMATCH',
      `${where} has ${width}×${height} pixels, the model input expects ${expected}`,
      { hint: 'crop or resize the picture as in training; pictures are never resized silently' },
    );
  }
  if (channels === picture.channels) return picture;
  return { width, height, channels, pixels: channels === 1 ? toGrey(picture) : toColour(picture) };
}

/** Says what `fitPicture` converts, or null. */
export function conversionNote(picture: Picture, channels: number): string | null {
  if (picture.channels === channels) return null;
  return channels === 1
    ? 'colour converted to grey (0.299 R + 0.587 G + 0.114 B)'
    : 'grey repeated in all three colour channels';
}

/** Luma of ITU-R BT.601, as Pillow's mode "L" computes it. */
function toGrey({ width, height, pixels }: Picture): Uint8Array {
  const plane = width * height;
  const grey = new Uint8Array(plane);
  for (let i = 0; i < plane; i++) {
    grey[i] =
      (pixels[i]! * 19595 + pixels[plane + i]! * 38470 + pixels[2 * plane + i]! * 7471 + 0x8000) >> 16;
  }
  return grey;
}

function toColour({ pixels }: Picture): Uint8Array {
  const colour = new Uint8Array(pixels.length * 3);
  for (let c = 0; c < 3; c++) colour.set(pixels, c * pixels.length);
  return colour;
}

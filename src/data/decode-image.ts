/** PNG and JPEG files to pictures. The size in the header is checked before any pixel is decoded. */
import { inflateSync } from 'node:zlib';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { ArtifactError } from '../errors.ts';
import type { Picture } from './picture.ts';

/** Inputs of networks are far smaller; anything above this is refused undecoded. */
const MAX_PIXELS = 4096 * 4096;
const JPEG_MEMORY_MB = 512;

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

export interface DecodedImage {
  readonly picture: Picture;
  /** What decoding changed, in words. */
  readonly notes: readonly string[];
}

/**
 * Decodes by content, not by name.
 * @param maxPixels a picture whose header declares more is refused
 * @throws ArtifactError IMAGE_DAMAGED, IMAGE_UNSUPPORTED or IMAGE_TOO_LARGE
 */
export function decodeImage(bytes: Uint8Array, where: string, maxPixels = MAX_PIXELS): DecodedImage {
  if (PNG_SIGNATURE.every((byte, i) => bytes[i] === byte)) return decodePng(bytes, where, maxPixels);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return decodeJpeg(bytes, where, maxPixels);
  throw new ArtifactError('IMAGE_UNSUPPORTED', `${where} is neither a PNG nor a JPEG file`, {
    hint: 'convert the picture to PNG',
  });
}

function decodePng(bytes: Uint8Array, where: string, maxPixels: number): DecodedImage {
  if (bytes.length < 33 || Buffer.from(bytes.subarray(12, 16)).toString('latin1') !== 'IHDR') {
    throw damaged(where, 'PNG');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  requireSize(width, height, where, maxPixels);
  const depth = view.getUint8(24);
  const hasColour = (view.getUint8(25) & 2) !== 0;
  // pngjs bounds the inflated size of plain images only, so interlaced ones are bounded here.
  if (view.getUint8(28) !== 0) requireBoundedPixelData(bytes, 8 * (width + 8) * (height + 8) + 4096, where);
  let rgba: Uint8Array;
  try {
    rgba = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).data;
  } catch (error) {
    throw damaged(where, 'PNG', error);
  }
  if (rgba.length !== width * height * 4) throw damaged(where, 'PNG');
  for (let i = 3; i < rgba.length; i += 4) {
    if (rgba[i] !== 255) {
      throw new ArtifactError('IMAGE_UNSUPPORTED', `${where} has transparent pixels`, {
        hint: 'flatten the picture onto the background that the model was trained with',
      });
    }
  }
  const notes = depth === 16 ? ['16-bit samples reduced to 8 bits'] : [];
  return { picture: toPlanes(rgba, 4, width, height, hasColour ? 3 : 1), notes };
}

/** Inflates the IDAT chunks with a cap, only to see whether they stay under it. */
function requireBoundedPixelData(bytes: Uint8Array, maxBytes: number, where: string): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Uint8Array[] = [];
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    const length = view.getUint32(at);
    const type = Buffer.from(bytes.subarray(at + 4, at + 8)).toString('latin1');
    if (type === 'IDAT') chunks.push(bytes.subarray(at + 8, Math.min(at + 8 + length, bytes.length)));
  }
  try {
    inflateSync(Buffer.concat(chunks), { maxOutputLength: maxBytes });
  } catch (error) {
    throw damaged(where, 'PNG', error);
  }
}

function decodeJpeg(bytes: Uint8Array, where: string, maxPixels: number): DecodedImage {
  const frame = jpegFrame(bytes);
  if (frame === null) throw damaged(where, 'JPEG');
  requireSize(frame.width, frame.height, where, maxPixels);
  if (frame.components !== 1 && frame.components !== 3) {
    throw new ArtifactError(
      'IMAGE_UNSUPPORTED',
      `${where} has ${frame.components} JPEG components, expected 1 or 3`,
      {
        hint: 'convert the picture to RGB or grey',
      },
    );
  }
  let decoded: { width: number; height: number; data: Uint8Array };
  try {
    decoded = jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: maxPixels / 1e6,
      maxMemoryUsageInMB: JPEG_MEMORY_MB,
    });
  } catch (error) {
    throw damaged(where, 'JPEG', error);
  }
  const { width, height, data } = decoded;
  if (data.length !== width * height * 3) throw damaged(where, 'JPEG');
  return { picture: toPlanes(data, 3, width, height, frame.components), notes: [] };
}

/** Size and component count from the first start-of-frame segment (ITU-T T.81, B.2.2). */
function jpegFrame(bytes: Uint8Array): { width: number; height: number; components: number } | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 2;
  while (at + 10 <= bytes.length) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at++; // fill byte
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      return {
        height: view.getUint16(at + 5),
        width: view.getUint16(at + 7),
        components: view.getUint8(at + 9),
      };
    }
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}

function toPlanes(data: Uint8Array, stride: number, width: number, height: number, channels: 1 | 3): Picture {
  const plane = width * height;
  const pixels = new Uint8Array(plane * channels);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < plane; i++) pixels[c * plane + i] = data[i * stride + c]!;
  }
  return { width, height, channels, pixels };
}

function requireSize(width: number, height: number, where: string, maxPixels: number): void {
  if (width === 0 || height === 0) throw damaged(where, 'picture: it has no pixels');
  if (width * height > maxPixels) {
    throw new ArtifactError(
      'IMAGE_TOO_LARGE',
      `${where} declares ${width}×${height} pixels, at most ${maxPixels} are decoded`,
      { hint: 'resize the picture to the model input first' },
    );
  }
}

function damaged(where: string, kind: string, cause?: unknown): ArtifactError {
  return new ArtifactError('IMAGE_DAMAGED', `${where} is not a valid ${kind}`, {
    hint: 'open it in an image editor and save it again as PNG',
    cause,
  });
}

import jpeg from 'jpeg-js';
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeImage } from './decode-image.ts';
import { pngFile } from './testing/sample-files.ts';

const rgb = Uint8Array.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30]);

describe('decodeImage', () => {
  it('reads colour PNG into planes', () => {
    const { picture } = decodeImage(pngFile(2, 2, 3, rgb), 'x.png');
    expect(picture).toMatchObject({ width: 2, height: 2, channels: 3 });
    expect([...picture.pixels]).toEqual([255, 0, 0, 10, 0, 255, 0, 20, 0, 0, 255, 30]);
  });

  it('reads grey PNG as one plane', () => {
    const { picture } = decodeImage(pngFile(3, 1, 1, Uint8Array.from([0, 128, 255])), 'x.png');
    expect(picture).toMatchObject({ width: 3, height: 1, channels: 1 });
    expect([...picture.pixels]).toEqual([0, 128, 255]);
  });

  it('reads JPEG', () => {
    const data = Buffer.alloc(16 * 8 * 4, 200);
    const { picture } = decodeImage(jpeg.encode({ data, width: 16, height: 8 }, 95).data, 'x.jpg');
    expect(picture).toMatchObject({ width: 16, height: 8, channels: 3 });
    expect(Math.abs(picture.pixels[40]! - 200)).toBeLessThan(4);
  });

  it('refuses transparency', () => {
    expect(() => decodeImage(pngFile(2, 2, 3, rgb, 100), 'x.png')).toThrow(
      expect.objectContaining({ code: 'IMAGE_UNSUPPORTED' }),
    );
  });

  it('refuses a size bomb from its header', () => {
    const file = Buffer.from(pngFile(2, 2, 3, rgb));
    file.writeUInt32BE(60_000, 16);
    file.writeUInt32BE(60_000, 20);
    expect(() => decodeImage(file, 'x.png')).toThrow(expect.objectContaining({ code: 'IMAGE_TOO_LARGE' }));
    const photo = Buffer.from(jpeg.encode({ data: Buffer.alloc(16 * 8 * 4), width: 16, height: 8 }, 95).data);
    photo.writeUInt32BE(0xfff0fff0, photo.indexOf(Buffer.from([0xff, 0xc0])) + 5);
    expect(() => decodeImage(photo, 'x.jpg')).toThrow(expect.objectContaining({ code: 'IMAGE_TOO_LARGE' }));
  });

  it.each([0, 1])(
    'refuses pixel data that inflate to far more than the picture (interlace %i)',
    (interlace) => {
      const file = bombPng(interlace);
      expect(file.length).toBeLessThan(200_000);
      const before = process.memoryUsage().rss;
      expect(() => decodeImage(file, 'x.png')).toThrow(expect.objectContaining({ code: 'IMAGE_DAMAGED' }));
      expect(process.memoryUsage().rss - before).toBeLessThan(60e6);
    },
  );

  it('refuses other files', () => {
    expect(() => decodeImage(Buffer.from('GIF89a'), 'x.png')).toThrow(/neither a PNG nor a JPEG/);
    expect(() => decodeImage(new Uint8Array(0), 'x.png')).toThrow(/neither/);
  });
});

/** 4 × 4 pixels declared, 100 MB of zeros in the pixel data. */
function bombPng(interlace: number): Uint8Array {
  const valid = Buffer.from(pngFile(4, 4, 3, new Uint8Array(48)));
  const header = Buffer.from(valid.subarray(0, 33));
  header[28] = interlace;
  header.writeUInt32BE(crc32(header.subarray(12, 29)), 29);
  const data = deflateSync(Buffer.alloc(100_000_000), { level: 9 });
  return Buffer.concat([header, chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, crc]);
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * 0xedb88320);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

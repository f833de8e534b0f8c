import { describe, expect, it } from 'vitest';
import { maskPicture } from '../report/mask-picture.ts';
import { compareAllMasks } from './mask-report.ts';
import { compareMasks, maskOf, maskReading } from './masks.ts';

const LOGITS = [-1, 2, 3, -4, -5, 6];

describe('maps', () => {
  it('are outputs of the size of the input', () => {
    expect(maskReading([1, 2, 3], [1, 1, 2, 3], [LOGITS])).toEqual({
      channels: 1,
      height: 2,
      width: 3,
      threshold: 0,
    });
    expect(maskReading([1, 4, 2, 3], [1, 3, 2, 3], [])).toMatchObject({ channels: 4, threshold: null });
    expect(maskReading([1, 10], [1, 1, 28, 28], [])).toBeNull();
    expect(maskReading([1, 16, 14, 14], [1, 1, 28, 28], [])).toBeNull();
    expect(maskReading([1, 10], [1, 10], [])).toBeNull();
  });

  it('are cut at one half where they are probabilities', () => {
    const reading = maskReading([1, 1, 2, 3], [1, 1, 2, 3], [Float32Array.of(0, 0.4, 0.6, 1, 0.2, 0.9)])!;
    expect([...maskOf([0, 0.4, 0.6, 1, 0.2, 0.9], reading)]).toEqual([0, 0, 1, 1, 0, 1]);
  });

  it('have the class of the largest channel', () => {
    const reading = maskReading([1, 3, 2, 2], [1, 1, 2, 2], [])!;
    expect([...maskOf([1, 0, 0, 9, 0, 1, 0, 8, 0, 0, 2, 7], reading)]).toEqual([0, 1, 2, 0]);
  });
});

describe('overlap', () => {
  const binary = maskReading([1, 2, 3], [1, 1, 2, 3], [LOGITS])!;
  const classes = maskReading([1, 3, 2, 3], [1, 1, 2, 3], [])!;

  it('counts the foreground only', () => {
    const [a, b] = [Uint8Array.of(0, 1, 1, 0, 0, 1), Uint8Array.of(0, 1, 0, 0, 1, 1)];
    expect(compareMasks(a, b, binary)).toEqual({ pixels: 4 / 6, iou: 2 / 4 });
  });

  it('is complete between maps without foreground, and none if only one has some', () => {
    const empty = new Uint8Array(6);
    expect(compareMasks(empty, empty, binary)).toEqual({ pixels: 1, iou: 1 });
    expect(compareMasks(empty, Uint8Array.of(1, 0, 0, 0, 0, 0), binary).iou).toBe(0);
  });

  it('is the mean over classes that are there', () => {
    const [a, b] = [Uint8Array.of(0, 0, 0, 2, 2, 2), Uint8Array.of(0, 0, 2, 2, 2, 2)];
    expect(compareMasks(a, b, classes)).toEqual({ pixels: 5 / 6, iou: (2 / 3 + 3 / 4) / 2 });
  });
});

describe('maps of all models', () => {
  const outputs = {
    inputShape: [1, 1, 2, 2],
    outputShape: [1, 2, 2],
    plaintext: [
      [1, 1, -1, -1],
      [1, -1, -1, -1],
    ],
    polynomial: [
      [1, 1, -1, -1],
      [1, 1, -1, -1],
    ],
    encrypted: [[1, -1, -1, -1]],
    truth: (index: number) => Uint8Array.of(255, index === 0 ? 255 : 0, 0, 0),
  };

  it('are held against each other and against the truth', () => {
    expect(compareAllMasks(outputs)).toMatchObject({
      overlaps: [{ pixels: 0.75, iou: 0.5 }],
      report: {
        threshold: 0,
        agreement: { pixels: { mean: 0.75, min: 0.75 }, iou: { mean: 0.5, min: 0.5 } },
        approximation: { pixels: { mean: 0.875, min: 0.75 }, iou: { mean: 0.75, min: 0.5 } },
        truth: { plaintextIou: 1, polynomialIou: 0.75, encryptedIou: 0.5 },
      },
    });
  });

  it('do without a truth, or with one of another size', () => {
    expect(compareAllMasks({ ...outputs, truth: null })?.report.truth).toBeNull();
    expect(compareAllMasks({ ...outputs, truth: () => new Uint8Array(9) })?.report.truth).toBeNull();
    expect(compareAllMasks({ ...outputs, inputShape: [1, 1, 4, 4] })).toBeNull();
  });

  it('are drawn with what differs in a colour of its own', () => {
    const { pixels } = maskPicture(Uint8Array.of(0, 1, 1, 2), Uint8Array.of(0, 1, 0, 2), {
      width: 2,
      height: 2,
    });
    const colours = [0, 1, 2, 3].map((i) => [pixels[i], pixels[4 + i], pixels[8 + i]].join());
    expect(new Set(colours).size).toBe(4);
    expect(colours[2]).toBe('228,40,60');
  });
});

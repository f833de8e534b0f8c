import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { INPUT_MARGIN, OUTPUT_MARGIN, outsideInput, outsideOutput, widened } from './certified-range.ts';

const SHAPE = [2, 3, 4];
const RANGE = { min: [0, -1, 10], max: [1, 1, 30] };
const middle = (channel: number): number => (RANGE.min[channel]! + RANGE.max[channel]!) / 2;
const tensor = (at: (channel: number, e: number) => number): Float64Array =>
  Float64Array.from({ length: 24 }, (_, e) => at(Math.floor(e / 4) % 3, e));

describe('outsideInput', () => {
  it('takes values up to the margin of their channel, and finds those beyond', () => {
    const share = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(share, fc.nat(23), fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (part, at, beyond) => {
        const within = tensor((c) => {
          const [low, high] = widened(RANGE.min[c]!, RANGE.max[c]!, INPUT_MARGIN);
          return middle(c) + (part * (high - low)) / 2;
        });
        expect(outsideInput(within, SHAPE, RANGE)).toBeNull();
        const channel = Math.floor(at / 4) % 3;
        const [low, high] = widened(RANGE.min[channel]!, RANGE.max[channel]!, INPUT_MARGIN);
        for (const value of [low - beyond, high + beyond]) {
          expect(outsideInput(within.with(at, value), SHAPE, RANGE)).toEqual({
            first: at,
            count: 1,
            channel,
          });
        }
      }),
    );
  });

  it('holds every element against one range where there is only one', () => {
    const range = { min: [-1], max: [1] };
    expect(
      outsideInput(
        tensor(() => 1.25),
        SHAPE,
        range,
      ),
    ).toBeNull();
    const found = outsideInput(
      tensor((_, e) => (e > 20 ? -1.26 : 0)),
      SHAPE,
      range,
    );
    expect(found).toEqual({ first: 21, count: 3, channel: 0 });
  });

  it('takes the last axis for the channel where there is no other', () => {
    const features = { min: [0, 0], max: [1, 100] };
    expect(outsideInput(Float64Array.of(1, 100), [1, 2], features)).toBeNull();
    expect(outsideInput(Float64Array.of(3, 100), [1, 2], features)).toMatchObject({ first: 0, channel: 0 });
  });

  it('finds what is no number', () => {
    expect(
      outsideInput(
        tensor(() => NaN),
        SHAPE,
        RANGE,
      ),
    ).toMatchObject({ count: 24 });
  });
});

describe('outsideOutput', () => {
  it('takes values up to the margin, and no others', () => {
    const range = { min: -1, max: 3, emptySlots: 'zero' } as const;
    const [low, high] = widened(-1, 3, OUTPUT_MARGIN);
    expect([low, high]).toEqual([-3, 5]);
    expect(outsideOutput(Float64Array.of(low, 0, high), range, 0)).toBeNull();
    expect(outsideOutput(Float64Array.of(0, high * 1.001), range, 0)).toMatchObject({ first: 1, count: 1 });
    expect(outsideOutput(Float64Array.of(low * 1.001), range, 0)).not.toBeNull();
    const noise = high * 0.01;
    expect(outsideOutput(Float64Array.of(low - 0.9 * noise, high + 0.9 * noise), range, noise)).toBeNull();
    expect(outsideOutput(Float64Array.of(high + 1.1 * noise), range, noise)).not.toBeNull();
  });

  it('takes what float32 does not tell from 0, and no more', () => {
    const zero = { min: 0, max: 0, emptySlots: 'zero' } as const;
    expect(outsideOutput(Float64Array.of(1e-48, -1e-108), zero, 1e-50)).toBeNull();
    expect(outsideOutput(Float64Array.of(1e-37), zero, 1e-50)).not.toBeNull();
  });
});

/** Numbers as people read them; one place, so that every report says the same thing the same way. */
import type { ApproximationSummary } from '../../src/program/artifact.ts';

const NONE = '–';

/** What evaluates, as people call it. */
export function backendTitle(backend: string): string {
  const titles: Readonly<Record<string, string>> = {
    native: 'the native engine',
    seal: 'node-seal',
    cleartext: 'the cleartext backend',
  };
  return titles[backend] ?? backend;
}

export function formatBytes(bytes: number | null): string {
  if (bytes === null) return NONE;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${formatSignificant(value, 3)} ${units[unit]}`;
}

export function formatMs(ms: number | null): string {
  if (ms === null) return NONE;
  if (ms < 1) return `${formatSignificant(ms * 1000, 3)} µs`;
  if (ms < 1000) return `${formatSignificant(ms, 3)} ms`;
  if (ms < 120_000) return `${formatSignificant(ms / 1000, 3)} s`;
  if (ms < 7_200_000) return `${formatSignificant(ms / 60_000, 3)} min`;
  return `${formatSignificant(ms / 3_600_000, 3)} h`;
}

/** `digits` significant digits without exponent where the number is near 1, with it elsewhere. */
export function formatSignificant(value: number, digits: number): string {
  if (!Number.isFinite(value)) return NONE;
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  if (magnitude >= 10 ** 9 || magnitude < 1e-3) return value.toExponential(Math.max(digits - 1, 0));
  const decimals = Math.max(digits - 1 - Math.floor(Math.log10(magnitude)), 0);
  const fixed = value.toFixed(decimals);
  return fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed;
}

export function formatPercent(fraction: number | null, decimals = 2): string {
  return fraction === null ? NONE : `${(fraction * 100).toFixed(decimals)} %`;
}

export function formatBits(bits: number | null): string {
  return bits === null || !Number.isFinite(bits) ? NONE : `${bits.toFixed(1)} bits`;
}

/** Thousands apart: 32 768. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+(?!\d))/g, '\u2009');
}

export function formatShape(shape: readonly number[]): string {
  return shape.length === 0 ? 'scalar' : shape.join('×');
}

export function formatInterval([low, high]: readonly [number, number]): string {
  return `[${formatSignificant(low, 3)}, ${formatSignificant(high, 3)}]`;
}

/** "1 image", "20 images". */
export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : many}`;
}

/** Share of inputs with escapes, what it may be at most, and how far they must go to be refused. */
export function formatEscapes({
  inputsWithEscapes,
  escapeBound,
  refusedFrom,
}: Pick<ApproximationSummary, 'inputsWithEscapes' | 'escapeBound' | 'refusedFrom'>): string {
  const seen = formatPercent(inputsWithEscapes);
  const bound = escapeBound === undefined ? seen : `${seen} (at most ${formatPercent(escapeBound, 1)})`;
  return refusedFrom === undefined ? bound : `${bound}, refused from ${refusedFrom.toFixed(1)} × the range`;
}

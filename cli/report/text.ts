/** Reports for the terminal: aligned columns, no colours, nothing that breaks when piped. */
import { boundText } from './bound-text.ts';
import {
  formatBytes,
  formatCount,
  formatEscapes,
  formatInterval,
  formatMs,
  formatPercent,
  formatShape,
  formatSignificant,
  plural,
} from './format.ts';
import { precisionParts, wholePrecisionText } from './precision-text.ts';
import { inputRangeText, outputRangeText } from './range-text.ts';
import { programLead } from './program-page.ts';
import type { ProgramReport } from './program-report.ts';
import { refreshStepsText, refreshText } from './refresh-text.ts';
import { byteRows, keyCostText } from './sections/keys.ts';
import { certificateTexts } from './certificate-text.ts';
import { worthKnowing } from './sections/security.ts';
import { operationsText, throughputText } from './sections/setup.ts';

/** Columns apart by two spaces; numbers to the right. */
export function alignColumns(rows: readonly (readonly string[])[], rightFrom = 1): string {
  const widths = rows.reduce<number[]>(
    (known, row) => row.map((cell, column) => Math.max(known[column] ?? 0, [...cell].length)),
    [],
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const gap = ' '.repeat(widths[column]! - [...cell].length);
          return column >= rightFrom ? gap + cell : cell + gap;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** What is exact about an exact program, and how sure that is. */
function integerFacts({ integer, parameters }: ProgramReport): (readonly [string, string])[] {
  if (integer === undefined) return [];
  const moduli = parameters.plainModuli ?? [];
  const bits = moduli.map((modulus) => BigInt(modulus).toString(2).length).join(' + ');
  const held = integer.guaranteed
    ? 'no input can lead to more than they hold'
    : 'an input unlike the calibration data could lead to more than they hold';
  const right =
    integer.accuracy === null
      ? integer.agreement === null
        ? null
        : `agrees with the real model on ${formatPercent(integer.agreement)}`
      : `right on ${formatPercent(integer.accuracy)}`;
  return [
    [
      'integers',
      `inputs of ${integer.inputBits} bits, weights of ${integer.weightBits}` +
        (right === null ? '' : `; ${right} of ${formatCount(integer.samples)} calibration inputs`),
    ],
    [
      'plain moduli',
      `${bits} bits; outputs of ${integer.calibratedBits.toFixed(1)} bits seen, ${integer.worstCaseBits.toFixed(1)} at worst: ${held}`,
    ],
    ['noise budget', `${integer.noiseBudgetBits} bits forecast to remain at the output`],
  ];
}

function refreshFacts({ refreshes }: ProgramReport): (readonly [string, string])[] {
  if (refreshes === null) return [];
  const steps = refreshStepsText(refreshes.steps);
  return [['refreshes', refreshText(refreshes)], ...(steps === null ? [] : [['', steps] as const])];
}

function keyCostFacts(program: ProgramReport): (readonly [string, string])[] {
  const text = keyCostText(program);
  return text === null ? [] : [['keys', text]];
}

function rangeFact(text: string | null): (readonly [string, string])[] {
  return text === null ? [] : [['', text]];
}

export function renderProgramText(program: ProgramReport): string {
  const { parameters, certificate, predicted } = program;
  const [security, ...more] =
    certificate === null ? ['none: compiled for verification in the clear'] : certificateTexts(certificate);
  const facts: (readonly [string, string])[] = [
    [
      'model',
      `${program.model} (sha256 ${program.compiler.modelDigest.slice(0, 16)}…), compiled for ${program.compiler.backend}`,
    ],
    ['input', `${formatShape(program.inputShape)}, packed as ${program.inputPackingFormat}`],
    ...program.inputs.flatMap(({ range }) => rangeFact(inputRangeText(range))),
    [
      'output',
      formatShape(program.outputShape) +
        (program.clientOperators.length > 0
          ? `, then ${program.clientOperators.join(', ')} by the client`
          : ''),
    ],
    ...program.outputs.flatMap(({ range }) => rangeFact(outputRangeText(range))),
    [
      'parameters',
      `${parameters.scheme}, N = ${formatCount(parameters.polyModulusDegree)}, ${plural(parameters.coeffModulusBits.length, 'prime')}, scale 2^${parameters.scaleBits}, depth ${program.depth}${keySwitchingText(program)}`,
    ],
    ['security', security!],
    ...more.map((line) => ['', line] as const),
    ['operations', operationsText(program.operations)],
    ...refreshFacts(program),
    ...integerFacts(program),
    [
      'predicted',
      `${wholePrecisionText(program)}${program.integer === undefined ? ' at the worst output' : ''}, ${formatMs(predicted.latencyMs)}, ${formatBytes(predicted.memoryBytes)} of memory`,
    ],
    ...(program.integer === undefined ? [['precision', precisionParts(program)] as const] : []),
    ...(program.compiler.costProfile === null
      ? []
      : [['', `by the kernel times of: ${program.compiler.costProfile}`] as const]),
    ...keyCostFacts(program),
    ...(program.throughput === null
      ? []
      : [['throughput', throughputText(program.throughput)] satisfies [string, string]]),
    ['calibration', program.compiler.calibration],
    ...(program.quality.bound === undefined
      ? []
      : [['approximation', boundText(program.quality.bound)] satisfies [string, string]]),
  ];
  const blocks = [programLead(program), alignColumns(facts, 2), layerTable(program)];
  if (program.approximations.length > 0) blocks.push(approximationTable(program));
  blocks.push(
    alignColumns(
      byteRows(program, null).map((row) => [row.name, formatBytes(row.predicted), row.note]),
      1,
    ).replace(/ +$/gm, ''),
  );
  const notes = worthKnowing(program);
  if (notes.length > 0) blocks.push(notes.map((note) => `! ${note}`).join('\n'));
  return blocks.join('\n\n');
}

/** Only where it is not SEAL's: one digit per prime, one special prime. */
function keySwitchingText({ parameters: { dnum, specialPrimes, coeffModulusBits } }: ProgramReport): string {
  return specialPrimes <= 1 && dnum === coeffModulusBits.length - specialPrimes
    ? ''
    : `, keys of ${plural(dnum, 'digit')} with ${plural(specialPrimes, 'special prime')}`;
}

function layerTable(program: ProgramReport): string {
  const head = ['layer', 'kind', 'shape', 'level', 'scale', 'rotations', 'mult.', 'error', 'time'];
  const rows = program.layers.map((layer) => [
    shorten(layer.layer, 40),
    layer.kind,
    formatShape(layer.shape),
    String(layer.level),
    `2^${formatSignificant(layer.scaleBits, 4)}`,
    String(layer.operations.rotate),
    String(layer.operations.multiplyPlain + layer.operations.multiply),
    formatSignificant(layer.predictedError, 2),
    formatMs(layer.predictedMs),
  ]);
  return alignColumns([head, ...rows], 3);
}

function approximationTable(program: ProgramReport): string {
  const head = [
    'activation',
    'kind',
    'method',
    'degree',
    'rms error',
    'max error',
    'fitted range',
    'escapes',
  ];
  const rows = program.approximations.map((one) => [
    shorten(one.node, 40),
    one.activation,
    one.method,
    String(one.degree),
    formatSignificant(one.rmsError, 2),
    formatSignificant(one.maxError, 2),
    formatInterval(one.range),
    formatEscapes(one),
  ]);
  return alignColumns([head, ...rows], 3);
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

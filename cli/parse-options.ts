/** Option values as commander hands them over → typed values; what does not parse is a usage error (exit code 2). */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { ActivationChoice } from '../src/compiler/options.ts';
import type { AskedBackend } from '../src/runtime/evaluation/choose-backend.ts';
import type { EncryptOptions } from '../src/runtime/encryption/encrypt-inputs.ts';

export function naturalNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text) || Number(text) === 0)
    throw new InvalidArgumentError('expected a whole number from 1');
  return Number(text);
}

/** Of a quantised number. */
export function bitCount(text: string): number {
  const bits = naturalNumber(text);
  if (bits < 2 || bits > 16) throw new InvalidArgumentError('expected 2 to 16 bits');
  return bits;
}

/** Repeatable options collect into a list. */
export function collect<T>(
  parse: (text: string) => T,
): (text: string, previous: readonly T[] | undefined) => readonly T[] {
  return (text, previous) => [...(previous ?? []), parse(text)];
}

export function nonNegativeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('expected a number from 0');
  return value;
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('expected a number above 0');
  return value;
}

/** "0.5" or "1/255". */
export function fraction(text: string): number {
  const [numerator, denominator = '1', ...rest] = text.split('/');
  const value = Number(numerator) / Number(denominator);
  if (numerator?.trim() === '' || rest.length > 0 || !Number.isFinite(value) || value === 0) {
    throw new InvalidArgumentError('expected a number or a fraction such as 1/255');
  }
  return value;
}

/** "0.485,0.456,0.406" */
export function numberList(text: string): readonly number[] {
  const parts = text.split(',');
  const values = parts.map(Number);
  if (parts.some((part) => part.trim() === '') || !values.every(Number.isFinite)) {
    throw new InvalidArgumentError('expected numbers with commas between them');
  }
  return values;
}

export function oneOf<T extends string | number>(...choices: readonly T[]): (text: string) => T {
  return (text) => {
    const choice = choices.find((candidate) => String(candidate) === text);
    if (choice === undefined) throw new InvalidArgumentError(`expected one of ${choices.join(', ')}`);
    return choice;
  };
}

/** "NAME=VALUE" */
export function assignment(text: string): readonly [string, string] {
  const at = text.lastIndexOf('=');
  if (at <= 0 || at === text.length - 1) throw new InvalidArgumentError('expected NAME=VALUE');
  return [text.slice(0, at), text.slice(at + 1)];
}

export function dimension(text: string): readonly [string, number] {
  const [name, value] = assignment(text);
  return [name, naturalNumber(value)];
}

/** "NODE=degree:4", "NODE=square", "NODE=relu-composite:12", "NODE=precision:10"; NODE may be "*". */
export function activation(text: string): readonly [string, ActivationChoice] {
  const [node, choice] = assignment(text);
  const [kind, value, ...rest] = choice.split(':');
  if (rest.length === 0) {
    if (kind === 'square' && value === undefined) return [node, { kind }];
    if (kind === 'degree' && value !== undefined) return [node, { kind, degree: naturalNumber(value) }];
    if (kind === 'relu-composite' && value !== undefined)
      return [node, { kind, alpha: naturalNumber(value) }];
    if (kind === 'precision' && value !== undefined) return [node, { kind, bits: nonNegativeNumber(value) }];
  }
  throw new InvalidArgumentError(
    'expected NODE=degree:D, NODE=square, NODE=relu-composite:ALPHA or NODE=precision:BITS',
  );
}

export interface EvaluationFlags {
  readonly backend?: AskedBackend;
  readonly threads?: number;
}

/** What every command that evaluates has in common. */
export function addEvaluationOptions(command: Command): Command {
  return command
    .option(
      '--backend <NAME>',
      'native, seal, cleartext, or auto: native where it is built, else seal (default: auto)',
      oneOf('auto', 'native', 'seal', 'cleartext'),
    )
    .option('--threads <N>', 'worker threads', naturalNumber);
}

export interface RangeFlags {
  readonly allowOutOfRange?: boolean;
}

export function addRangeOption(command: Command): Command {
  return command.option(
    '--allow-out-of-range',
    'go on with an input outside of the range that the program was certified for, with a warning',
  );
}

/** What encryption is told: warnings go to stderr, and to `warnings` for the document. */
export function encryptOptions(
  { allowOutOfRange }: RangeFlags,
  note: (line: string) => void,
  warnings: string[],
): EncryptOptions {
  if (allowOutOfRange !== true) return {};
  return {
    allowOutOfRange: (warning) => {
      note(`warning: ${warning}`);
      warnings.push(warning);
    },
  };
}

/** NAME=VALUE, where the value may hold further equals signs, as URLs and keys do. */
export function firstAssignment(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at <= 0 || at === text.length - 1) return assignment('');
  return [text.slice(0, at), text.slice(at + 1)];
}

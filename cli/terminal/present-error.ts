/** Whatever was thrown → exit code, JSON document and text. Only bugs of ours show a stack trace. */
import { HeError, InternalError } from '../../src/errors.ts';
import { EXIT_INTERRUPTED } from './interrupt.ts';
import { printable } from './printable.ts';

export interface PresentedError {
  readonly exitCode: number;
  readonly document: { readonly error: { readonly code: string; readonly message: string } };
  readonly text: string;
}

/** @param interrupted the user asked to stop, so whatever failed since then is only the consequence */
export function presentError(thrown: unknown, interrupted: boolean): PresentedError {
  if (interrupted) {
    const error = { code: 'CANCELLED', message: 'cancelled; no output was written' };
    return { exitCode: EXIT_INTERRUPTED, document: { error }, text: error.message };
  }
  const error = toHeError(thrown);
  return { exitCode: error.exitCode, document: { error: error.toJSON() }, text: printable(describe(error)) };
}

function toHeError(thrown: unknown): HeError {
  if (thrown instanceof HeError) return thrown;
  const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return new InternalError(message, { cause: thrown });
}

function describe(error: HeError): string {
  const lines = [`error ${error.code}: ${error.message}`];
  const place = [
    error.node === undefined ? null : `node ${error.node}`,
    error.pass === undefined ? null : `pass ${error.pass}`,
  ].filter((part) => part !== null);
  if (place.length > 0) lines.push(`  where: ${place.join(', ')}`);
  for (const { node, operator, message, hint } of error.diagnostics) {
    if (error.message.includes(message)) continue; // said already
    const subject = [operator, node].filter((part) => part !== undefined).join(' ');
    lines.push(`  - ${subject === '' ? '' : `${subject}: `}${message}`);
    if (hint !== undefined) lines.push(`    to do: ${hint}`);
  }
  if (error.hint !== undefined) lines.push(`  to do: ${error.hint}`);
  if (error instanceof InternalError) {
    const origin = error.cause instanceof Error ? error.cause : error;
    lines.push('  please report it with this trace:', origin.stack ?? '(no trace)');
  }
  return lines.join('\n');
}

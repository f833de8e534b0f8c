/**
 * Every error that leaves the library is a `HeError` with a stable code; anything else is a bug of ours.
 * Messages say what was expected, what was found, and where; `hint` says what to do. They never hold plaintext
 * values or key bytes.
 */

/** One finding about a model, collected so that all of them can be reported at once. */
export interface Diagnostic {
  readonly code: string;
  readonly message: string;
  /** Name of the ONNX node (or tensor) concerned. */
  readonly node?: string;
  readonly operator?: string;
  readonly hint?: string;
}

export interface ErrorDetails {
  readonly node?: string;
  readonly pass?: string;
  readonly hint?: string;
  readonly diagnostics?: readonly Diagnostic[];
  readonly cause?: unknown;
}

/** Base class: `code` is stable and documented; `exitCode` is what the command line returns. */
export abstract class HeError extends Error {
  readonly code: string;
  readonly node: string | undefined;
  readonly pass: string | undefined;
  readonly hint: string | undefined;
  readonly diagnostics: readonly Diagnostic[];
  abstract readonly exitCode: number;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.node = details.node;
    this.pass = details.pass;
    this.hint = details.hint;
    this.diagnostics = details.diagnostics ?? [];
  }

  /** The document that `--json` prints. */
  toJSON(): { code: string; message: string; node?: string; pass?: string; hint?: string } {
    return {
      code: this.code,
      message: this.message,
      ...(this.node === undefined ? {} : { node: this.node }),
      ...(this.pass === undefined ? {} : { pass: this.pass }),
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.diagnostics.length === 0 ? {} : { diagnostics: this.diagnostics }),
    };
  }
}

/** The ONNX file cannot be read or holds something that is not supported. */
export class ImportError extends HeError {
  override readonly exitCode = 1;
}

/** The model is understood, but no program can be made under the constraints given. */
export class CompileError extends HeError {
  override readonly exitCode = 1;
}

/** An artifact, key, ciphertext, image or data file is damaged or does not fit. */
export class ArtifactError extends HeError {
  override readonly exitCode = 1;
}

/** A backend cannot run the program here (memory, parameters, missing keys, cancelled). */
export class BackendError extends HeError {
  override readonly exitCode = 1;
}

/** A peer broke the ciphertext-inference protocol. */
export class ProtocolError extends HeError {
  override readonly exitCode = 1;
}

/** The command line was used wrongly. */
export class UsageError extends HeError {
  override readonly exitCode = 2;
}

/** A broken invariant: a bug of ours, never the user's fault. */
export class InternalError extends HeError {
  override readonly exitCode = 70;

  constructor(message: string, details: ErrorDetails = {}) {
    super('INTERNAL', `${message} (this is a bug in he-compile)`, details);
  }
}

/** Makes a `switch` over a discriminated union exhaustive at compile time. */
export function unreachable(value: never, what: string): never {
  throw new InternalError(`unexpected ${what}: ${JSON.stringify(value)}`);
}

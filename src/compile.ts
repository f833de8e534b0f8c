/** Compiling as it is asked for: the backend may be left open, and is settled here, by what is built on this machine. */
import type { Backend, CompileOptions } from './compiler/options.ts';
import { DEFAULT_OPTIONS as COMPILER_DEFAULTS } from './compiler/options.ts';
import { compileModel as compileFor, type CompileContext, type CompileResult } from './compiler/pipeline.ts';
import { backendToPlanFor } from './runtime/evaluation/choose-backend.ts';

/** Options of which the backend may be left open: 'auto' is the native engine where it is built, else node-seal. */
export interface AskedOptions extends Omit<CompileOptions, 'backend'> {
  readonly backend: Backend | 'auto';
}

export const DEFAULT_OPTIONS: AskedOptions = { ...COMPILER_DEFAULTS, backend: 'auto' };

export interface SettledOptions {
  readonly options: CompileOptions;
  /** Why the native engine is not planned for, where that was left open; null if there is nothing to say. */
  readonly note: string | null;
}

/** The same options on the same machine plan for the same backend. */
export function settleBackend(options: AskedOptions): SettledOptions {
  const { backend, note } = backendToPlanFor(options.backend, options.scheme);
  return { options: { ...options, backend }, note };
}

/**
 * Compiles an ONNX model, for the native engine where it is built here, else for node-seal, unless the options name a backend.
 *
 * `context.progress.signal` is heard wherever compiling awaits: node by node while activations are calibrated and fitted, and before
 * the next pass. From lowering to the program it computes in one stretch, minutes for large models, in which the event loop stands
 * still and no abort can happen: whoever must be able to end it at any moment runs it in a process of its own, as the command line does.
 * @throws ImportError, CompileError, BackendError (cancelled)
 */
export async function compileModel(
  bytes: Uint8Array,
  options: AskedOptions,
  context: CompileContext,
): Promise<CompileResult> {
  return compileFor(bytes, settleBackend(options).options, context);
}

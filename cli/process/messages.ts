/** What the two processes of a command say to each other: the guard, which owns terminal and signals, and the one that works. */

export type FromCommand =
  | { readonly kind: 'progress'; readonly stage: string; readonly fraction: number }
  | { readonly kind: 'note'; readonly line: string }
  /** A file that is being written, or (null) no longer: the guard removes what a killed command leaves. */
  | { readonly kind: 'temporary'; readonly path: string; readonly done: boolean }
  /** Memory that the whole process may take from now on. */
  | { readonly kind: 'memory-limit'; readonly bytes: number }
  | { readonly kind: 'outcome'; readonly outcome: Finished };

export interface ToCommand {
  readonly kind: 'cancel';
}

/** All that a command leaves for its terminal. */
export interface Finished {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Process id of the guard, in the environment of the process that it guards (and, without meaning, of that one's children). */
export const GUARD = 'HE_COMPILE_GUARD';

/** Tells the guard something, where there is one. */
export function tellGuard(message: FromCommand): void {
  if (process.env[GUARD] === String(process.ppid)) process.send?.(message);
}

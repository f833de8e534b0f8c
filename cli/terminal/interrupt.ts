/** Ctrl-C and SIGTERM: the first one cancels cleanly, a later one leaves at once. */

/** What cancelled commands say, until it is known by what. */
export const EXIT_INTERRUPTED = 130;

/** By a shell's custom, 128 and the signal's number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
type Ending = keyof typeof EXIT_CODES;

/** A launcher may pass on a signal that the terminal has sent to everybody already. */
const SAME_KEYSTROKE_MS = 500;

export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
  /** Of a command that ended with `exitCode`: another one if it was cancelled by other than Ctrl-C. */
  exitCodeFor(exitCode: number): number;
}

export function listenForInterrupt(onFirst: () => void): Interrupt {
  const controller = new AbortController();
  let first: { readonly at: number; readonly by: Ending } | null = null;
  const listener = (by: Ending): void => {
    const now = performance.now();
    if (first === null) {
      first = { at: now, by };
      onFirst();
      controller.abort();
    } else if (now - first.at > SAME_KEYSTROKE_MS) {
      process.exit(EXIT_CODES[first.by]);
    }
  };
  const signals = Object.keys(EXIT_CODES) as Ending[];
  for (const name of signals) process.on(name, listener);
  return {
    signal: controller.signal,
    exitCodeFor: (exitCode) =>
      first !== null && exitCode === EXIT_INTERRUPTED ? EXIT_CODES[first.by] : exitCode,
    [Symbol.dispose]: () => {
      for (const name of signals) process.off(name, listener);
    },
  };
}

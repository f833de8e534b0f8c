/** Ctrl-C: the first one cancels cleanly, a later one leaves at once. */

export const EXIT_INTERRUPTED = 130;
/** A launcher may pass on a signal that the terminal has sent to everybody already. */
const SAME_KEYSTROKE_MS = 500;

export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
}

export function listenForInterrupt(onFirst: () => void): Interrupt {
  const controller = new AbortController();
  let first = 0;
  const listener = (): void => {
    const now = performance.now();
    if (!controller.signal.aborted) {
      first = now;
      onFirst();
      controller.abort();
    } else if (now - first > SAME_KEYSTROKE_MS) {
      process.exit(EXIT_INTERRUPTED);
    }
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const name of signals) process.on(name, listener);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of signals) process.off(name, listener);
    },
  };
}

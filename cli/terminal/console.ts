/** What a command sees of the terminal, whichever process owns that. */
export interface Console {
  readonly signal: AbortSignal;
  /** `fraction` in 0 … 1 of `stage`. */
  report(stage: string, fraction: number): void;
  /** A line on stderr, for people. */
  note(line: string): void;
  print(text: string): void;
  printError(text: string): void;
}

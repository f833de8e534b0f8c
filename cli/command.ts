/** What a command is made of: it declares its arguments to commander and returns an outcome; `main.ts` does the rest. */
import type { Command } from 'commander';
import type { Progress } from '../src/compiler/options.ts';

export interface CommandContext {
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** A line on stderr, for things the user should know whatever the output format. */
  note(line: string): void;
}

export interface Outcome {
  /** Printed with `--json`. */
  readonly document: unknown;
  /** Printed without. */
  readonly text: string;
  /** Default 0. */
  readonly exitCode?: number;
}

/** Runs the command's task with everything around it: progress, Ctrl-C, printing, errors. */
export type Runner = (task: (context: CommandContext) => Promise<Outcome>) => Promise<void>;

/** The interface of `commands/<verb>.ts`. */
export interface CommandModule {
  define(command: Command, run: Runner): void;
}

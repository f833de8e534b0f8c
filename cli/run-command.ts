/**
 * The commands. Only the module of the command asked for is loaded, so that, for one, `evaluate` never has the code
 * for secret keys in its process.
 */
import { existsSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { UsageError } from '../src/errors.ts';
import type { CommandModule, Outcome, Runner } from './command.ts';
import type { Console } from './terminal/console.ts';
import { presentError } from './terminal/present-error.ts';
import { printable } from './terminal/printable.ts';
import { packageVersion } from './versions.ts';

interface CommandEntry {
  readonly summary: string;
  load(): Promise<CommandModule>;
  /** Commands of two words. Each has a module of its own, so that neither loads what only the other may. */
  readonly second?: Readonly<Record<string, Pick<CommandEntry, 'summary' | 'load'>>>;
}

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  compile: {
    summary: 'compile an ONNX model to an artifact (also without the word "compile")',
    load: () => import('./commands/compile.ts'),
  },
  check: {
    summary: 'list every unsupported node of a model, with reason and suggested rewrite',
    load: () => import('./commands/check.ts'),
  },
  inspect: {
    summary: 'show what the compiler decided and why, and what to expect',
    load: () => import('./commands/inspect.ts'),
  },
  run: {
    summary: 'one encrypted inference in this process, from keys to result',
    load: () => import('./commands/run.ts'),
  },
  bench: {
    summary: 'measure accuracy against plaintext, precision, latency and memory',
    load: () => import('./commands/bench.ts'),
  },
  keygen: {
    summary: 'make a secret key, and the public key and evaluation keys that belong to it',
    load: () => import('./commands/keygen.ts'),
  },
  encrypt: { summary: 'encrypt an input with the public key', load: () => import('./commands/encrypt.ts') },
  evaluate: {
    summary: 'evaluate the model on an encrypted input, without any secret',
    load: () => import('./commands/evaluate.ts'),
  },
  decrypt: { summary: 'decrypt a result', load: () => import('./commands/decrypt.ts') },
  profile: {
    summary: "measure the native engine's kernels here, for programs planned for this machine",
    load: () => import('./commands/profile.ts'),
  },
  serve: {
    summary: 'remote inference server (MCP): evaluates models on encrypted inputs of others',
    load: () => import('./commands/serve.ts'),
  },
  work: {
    summary: 'worker of several servers: evaluates what front ends (serve --database) were sent',
    load: () => import('./commands/work.ts'),
  },
  federate: {
    summary:
      'aggregator of a federation (MCP): adds up masked, noised updates of participants, sees no single one',
    load: () => import('./commands/federate.ts'),
    second: {
      demo: {
        summary:
          'a whole federation on this machine: training, drop-outs, noise and its cost, an encrypted inference',
        load: () => import('./commands/federate-demo.ts'),
      },
    },
  },
  decryptor: {
    summary:
      'opens the encrypted sums of a federation: one a round, of what enough participants announced and confirmed',
    load: () => import('./commands/decryptor.ts'),
  },
  crypto: {
    summary:
      'local cryptographic server (MCP): keeps secret keys, encrypts, decrypts, and classifies files in one call',
    load: () => import('./commands/crypto.ts'),
  },
  infer: {
    summary: 'one encrypted inference on a running server: keys, encryption, upload, evaluation, decryption',
    load: () => import('./commands/infer.ts'),
  },
  demo: {
    summary: 'the whole way on an embedded model: compile, encrypt, evaluate, decrypt, compare, report',
    load: () => import('./commands/demo.ts'),
  },
};

/** Runs the command line and returns the exit code: 0 done, 1 domain error, 2 usage, 70 a bug of ours, 130 cancelled (by whatever). */
export async function runCommand(argv: readonly string[], terminal: Console): Promise<number> {
  const json = argv.includes('--json');
  const { signal } = terminal;
  const progress = {
    report: (stage: string, fraction: number) => terminal.report(stage, fraction),
    signal,
  };
  let exitCode = 0;

  const run: Runner = async (task) => {
    const outcome: Outcome = await task({ progress, signal, note: (text) => terminal.note(text) });
    exitCode = outcome.exitCode ?? 0;
    // A server on stdio has used stdout for its messages, and has nothing to add.
    if (json || outcome.text !== '') {
      terminal.print(json ? JSON.stringify(outcome.document) : printable(outcome.text));
    }
  };

  try {
    const words = withVerb(argv);
    await (await buildProgram(words, run, terminal)).parseAsync([...words], { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0; // help or version, printed already
    const presented = presentError(thrown instanceof CommanderError ? usage(thrown) : thrown, signal.aborted);
    if (json) terminal.print(JSON.stringify(presented.document));
    else terminal.printError(presented.text);
    return presented.exitCode;
  }
}

function usage({ message }: CommanderError): UsageError {
  return new UsageError('USAGE', message.replace(/^error: /, ''), {
    hint: 'he-compile help, or he-compile help COMMAND, shows what is expected',
  });
}

/** Puts the default command in front where the first word is a model and not a verb. */
function withVerb(argv: readonly string[]): readonly string[] {
  const first = argv.find((word) => !word.startsWith('-'));
  if (first === undefined) {
    const asksForText = argv.some((word) => ['-h', '--help', '-V', '--version'].includes(word));
    return asksForText || argv.length === 0 ? argv : ['compile', ...argv];
  }
  if (first in COMMANDS || first === 'help') return [first, ...argv.toSpliced(argv.indexOf(first), 1)];
  const looksLikeFile = /[./\\]/.test(first) || existsSync(first) || argv[0] !== first;
  if (looksLikeFile) return ['compile', ...argv];
  throw new UsageError('USAGE', `"${first}" is neither a command nor a file`, {
    hint: `commands: ${Object.keys(COMMANDS).join(', ')}`,
  });
}

async function buildProgram(words: readonly string[], run: Runner, terminal: Console): Promise<Command> {
  const output = {
    writeOut: (text: string) => terminal.print(text.replace(/\n$/, '')),
    writeErr: () => undefined,
  };
  const program = new Command('he-compile')
    .description('Compiles ONNX models to programs that run on encrypted data (CKKS).')
    .version(await packageVersion())
    .usage('[command] [options]')
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureOutput(output);
  const [asked, second = ''] = words[0] === 'help' ? words.slice(1) : words;
  const declare = async (
    parent: Command,
    name: string,
    { summary, load }: Pick<CommandEntry, 'summary' | 'load'>,
    isAsked: boolean,
  ): Promise<Command> => {
    const command = parent.command(name).description(summary).exitOverride();
    command.configureOutput(output);
    if (isAsked) (await load()).define(command, run);
    return command.option('--json', 'print one JSON document on stdout and nothing else');
  };
  for (const [name, entry] of Object.entries(COMMANDS)) {
    const seconds = Object.entries(entry.second ?? {});
    const isSecond = seconds.some(([word]) => word === second);
    const command = await declare(program, name, entry, name === asked && !isSecond);
    if (seconds.length > 0) command.helpCommand(false);
    for (const [word, inner] of seconds)
      await declare(command, word, inner, name === asked && word === second);
  }
  if (words.length === 0) {
    throw new UsageError(
      'USAGE',
      `a command or a model is expected\n\n${program.helpInformation().trimEnd()}`,
    );
  }
  return program;
}

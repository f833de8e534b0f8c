/**
 * `he-compile encrypt <artifact> --public-key FILE --input FILE -o FILE`. Nothing that this module imports can read or
 * use a secret key; a test keeps it so.
 */
import type { Command } from 'commander';
import { MAX_INPUT_FILE_BYTES, readBounded } from '../../src/data/read-file.ts';
import { requireInputs } from '../../src/runtime/encryption/encrypt-inputs.ts';
import { encryptWithPublicKey } from '../../src/runtime/encryption/public-client.ts';
import { ciphertextSetContainer } from '../../src/runtime/formats/ciphertext-set.ts';
import { containerChunks } from '../../src/runtime/formats/container.ts';
import { joinSamples } from '../batches.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { ciphertextBytes } from '../evaluation.ts';
import { readArtifact } from '../files.ts';
import { INPUT_HELP, loadInputs } from '../load-inputs.ts';
import type { RangeFlags } from '../parse-options.ts';
import { addRangeOption, collect, encryptOptions } from '../parse-options.ts';
import { formatBytes } from '../report/format.ts';
import { requireWritable, writeWhole } from '../terminal/write-file.ts';

interface EncryptFlags extends RangeFlags {
  readonly publicKey: string;
  readonly input: readonly string[];
  readonly output: string;
}

export function define(command: Command, run: Runner): void {
  addRangeOption(command)
    .argument('<artifact>', 'compiled model (.hemodel)')
    .requiredOption('--public-key <FILE>', 'from keygen')
    .requiredOption('--input <FILE>', INPUT_HELP, collect(String))
    .requiredOption('-o, --output <FILE>', 'ciphertexts to write')
    .action((artifact: string, flags: EncryptFlags) => run((context) => encrypt(artifact, flags, context)));
}

async function encrypt(file: string, flags: EncryptFlags, context: CommandContext): Promise<Outcome> {
  await requireWritable(flags.output);
  const artifact = await readArtifact(file);
  const { signature } = artifact;
  const publicKey = await readBounded(flags.publicKey, MAX_INPUT_FILE_BYTES, 'the public key');
  const samples = await loadInputs(artifact, flags.input, context);
  const inputs = joinSamples(artifact, samples);
  const warnings: string[] = [];
  // Before a context is made in vain.
  requireInputs(
    signature,
    inputs,
    encryptOptions(flags, (line) => context.note(line), warnings),
  );
  const start = performance.now();
  const set = await encryptWithPublicKey(signature, publicKey, inputs, {
    signal: context.signal,
    ...(flags.allowOutOfRange === true ? { allowOutOfRange: () => undefined } : {}),
  });
  const encryptMs = performance.now() - start;
  context.signal.throwIfAborted();
  await writeWhole(flags.output, containerChunks(ciphertextSetContainer(set)));
  const bytes = ciphertextBytes(set);
  return {
    document: {
      output: flags.output,
      samples: samples.length,
      bytes: { inputCiphertexts: bytes },
      latencyMs: { encrypt: encryptMs },
      ...(warnings.length === 0 ? {} : { warnings }),
    },
    text: `wrote ${flags.output} (${formatBytes(bytes)})`,
  };
}

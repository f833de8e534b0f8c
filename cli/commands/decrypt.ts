/** `he-compile decrypt <artifact> --secret-key FILE --input FILE` */
import type { Command } from 'commander';
import { MAX_INPUT_FILE_BYTES, readBounded } from '../../src/data/read-file.ts';
import { SecretClient } from '../../src/runtime/client/secret-client.ts';
import { parseCiphertextSet } from '../../src/runtime/formats/ciphertext-set.ts';
import { UsageError } from '../../src/errors.ts';
import { batchOf } from '../batches.ts';
import type { Outcome, Runner } from '../command.ts';
import { MAX_CIPHERTEXT_FILE_BYTES, readArtifact } from '../files.ts';
import { naturalNumber } from '../parse-options.ts';
import { describeResult } from '../report/result-text.ts';
import { finishOutputs } from '../results.ts';

interface DecryptFlags {
  readonly secretKey: string;
  readonly input: string;
  readonly samples?: number;
}

export function define(command: Command, run: Runner): void {
  command
    .argument('<artifact>', 'compiled model (.hemodel)')
    .requiredOption('--secret-key <FILE>', 'from keygen')
    .requiredOption('--input <FILE>', 'ciphertexts from evaluate')
    .option('--samples <N>', 'samples of a batch that were encrypted (default: 1)', naturalNumber)
    .action((artifact: string, flags: DecryptFlags) => run(() => decrypt(artifact, flags)));
}

async function decrypt(file: string, flags: DecryptFlags): Promise<Outcome> {
  const artifact = await readArtifact(file);
  const count = flags.samples ?? 1;
  if (count > batchOf(artifact)) {
    throw new UsageError('USAGE', `--samples ${count}, but a batch has ${batchOf(artifact)}`);
  }
  const secretKey = await readBounded(flags.secretKey, MAX_INPUT_FILE_BYTES, 'the secret key');
  const set = parseCiphertextSet(
    await readBounded(flags.input, MAX_CIPHERTEXT_FILE_BYTES, 'the ciphertexts'),
  );
  const start = performance.now();
  await using client = await SecretClient.open(artifact.signature, secretKey);
  const decrypted = await client.decrypt(set);
  const decryptMs = performance.now() - start;
  const samples = finishOutputs(artifact, decrypted, count, false);
  const outputs = samples[0]!;
  const forecast = artifact.report.integer?.noiseBudgetBits ?? null;
  return {
    document: {
      output: outputs[0]!,
      ...(outputs.length > 1 ? { outputs } : {}),
      ...(count > 1 ? { samples } : {}),
      latencyMs: { decrypt: decryptMs },
      ...(forecast === null ? {} : { noiseBudgetBits: { forecast } }),
    },
    text: [
      ...samples.flat().map((tensor) => describeResult(tensor, artifact)),
      ...(forecast === null ? [] : [`exact: ${forecast} bits of noise budget were forecast to be left`]),
    ].join('\n'),
  };
}

/** `he-compile decrypt <artifact> --secret-key FILE --input FILE` */
import type { Command } from 'commander';
import { MAX_INPUT_FILE_BYTES, readBounded } from '../../src/data/read-file.ts';
import { SecretClient } from '../../src/runtime/client/secret-client.ts';
import { parseCiphertextSet } from '../../src/runtime/formats/ciphertext-set.ts';
import type { Outcome, Runner } from '../command.ts';
import { MAX_CIPHERTEXT_FILE_BYTES, readArtifact } from '../files.ts';
import { describeResult } from '../report/result-text.ts';
import { finishOutputs } from '../results.ts';

interface DecryptFlags {
  readonly secretKey: string;
  readonly input: string;
}

export function define(command: Command, run: Runner): void {
  command
    .argument('<artifact>', 'compiled model (.hemodel)')
    .requiredOption('--secret-key <FILE>', 'from keygen')
    .requiredOption('--input <FILE>', 'ciphertexts from evaluate')
    .action((artifact: string, flags: DecryptFlags) => run(() => decrypt(artifact, flags)));
}

async function decrypt(file: string, flags: DecryptFlags): Promise<Outcome> {
  const artifact = await readArtifact(file);
  const secretKey = await readBounded(flags.secretKey, MAX_INPUT_FILE_BYTES, 'the secret key');
  const set = parseCiphertextSet(
    await readBounded(flags.input, MAX_CIPHERTEXT_FILE_BYTES, 'the ciphertexts'),
  );
  const start = performance.now();
  await using client = await SecretClient.open(artifact.signature, secretKey);
  const decrypted = await client.decrypt(set);
  const decryptMs = performance.now() - start;
  const measured = await client.noiseBudget(set);
  const forecast = artifact.report.integer?.noiseBudgetBits ?? null;
  const outputs = finishOutputs(artifact, decrypted, 1, false)[0]!;
  return {
    document: {
      output: outputs[0]!,
      ...(outputs.length > 1 ? { outputs } : {}),
      latencyMs: { decrypt: decryptMs },
      ...(measured === null ? {} : { noiseBudgetBits: { measured, forecast } }),
    },
    text: [
      ...outputs.map((tensor) => describeResult(tensor, artifact)),
      ...(measured === null
        ? []
        : [`exact: ${measured} bits of noise budget are left, ${forecast} were forecast`]),
    ].join('\n'),
  };
}

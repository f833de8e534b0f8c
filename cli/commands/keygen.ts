/** `he-compile keygen <artifact> --secret-key FILE --evaluation-keys FILE` */
import { rm } from 'node:fs/promises';
import type { Command } from 'commander';
import { generateKeys } from '../../src/runtime/client/operations.ts';
import { containerChunks } from '../../src/runtime/formats/container.ts';
import { evaluationKeysContainer } from '../../src/runtime/formats/evaluation-keys.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { keyBytes } from '../evaluation.ts';
import { readArtifact } from '../files.ts';
import { formatBytes, plural } from '../report/format.ts';
import { requireWritable, SECRET_MODE, writeWhole } from '../terminal/write-file.ts';

interface KeygenFlags {
  readonly secretKey: string;
  readonly evaluationKeys: string;
}

export function define(command: Command, run: Runner): void {
  command
    .argument('<artifact>', 'compiled model (.hemodel)')
    .requiredOption('--secret-key <FILE>', 'secret key to write: stays with its owner')
    .requiredOption('--evaluation-keys <FILE>', 'evaluation keys to write: go to the server')
    .action((artifact: string, flags: KeygenFlags) => run((context) => keygen(artifact, flags, context)));
}

async function keygen(
  file: string,
  flags: KeygenFlags,
  { progress, signal }: CommandContext,
): Promise<Outcome> {
  await requireWritable(flags.secretKey);
  await requireWritable(flags.evaluationKeys);
  const { signature } = await readArtifact(file);
  const start = performance.now();
  const { secretKey, evaluationKeys } = await generateKeys(signature, {
    progress: (fraction) => progress.report('make keys', fraction),
    signal,
  });
  const keygenMs = performance.now() - start;
  signal.throwIfAborted();
  // Evaluation keys without their secret key would be of no use, so both files appear or none.
  await writeWhole(flags.evaluationKeys, containerChunks(evaluationKeysContainer(evaluationKeys)));
  try {
    await writeWhole(flags.secretKey, secretKey, SECRET_MODE);
  } catch (error) {
    await rm(flags.evaluationKeys, { force: true });
    throw error;
  }
  const bytes = keyBytes(evaluationKeys);
  return {
    document: {
      secretKey: flags.secretKey,
      evaluationKeys: flags.evaluationKeys,
      bytes,
      rotationSteps: signature.rotationSteps.length,
      latencyMs: { keygen: keygenMs },
    },
    text: `wrote ${flags.secretKey} (keep it secret) and ${flags.evaluationKeys} (${plural(signature.rotationSteps.length, 'rotation step')}, ${formatBytes(bytes.galoisKeys + bytes.relinKeys)})`,
  };
}

/** `he-compile keygen <artifact> --secret-key FILE --public-key FILE --evaluation-keys FILE` */
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../../src/errors.ts';
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
  readonly publicKey: string;
  readonly evaluationKeys: string;
}

export function define(command: Command, run: Runner): void {
  command
    .argument('<artifact>', 'compiled model (.hemodel)')
    .requiredOption('--secret-key <FILE>', 'secret key to write: decrypts, and stays with its owner')
    .requiredOption('--public-key <FILE>', 'public key to write: encrypts')
    .requiredOption('--evaluation-keys <FILE>', 'evaluation keys to write: evaluate, and go to the server')
    .action((artifact: string, flags: KeygenFlags) => run((context) => keygen(artifact, flags, context)));
}

async function keygen(
  file: string,
  flags: KeygenFlags,
  { progress, signal }: CommandContext,
): Promise<Outcome> {
  const paths = [flags.secretKey, flags.publicKey, flags.evaluationKeys];
  if (new Set(paths.map((path) => resolve(path))).size < paths.length) {
    throw new UsageError('USAGE', 'the secret key, the public key and the evaluation keys need a file each');
  }
  for (const path of paths) await requireWritable(path);
  const { signature } = await readArtifact(file);
  const start = performance.now();
  const { secretKey, publicKey, evaluationKeys } = await generateKeys(signature, {
    progress: (fraction) => progress.report('make keys', fraction),
    signal,
  });
  const keygenMs = performance.now() - start;
  signal.throwIfAborted();
  // Keys without their secret key would be of no use: it comes last, and all files appear or none.
  const written: string[] = [];
  try {
    await writeWhole(flags.evaluationKeys, containerChunks(evaluationKeysContainer(evaluationKeys)));
    written.push(flags.evaluationKeys);
    await writeWhole(flags.publicKey, publicKey);
    written.push(flags.publicKey);
    await writeWhole(flags.secretKey, secretKey, SECRET_MODE);
  } catch (error) {
    for (const path of written) await rm(path, { force: true });
    throw error;
  }
  const bytes = keyBytes(evaluationKeys);
  return {
    document: {
      secretKey: flags.secretKey,
      publicKey: flags.publicKey,
      evaluationKeys: flags.evaluationKeys,
      bytes,
      rotationSteps: signature.rotationKeys.length,
      latencyMs: { keygen: keygenMs },
    },
    text: `wrote ${flags.secretKey} (keep it secret), ${flags.publicKey} (encrypts) and ${flags.evaluationKeys} (${plural(signature.rotationKeys.length, 'rotation step')}, ${formatBytes(bytes.galoisKeys + bytes.relinKeys)})`,
  };
}

/** Secrets that lie in files, as container platforms hand them over. */
import { readFile } from 'node:fs/promises';
import { UsageError } from '../../errors.ts';

const MOST_BYTES = 4096;

/**
 * The file's one line, without the end of the line.
 * @param variable that named the file; what is said of it names the variable and the file, never what is in it
 * @throws UsageError SECRET_UNREADABLE
 */
export async function readCredential(variable: string, file: string): Promise<string> {
  const refuse = (why: string, cause?: unknown): UsageError =>
    new UsageError('SECRET_UNREADABLE', `the secret of ${variable} cannot be read: ${why}`, {
      hint: `name a file with one line in ${variable}`,
      ...(cause === undefined ? {} : { cause }),
    });
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw refuse(`no such file, or not readable: ${file}`, cause);
  });
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '' || secret.length > MOST_BYTES || /[\r\n\0]/.test(secret))
    throw refuse(`${file} does not hold one line of at most ${MOST_BYTES} characters`);
  return secret;
}

/** Which commit is measured. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '..');

/** With "+" if files had changed; null outside a checkout. */
export async function describeCommit(): Promise<string | null> {
  const git = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)('git', args, { cwd: ROOT })).stdout.trim();
  try {
    const changed = (await git('status', '--porcelain', '--untracked-files=no')) !== '';
    return (await git('rev-parse', '--short=12', 'HEAD')) + (changed ? '+' : '');
  } catch {
    return null;
  }
}

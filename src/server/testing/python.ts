/** A Python with the package `cryptography`, which stands for clients that are not of this project. */
import { execFileSync } from 'node:child_process';

/** Where there are several, the system's own has Debian's packages. */
const CANDIDATES = ['python3', '/usr/bin/python3'];

/** Null where there is none; continuous integration installs it, and fails without. */
export function findPython(): string | null {
  const found = CANDIDATES.find((candidate) => {
    try {
      execFileSync(candidate, ['-c', 'import cryptography'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
  if (found === undefined && process.env['CI'] !== undefined)
    throw new Error('no python3 with the package cryptography: install python3-cryptography');
  return found ?? null;
}

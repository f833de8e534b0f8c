/** Runs the command line from its sources: in processes of its own, as a user would, or quickly in this one. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../run-command.ts';

export interface CliResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const START = fileURLToPath(new URL('./start.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export function runCli(
  args: readonly string[],
  cwd = ROOT,
  /** Added to this process's own. */
  environment: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--no-warnings', START, ...args], {
      cwd,
      env: { ...process.env, ...environment },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

/** The command alone, without the guard around it; one at a time, since it changes this process's folder. */
export async function runHere(args: readonly string[], cwd = ROOT): Promise<CliResult> {
  const before = process.cwd();
  const written = { stdout: '', stderr: '' };
  const toStderr = (text: string): void => {
    written.stderr += `${text}\n`;
  };
  process.chdir(cwd);
  try {
    const exitCode = await runCommand(args, {
      signal: new AbortController().signal,
      report: () => undefined,
      note: toStderr,
      print: (text) => (written.stdout += `${text}\n`),
      printError: toStderr,
    });
    return { exitCode, ...written };
  } finally {
    process.chdir(before);
  }
}

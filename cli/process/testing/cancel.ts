/** Starts a command, sends it a signal once it has come to a stage, and looks at how it ends. */
import { spawn } from 'node:child_process';

export interface Cancelled {
  readonly exitCode: number | null;
  readonly stdout: string;
  /** From the signal to the end; 0 if there was none. */
  readonly ms: number;
}

/** @param after stderr has to match it before `delayMs` begin */
export function cancel(
  script: string,
  args: readonly string[],
  signal: NodeJS.Signals,
  { after, delayMs }: { readonly after: RegExp; readonly delayMs: number },
): Promise<Cancelled> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--no-warnings', script, ...args]);
    let stdout = '';
    let stderr = '';
    let sent = 0;
    let waiting = false;
    const send = (): void => {
      if (child.exitCode !== null) return;
      sent = performance.now();
      child.kill(signal);
    };
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      if (waiting || !after.test(stderr)) return;
      waiting = true;
      setTimeout(send, delayMs);
    });
    child.on('error', reject);
    child.on('close', (exitCode) => {
      resolve({ exitCode, stdout, ms: sent === 0 ? 0 : performance.now() - sent });
    });
  });
}

/** Starts a command, sends it a signal once it has come to a stage, and looks at how it ends. */
import { spawn } from 'node:child_process';

export interface Cancelled {
  readonly exitCode: number | null;
  readonly stdout: string;
  /** From the signal to the end; 0 if there was none. */
  readonly ms: number;
  /** From the stage to the end. */
  readonly aliveMs: number;
}

/** @param after stderr has to match it before `delayMs` begin; null lets the command come to its own end */
export function cancel(
  script: string,
  args: readonly string[],
  signal: NodeJS.Signals,
  { after, delayMs }: { readonly after: RegExp; readonly delayMs: number | null },
): Promise<Cancelled> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--no-warnings', script, ...args]);
    let stdout = '';
    let stderr = '';
    let sent = 0;
    let reached: number | null = null;
    const send = (): void => {
      if (child.exitCode !== null) return;
      sent = performance.now();
      child.kill(signal);
    };
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      if (reached !== null || !after.test(stderr)) return;
      reached = performance.now();
      if (delayMs !== null) setTimeout(send, delayMs);
    });
    child.on('error', reject);
    child.on('close', (exitCode) => {
      const now = performance.now();
      const ms = sent === 0 ? 0 : now - sent;
      resolve({ exitCode, stdout, ms, aliveMs: now - (reached ?? now) });
    });
  });
}

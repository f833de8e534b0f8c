/** Times by step, and bytes of messages. */

export class Steps {
  readonly ms: Record<string, number> = {};

  async time<T>(step: string, work: () => T | Promise<T>): Promise<T> {
    const before = performance.now();
    try {
      return await work();
    } finally {
      this.ms[step] = (this.ms[step] ?? 0) + performance.now() - before;
    }
  }
}

/** Of a message as JSON. */
export function bytesOf(message: unknown): number {
  return Buffer.byteLength(JSON.stringify(message));
}

/** Most memory that this process has had. */
export function peakMemoryBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

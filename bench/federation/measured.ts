/** Times by step, and bytes of messages. */

/** Of one step: by the clock, and of the processor in all threads, which other work on the machine changes less. */
export interface StepTime {
  ms: number;
  processorMs: number;
}

export class Steps {
  readonly times: Record<string, StepTime> = {};

  async time<T>(step: string, work: () => T | Promise<T>): Promise<T> {
    const [before, usage] = [performance.now(), process.cpuUsage()];
    try {
      return await work();
    } finally {
      const used = process.cpuUsage(usage);
      const time = (this.times[step] ??= { ms: 0, processorMs: 0 });
      time.ms += performance.now() - before;
      time.processorMs += (used.user + used.system) / 1000;
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

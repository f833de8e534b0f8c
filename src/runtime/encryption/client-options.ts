/** What both clients, with the secret key and with the public key, can be told. */
export interface ClientOptions {
  /** Called with 0 … 1 as keys are made. */
  readonly progress?: (fraction: number) => void;
  readonly signal?: AbortSignal | undefined;
  readonly stallMs?: number;
}

/** Longer than the longest single call into SEAL: making a context at N = 32768 takes 15 s on an idle machine. */
export const DEFAULT_STALL_MS = 180_000;

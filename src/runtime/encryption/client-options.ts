/** What both clients, with the secret key and with the public key, can be told. */
export interface ClientOptions {
  /** Called with 0 … 1 as keys are made. */
  readonly progress?: (fraction: number) => void;
  readonly signal?: AbortSignal | undefined;
  readonly stallMs?: number;
}

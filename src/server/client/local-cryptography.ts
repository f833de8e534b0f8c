/** What the client asks of the trusted side, whether that is in the same process or behind a server of its own. */
import type { RemoteModel, StepOptions } from './remote-model.ts';
import type { LocalFile } from './upload-file.ts';

/** The trusted side, in this process or behind another server. */
export interface LocalCryptography {
  /** Keys for exactly this model: those that are here, or new ones. */
  ensureKeys(model: RemoteModel, fresh: boolean, options: StepOptions): Promise<LocalKeys>;
  /** Identifies the content of the inputs, to find a session that is resumed with others. */
  fingerprint(inputs: readonly string[]): Promise<string>;
  /**
   * Refuses inputs that the model does not take, before keys are made or anything is sent for them.
   * @throws ToolError as `encrypt`
   */
  requireInputs(model: RemoteModel, inputs: readonly string[], options: EncryptionStep): Promise<void>;
  /** Steps 1 and 2: encrypted files in `folder`, and what was converted on the way. */
  encrypt(
    keySet: string,
    inputs: readonly string[],
    folder: string,
    options: EncryptionStep,
  ): Promise<EncryptedInput>;
  /** Steps 5 and 6: rounded to the certified precision. */
  decrypt(keySet: string, encrypted: string, options: StepOptions): Promise<LocalResult>;
}

export interface EncryptionStep extends StepOptions {
  /** Encrypts inputs outside of the certified range too, with a warning. */
  readonly allowOutOfRange: boolean;
}

export interface LocalKeys {
  readonly keySet: string;
  readonly made: boolean;
  readonly evaluationKeys: readonly LocalFile[];
}

export interface LocalTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: readonly number[];
}

export interface LocalResult {
  readonly outputs: readonly LocalTensor[];
  readonly labels: readonly string[];
  /** Position of the winner, where the first output is class scores. */
  readonly winner: number | null;
  readonly scheme: string;
  readonly precisionBits: number;
}

export interface EncryptedInput {
  readonly files: readonly LocalFile[];
  /** What was converted on the way, in words. */
  readonly notes: readonly string[];
  /** Inputs outside of their range that were let through. */
  readonly warnings: readonly string[];
}

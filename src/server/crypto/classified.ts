/** What classifying a file comes to. */
import type { InferenceOutcome } from '../client/encrypted-inference.ts';

export interface Classification {
  readonly clientId: string;
  /** As the user has named it. */
  readonly server: string;
  readonly outcome: InferenceOutcome;
}

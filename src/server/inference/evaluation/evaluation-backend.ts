/** The backend that evaluates an artifact here. */
import { requireEncryption } from '../../../program/security.ts';
import type { BackendName } from '../../../runtime/backend.ts';
import { chooseBackend, type ChosenFor } from '../../../runtime/evaluation/choose-backend.ts';

/** @throws ArtifactError CLEARTEXT_ONLY, BackendError BACKEND_UNAVAILABLE or PARAMETERS_UNSUPPORTED */
export function evaluationBackend(artifact: ChosenFor): BackendName {
  requireEncryption(artifact.parameters);
  return chooseBackend(artifact).backend;
}

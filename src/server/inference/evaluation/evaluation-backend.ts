/** The backend that evaluates an artifact here. */
import type { Artifact } from '../../../program/artifact.ts';
import { requireEncryption } from '../../../program/security.ts';
import type { BackendName } from '../../../runtime/backend.ts';
import { chooseBackend } from '../../../runtime/evaluation/choose-backend.ts';

/** @throws ArtifactError CLEARTEXT_ONLY, BackendError BACKEND_UNAVAILABLE or PARAMETERS_UNSUPPORTED */
export function evaluationBackend({
  parameters,
  report,
}: Pick<Artifact, 'parameters' | 'report'>): BackendName {
  requireEncryption(parameters);
  return chooseBackend(parameters, report.backend, null).backend;
}

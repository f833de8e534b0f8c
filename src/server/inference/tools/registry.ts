/** The tools of the remote server, in the order of the protocol's steps. A new one is a file beside this one and a line here. */
import type { AnyTool } from '../../protocol/tool.ts';
import type { InferenceServices } from '../services.ts';
import { beginKeyProvisioning } from './begin-key-provisioning.ts';
import { cancelInference } from './cancel-inference.ts';
import { commitEvaluationKeys } from './commit-evaluation-keys.ts';
import { describeModel } from './describe-model.ts';
import { enrolClient } from '../../hosting/enrol-client.ts';
import { getInferenceResult } from './get-inference-result.ts';
import { getKeyStatus } from './get-key-status.ts';
import { getSessionStatus } from './get-session-status.ts';
import { listModels } from './list-models.ts';
import { remoteInference, remoteInferenceCnn } from './remote-inference-cnn.ts';
import { revokeEvaluationKeys } from './revoke-evaluation-keys.ts';
import { uploadCiphertextChunk } from './upload-ciphertext-chunk.ts';
import { uploadEvaluationKeyChunk } from './upload-evaluation-key-chunk.ts';

export const REMOTE_TOOLS: readonly AnyTool<InferenceServices>[] = [
  listModels,
  describeModel,
  enrolClient,
  beginKeyProvisioning,
  uploadEvaluationKeyChunk,
  commitEvaluationKeys,
  getKeyStatus,
  revokeEvaluationKeys,
  uploadCiphertextChunk,
  remoteInferenceCnn,
  remoteInference,
  getSessionStatus,
  getInferenceResult,
  cancelInference,
];

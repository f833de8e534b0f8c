/** The tools of the aggregator, in the order of a round. A new one is a file beside this one and a line here. */
import { enrolClient } from '../../hosting/enrol-client.ts';
import type { AnyTool } from '../../protocol/tool.ts';
import type { FederationServices } from '../services.ts';
import { admitRoster } from './admit-roster.ts';
import { closeFederation } from './close-federation.ts';
import { commitUpdate } from './commit-update.ts';
import { confirmSurvivors } from './confirm-survivors.ts';
import { describeFederation } from './describe-federation.ts';
import { exportModel } from './export-model.ts';
import { getCiphertexts } from './get-ciphertexts.ts';
import { getContributions } from './get-contributions.ts';
import { getGlobalModel } from './get-global-model.ts';
import { getKeyShares } from './get-key-shares.ts';
import { getRoster } from './get-roster.ts';
import { getRoundStatus } from './get-round-status.ts';
import { getSumKey } from './get-sum-key.ts';
import { getSumRequest } from './get-sum-request.ts';
import { getUnmaskRequest } from './get-unmask-request.ts';
import { getUploadStatus } from './get-upload-status.ts';
import { joinRound } from './join-round.ts';
import { openRound } from './open-round.ts';
import { publishSumKey } from './publish-sum-key.ts';
import { raiseNoise } from './raise-noise.ts';
import { revealShares } from './reveal-shares.ts';
import { uploadKeyShares } from './upload-key-shares.ts';
import { uploadUpdateChunk } from './upload-update-chunk.ts';

export const FEDERATION_TOOLS: readonly AnyTool<FederationServices>[] = [
  describeFederation,
  enrolClient,
  getGlobalModel,
  publishSumKey,
  getSumKey,
  joinRound,
  getRoster,
  uploadKeyShares,
  getKeyShares,
  getContributions,
  admitRoster,
  uploadUpdateChunk,
  getUploadStatus,
  commitUpdate,
  getUnmaskRequest,
  getSumRequest,
  getCiphertexts,
  confirmSurvivors,
  revealShares,
  getRoundStatus,
  openRound,
  raiseNoise,
  closeFederation,
  exportModel,
];

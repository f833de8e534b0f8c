/** The tools of the aggregator, in the order of a round. A new one is a file beside this one and a line here. */
import { enrolClient } from '../../hosting/enrol-client.ts';
import type { AnyTool } from '../../protocol/tool.ts';
import type { FederationServices } from '../services.ts';
import { closeFederation } from './close-federation.ts';
import { commitUpdate } from './commit-update.ts';
import { confirmSurvivors } from './confirm-survivors.ts';
import { describeFederation } from './describe-federation.ts';
import { exportModel } from './export-model.ts';
import { getGlobalModel } from './get-global-model.ts';
import { getKeyShares } from './get-key-shares.ts';
import { getRoster } from './get-roster.ts';
import { getRoundStatus } from './get-round-status.ts';
import { getUnmaskRequest } from './get-unmask-request.ts';
import { getUploadStatus } from './get-upload-status.ts';
import { joinRound } from './join-round.ts';
import { openRound } from './open-round.ts';
import { raiseNoise } from './raise-noise.ts';
import { revealShares } from './reveal-shares.ts';
import { uploadKeyShares } from './upload-key-shares.ts';
import { uploadUpdateChunk } from './upload-update-chunk.ts';

export const FEDERATION_TOOLS: readonly AnyTool<FederationServices>[] = [
  describeFederation,
  enrolClient,
  getGlobalModel,
  joinRound,
  getRoster,
  uploadKeyShares,
  getKeyShares,
  uploadUpdateChunk,
  getUploadStatus,
  commitUpdate,
  getUnmaskRequest,
  confirmSurvivors,
  revealShares,
  getRoundStatus,
  openRound,
  raiseNoise,
  closeFederation,
  exportModel,
];

/** What the tools of the remote server work with. */
import type { Authentication } from '../hosting/authentication.ts';
import type { ServerConfiguration } from './configuration.ts';
import type { EnrolmentOffice } from '../hosting/enrolment.ts';
import type { KeyProvisioning } from './key-provisioning.ts';
import type { Log } from '../hosting/log.ts';
import type { Metrics } from '../hosting/metrics.ts';
import type { ModelCatalog } from './model-catalog.ts';
import type { ServerIdentity } from '../hosting/server-identity.ts';
import type { Sessions } from './sessions.ts';

export interface InferenceServices {
  readonly configuration: ServerConfiguration;
  readonly identity: ServerIdentity;
  readonly catalog: ModelCatalog;
  readonly authentication: Authentication;
  readonly enrolment: EnrolmentOffice;
  readonly keys: KeyProvisioning;
  readonly sessions: Sessions;
  readonly metrics: Metrics;
  readonly log: Log;
}

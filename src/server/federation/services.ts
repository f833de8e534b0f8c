/** What the tools of the aggregator work with. */
import type { ParameterLayout } from '../../onnx/model-parameters.ts';
import type { Authentication } from '../hosting/authentication.ts';
import type { EnrolmentOffice } from '../hosting/enrolment.ts';
import type { EnrolmentPolicy, HostingLimits } from '../hosting/limits.ts';
import type { Log } from '../hosting/log.ts';
import type { Metrics } from '../hosting/metrics.ts';
import type { ServerIdentity } from '../hosting/server-identity.ts';
import type { MetadataStore } from '../storage/metadata-store.ts';
import type { FederationStore } from '../storage/federation-store.ts';
import type { Federation } from './federation.ts';
import type { GlobalModels } from './global-models.ts';
import type { ModelExports } from './model-exports.ts';
import type { Rounds } from './rounds.ts';
import type { RoundUploads } from './round-uploads.ts';
import type { SumCiphertexts } from './sum-ciphertexts.ts';

export interface FederationConfiguration {
  /** Folder of databases, blobs and the server's own signing key. */
  readonly stateFolder: string;
  readonly limits: HostingLimits;
  readonly enrolment: EnrolmentPolicy;
  /** The next round is opened as soon as one is over. */
  readonly autoOpen: boolean;
}

export interface FederationServices {
  readonly configuration: FederationConfiguration;
  readonly identity: ServerIdentity;
  readonly authentication: Authentication;
  readonly enrolment: EnrolmentOffice;
  readonly clients: MetadataStore;
  readonly store: FederationStore;
  readonly federation: Federation;
  readonly layout: ParameterLayout;
  readonly models: GlobalModels;
  readonly exports: ModelExports;
  readonly rounds: Rounds;
  readonly uploads: RoundUploads;
  readonly sums: SumCiphertexts;
  readonly metrics: Metrics;
  readonly log: Log;
}

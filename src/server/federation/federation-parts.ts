/** What an aggregator is made of. Nothing of it has, or could use, a secret of a participant. */
import type { KeyObject } from 'node:crypto';
import { verify } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { layoutDigest, lengthOf, readParameters } from '../../onnx/model-parameters.ts';
import type { VerifyIdentity } from '../../federation/secure-aggregation/messages.ts';
import { Authentication } from '../hosting/authentication.ts';
import { EnrolmentOffice } from '../hosting/enrolment.ts';
import type { Log } from '../hosting/log.ts';
import { Metrics } from '../hosting/metrics.ts';
import { ServerIdentity } from '../hosting/server-identity.ts';
import { requestRates } from '../hosting/request-rates.ts';
import { Staging } from '../hosting/staging.ts';
import { StorageRoom } from '../hosting/storage-room.ts';
import { decodePublicKey } from '../protocol/signing.ts';
import { Ballast, BALLAST_BYTES } from '../storage/ballast.ts';
import { diskSpace } from '../storage/disk-space.ts';
import { FileBlobStore } from '../storage/file-blob-store.ts';
import { SqliteFederationStore } from '../storage/sqlite-federation-store.ts';
import { SqliteMetadataStore } from '../storage/sqlite-metadata-store.ts';
import { lockState } from '../storage/state-lock.ts';
import { RateLimiter } from '../transport/rate-limiter.ts';
import { Federation } from './federation.ts';
import { GlobalModels } from './global-models.ts';
import { encryptedRounds } from './encrypted-round.ts';
import { maskedRounds } from './masked-round.ts';
import { ModelExports } from './model-exports.ts';
import type { FederationPolicy } from './policy-file.ts';
import { Rounds } from './rounds.ts';
import { RoundUploads } from './round-uploads.ts';
import type { FederationConfiguration, FederationServices } from './services.ts';
import { SumCiphertexts } from './sum-ciphertexts.ts';

export interface FederationParts extends AsyncDisposable {
  readonly services: FederationServices;
  readonly room: StorageRoom;
  readonly ballast: Ballast;
}

/** @throws BackendError STATE_IN_USE; UsageError FEDERATION_CHANGED; ImportError; ProtocolError of the policy */
export async function openFederationParts(
  template: Uint8Array,
  policy: FederationPolicy,
  configuration: FederationConfiguration,
  log: Log,
): Promise<FederationParts> {
  const { stateFolder, limits, enrolment } = configuration;
  const { layout } = readParameters(template, 'the template', policy.frozen);
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  await using opened = new AsyncDisposableStack();
  opened.use(await lockState(stateFolder));
  const ballast = new Ballast(stateFolder);
  // As every server of ours: it starts on a full disk, too.
  if (diskSpace(stateFolder).free < BALLAST_BYTES) ballast.throwOff();
  const identity = await ServerIdentity.open(stateFolder);
  const blobs = await FileBlobStore.open(join(stateFolder, 'blobs'));
  const makeRoom = (): boolean => ballast.throwOff();
  const clients = opened.use(await SqliteMetadataStore.open(join(stateFolder, 'server.db'), makeRoom));
  const store = opened.use(await SqliteFederationStore.open(join(stateFolder, 'federation.db'), makeRoom));
  const room = new StorageRoom(clients, stateFolder, limits, ballast);
  const authentication = new Authentication(
    clients,
    requestRates(new RateLimiter(limits.requestsPerSecond, limits.requestBurst)),
    // Every message of a participant is signed.
    { clockSkewMs: limits.clockSkewMs, unsigned: false, serverKeyId: identity.id },
  );
  const models = new GlobalModels(store, blobs, policy.frozen);
  await models.begin(template);
  const uploads = new RoundUploads(new Staging(clients, blobs, room), blobs, limits.maxChunkBytes);
  const sums = new SumCiphertexts(blobs);
  const { deadlines, serverLearningRate, protection, decryptor } = policy;
  const verify = enrolledVerifier(clients);
  const rounds = new Rounds({
    ...{ store, models, uploads, deadlines, serverLearningRate, log },
    protocols: {
      'secure-aggregation': maskedRounds(verify),
      'bfv-sum': encryptedRounds({ verify, uploads, sums, decryptor }),
    },
    minClients: protection.minClients,
  });
  const federation = new Federation(
    policy,
    { digest: layoutDigest(layout), length: lengthOf(layout) },
    { store, models, rounds },
  );
  const services: FederationServices = {
    ...{
      configuration,
      identity,
      authentication,
      clients,
      store,
      federation,
      layout,
      models,
      rounds,
      uploads,
      sums,
      log,
    },
    enrolment: new EnrolmentOffice(
      clients,
      authentication,
      { ...enrolment, unsigned: false, reserved: [policy.owner, policy.decryptor] },
      limits,
    ),
    exports: new ModelExports(stateFolder, policy.federation, models),
    metrics: new Metrics(),
  };
  const all = opened.move();
  return { services, room, ballast, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** By the keys that participants are enrolled with. */
export function enrolledVerifier(clients: Pick<SqliteMetadataStore, 'enrolled'>): VerifyIdentity {
  return (participant, bytes, signature) => {
    const text = clients.enrolled(participant)?.publicKey ?? null;
    if (text === null) return false;
    const key: KeyObject = decodePublicKey(text);
    return verify(null, bytes, key, signature);
  };
}

/**
 * The client library, `he-compile/client`: steps 0 to 6 of the protocol against a remote server. It holds no secret key; what
 * needs one is behind `LocalCryptography`, which `he-compile/crypto` implements.
 *
 *   parseServerAddress → connect                      how a server is reached
 *   RemoteServer.open → describe, provisionKeys,      the single steps; every call may be repeated
 *     uploadInputs, infer, discard
 *   EncryptedInference.run                            all steps, resumable
 */
export {
  connect,
  ConnectionFailure,
  type Answer,
  type CallOptions,
  type Connection,
  type ConnectOptions,
} from './connection.ts';
export type { ClientIdentity, CredentialStore, Enrolment } from './credentials.ts';
export {
  EncryptedInference,
  newSessionId,
  type InferenceOrder,
  type InferenceOutcome,
  type InferenceStage,
} from './encrypted-inference.ts';
export type {
  EncryptedInput,
  LocalCryptography,
  LocalKeys,
  LocalResult,
  LocalTensor,
} from './local-cryptography.ts';
export type {
  EncryptedResult,
  ProvisionedKeys,
  RemoteModel,
  RemoteOptions,
  StepOptions,
} from './remote-model.ts';
export { RemoteServer } from './remote-server.ts';
export { DEFAULT_RETRIES, type RetryPolicy } from './retry.ts';
export { parseServerAddress, serverName, type ServerAddress } from './server-address.ts';
export { SessionFolder, type LocalSession } from './session-folder.ts';
export { digestOfFile, type LocalFile } from './upload-file.ts';

/**
 * The library. A model goes from ONNX to an encrypted answer in six steps, each with its own file format in between, so
 * that they can run in different processes:
 *
 *   compileModel → encodeArtifact / decodeArtifact        whoever owns the model
 *   SecretClient.generate → makeEvaluationKeys            whoever owns the data; needs only `artifact.signature`
 *   SecretClient.encrypt or PublicClient.encrypt
 *   Evaluator.evaluate                                    anyone; sees neither inputs nor answers
 *   SecretClient.decrypt → interpretOutputs               whoever owns the data
 *
 * Tensors are row-major `Float64Array`s, in the order of the signature. Everything thrown on purpose is a `HeError`.
 */
export {
  ArtifactError,
  BackendError,
  CompileError,
  HeError,
  ImportError,
  InternalError,
  ProtocolError,
  UsageError,
  type Diagnostic,
  type ErrorDetails,
} from './errors.ts';

// Compiling: ONNX bytes → artifact.
export { compileModel, DEFAULT_OPTIONS, type AskedOptions } from './compile.ts';
export type { CompileContext, CompileResult } from './compiler/pipeline.ts';
export {
  SILENT,
  type ActivationChoice,
  type Backend,
  type CompileOptions,
  type Dataset,
  type Progress,
} from './compiler/options.ts';
export { checkModel, type ImportOptions, type ModelCheck } from './compiler/onnx/import.ts';
export { COMPILER_VERSION } from './compiler/version.ts';

// Data sets for calibration, by the SPECs of the command line.
export { loadDataset, type DataOptions } from './data/load-dataset.ts';
export type { DataTarget, InputDescription, LoadedDataset } from './data/dataset.ts';

// The artifact: what was compiled, and its file.
export type { Artifact, CompileReport, LayerReport, Negotiation, Predictions } from './program/artifact.ts';
export { artifactDigest, decodeArtifact, encodeArtifact } from './program/codec.ts';
export type { Program } from './program/program.ts';
export type { SecurityLevel } from './program/parameters.ts';
export type { CkksParameters, SecurityCertificate } from './program/security.ts';
export type {
  ClientOperator,
  Preprocessing,
  Signature,
  SignatureInput,
  SignatureOutput,
} from './program/signature.ts';

// Keys and ciphertexts as bytes.
export {
  encodeEvaluationKeys,
  parseEvaluationKeys,
  type EvaluationKeys,
} from './runtime/formats/evaluation-keys.ts';
export {
  encodeCiphertextSet,
  parseCiphertextSet,
  type CiphertextSet,
  type EncryptedTensor,
} from './runtime/formats/ciphertext-set.ts';

// The public side: encrypts with the public key, evaluates with evaluation keys.
export { encryptWithPublicKey, PublicClient } from './runtime/encryption/public-client.ts';
export type { ClientOptions } from './runtime/encryption/client-options.ts';
export { chooseBackend, type AskedBackend, type BackendChoice } from './runtime/evaluation/choose-backend.ts';
export type { EncryptOptions } from './runtime/encryption/encrypt-inputs.ts';
export {
  Evaluator,
  type EvaluateOptions,
  type Evaluation,
  type EvaluatorOptions,
} from './runtime/evaluation/evaluator.ts';

// The secret side: makes keys, encrypts, decrypts, and says what the model says.
export { SecretClient } from './runtime/client/secret-client.ts';
export { decryptOutputs, generateKeys } from './runtime/client/operations.ts';
export { applyClientOperators, roundToPrecision, type Tensor } from './runtime/client/client-operators.ts';
export type { InputRange, OutputRange } from './program/certified-range.ts';
export type { InputQuantisation, OutputQuantisation } from './program/signature.ts';
export { interpretOutputs, type NamedTensor } from './runtime/client/interpret-outputs.ts';

// Verification without encryption: the client's part for an `Evaluator` on the 'cleartext' backend.
export { packCleartextInputs, unpackCleartextOutputs } from './runtime/client/cleartext-client.ts';

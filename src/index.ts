/** The library: compile a model, load an artifact, make keys, encrypt, evaluate, decrypt. */
export * from './errors.ts';
export { compileModel, type CompileContext, type CompileResult } from './compiler/pipeline.ts';
export {
  DEFAULT_OPTIONS,
  SILENT,
  type ActivationChoice,
  type CompileOptions,
  type Dataset,
  type Progress,
} from './compiler/options.ts';
export { checkModel } from './compiler/onnx/import.ts';
export type { Artifact, CompileReport, Negotiation } from './program/artifact.ts';
export { artifactDigest, decodeArtifact, encodeArtifact } from './program/codec.ts';
export type { Program } from './program/program.ts';
export { checkParameters, type CkksParameters, type SecurityCertificate } from './program/security.ts';
export type { Signature } from './program/signature.ts';
export type { LoadedDataset } from './data/dataset.ts';
export { loadDataset } from './data/load-dataset.ts';
export { Evaluator, type Evaluation, type EvaluatorOptions } from './runtime/evaluation/evaluator.ts';
export { SecretClient } from './runtime/client/secret-client.ts';
export { encryptWithPublicKey, PublicClient } from './runtime/encryption/public-client.ts';
export { decryptOutputs, encryptInputs, generateKeys } from './runtime/client/operations.ts';
export { applyClientOperators, roundToPrecision } from './runtime/client/client-operators.ts';

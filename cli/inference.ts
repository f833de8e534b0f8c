/** Client and server in one process, for `run`, `bench` and `demo`: keys once, then inferences. */
import { HeError } from '../src/errors.ts';
import type { Artifact, RefreshStepTime } from '../src/program/artifact.ts';
import { REFRESH_STEPS } from '../src/program/semantics/refresh-plan.ts';
import { packCleartextInputs, unpackCleartextOutputs } from '../src/runtime/client/cleartext-client.ts';
import type { BackendName } from '../src/runtime/backend.ts';
import { SecretClient } from '../src/runtime/client/secret-client.ts';
import type { EncryptOptions } from '../src/runtime/encryption/encrypt-inputs.ts';
import type { Evaluator } from '../src/runtime/evaluation/evaluator.ts';
import type { CiphertextSet } from '../src/runtime/formats/ciphertext-set.ts';
import { joinSamples } from './batches.ts';
import type { CommandContext } from './command.ts';
import { chosenBackend, ciphertextBytes, evaluateSet, keyBytes, openEvaluator } from './evaluation.ts';
import type { EvaluationFlags } from './parse-options.ts';

export interface InferenceResult {
  /** One tensor per output, as decrypted: not rounded, client operators not applied, whole batch. */
  readonly decrypted: readonly Float64Array[];
  readonly encryptMs: number;
  readonly evaluateMs: number;
  readonly decryptMs: number;
  /** One entry per instruction of the program. */
  readonly instructionMs: readonly number[];
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly peakMemoryBytes: number;
}

/** What was decrypted, or why there is nothing. */
type MeasuredInference = Omit<InferenceResult, 'decrypted'> &
  (
    | { readonly decrypted: InferenceResult['decrypted']; readonly refusal: null }
    | { readonly decrypted: null; readonly refusal: HeError }
  );

/** Seals and opens what travels; the cleartext one only packs. */
interface ClientSide extends AsyncDisposable {
  encrypt(inputs: readonly Float64Array[], options: EncryptOptions): Promise<CiphertextSet>;
  decrypt(outputs: CiphertextSet): Promise<Float64Array[]>;
}

export class Inference implements AsyncDisposable {
  readonly backend: BackendName;
  readonly keygenMs: number;
  readonly keyBytes: { readonly galoisKeys: number; readonly relinKeys: number };
  readonly #artifact: Artifact;
  readonly #client: ClientSide;
  readonly #evaluator: Evaluator;
  readonly #context: CommandContext;

  /** @throws ArtifactError, BackendError: what making keys and starting workers can run into */
  static async open(artifact: Artifact, flags: EvaluationFlags, context: CommandContext): Promise<Inference> {
    const { signature } = artifact;
    const { backend } = chosenBackend(artifact, flags);
    if (backend === 'cleartext') {
      const client: ClientSide = {
        encrypt: async (inputs, encryption) => packCleartextInputs(signature, inputs, encryption),
        decrypt: async (outputs) => unpackCleartextOutputs(signature, outputs),
        [Symbol.asyncDispose]: async () => undefined,
      };
      const evaluator = await openEvaluator(artifact, null, flags, context);
      return new Inference(artifact, backend, client, evaluator, context, 0, keyBytes(null));
    }
    const start = performance.now();
    const options = {
      progress: (fraction: number) => context.progress.report('make keys', fraction),
      signal: context.signal,
    };
    const client = await SecretClient.generate(signature, options);
    try {
      const keys = await client.makeEvaluationKeys(options);
      const keygenMs = performance.now() - start;
      const bytes = keyBytes(keys);
      const evaluator = await openEvaluator(artifact, keys, flags, context);
      return new Inference(artifact, backend, client, evaluator, context, keygenMs, bytes);
    } catch (error) {
      await client[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(
    artifact: Artifact,
    backend: BackendName,
    client: ClientSide,
    evaluator: Evaluator,
    context: CommandContext,
    keygenMs: number,
    bytes: { galoisKeys: number; relinKeys: number },
  ) {
    this.#artifact = artifact;
    this.backend = backend;
    this.#client = client;
    this.#evaluator = evaluator;
    this.#context = context;
    this.keygenMs = keygenMs;
    this.keyBytes = bytes;
  }

  get threads(): number {
    return this.#evaluator.threads;
  }

  /** What steps of all refreshes of all evaluations have taken; empty where the backend does not tell. */
  async refreshStepsMs(): Promise<RefreshStepTime[]> {
    const status = await this.#evaluator.status();
    return REFRESH_STEPS.flatMap((step) => {
      const times = status.flatMap(({ refreshStepsMs }) => refreshStepsMs.filter((one) => one.step === step));
      return times.length === 0 ? [] : [{ step, ms: times.reduce((sum, { ms }) => sum + ms, 0) }];
    });
  }

  /**
   * One evaluation of up to a batch of samples, given as [sample][input].
   * @param report hears 0 … 1 of the evaluation
   * @throws ArtifactError INPUT_OUT_OF_RANGE or OUTPUT_OUT_OF_RANGE, among others
   */
  async infer(
    samples: readonly (readonly Float32Array[])[],
    report: (fraction: number) => void,
    encryption: EncryptOptions = {},
  ): Promise<InferenceResult> {
    const { refusal, ...measured } = await this.measure(samples, report, encryption);
    if (refusal !== null) throw refusal;
    return { ...measured, decrypted: measured.decrypted ?? [] };
  }

  /** The same, where a refusal of the output is a result like others: `decrypted` is null then. */
  async measure(
    samples: readonly (readonly Float32Array[])[],
    report: (fraction: number) => void,
    encryption: EncryptOptions,
  ): Promise<MeasuredInference> {
    const inputs = joinSamples(this.#artifact, samples);
    const times = [performance.now()];
    const encrypted = await this.#client.encrypt(inputs, encryption);
    times.push(performance.now());
    const { outputs, layerMs, peakMemoryBytes } = await evaluateSet(
      this.#evaluator,
      encrypted,
      this.#context,
      report,
    );
    times.push(performance.now());
    const answer = await this.#client.decrypt(outputs).catch((error: unknown) => {
      if (error instanceof HeError && error.code === 'OUTPUT_OUT_OF_RANGE') return error;
      throw error;
    });
    times.push(performance.now());
    return {
      ...(answer instanceof HeError
        ? { decrypted: null, refusal: answer }
        : { decrypted: answer, refusal: null }),
      encryptMs: times[1]! - times[0]!,
      evaluateMs: times[2]! - times[1]!,
      decryptMs: times[3]! - times[2]!,
      instructionMs: layerMs.map(({ ms }) => ms),
      inputBytes: ciphertextBytes(encrypted),
      outputBytes: ciphertextBytes(outputs),
      peakMemoryBytes,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#client[Symbol.asyncDispose](), this.#evaluator[Symbol.asyncDispose]()]);
  }
}

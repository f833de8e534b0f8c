/** The public side of the native engine: evaluation keys and ciphertexts of one process, in one worker. */
import { ArtifactError, InternalError } from '../../../errors.ts';
import type { RefreshStepTime } from '../../../program/artifact.ts';
import type {
  Instruction,
  LinearInstruction,
  PolynomialInstruction,
  ProductInstruction,
  RefreshInstruction,
  ValueInfo,
} from '../../../program/program.ts';
import type { CkksParameters } from '../../../program/security.ts';
import { checkParameters, requireEncryption } from '../../../program/security.ts';
import type { EvaluationBackend, LinearOperands, RefreshKeyBytes } from '../../backend.ts';
import { Cancellation, Heartbeat } from '../../workers/control.ts';
import { callNative } from './call-native.ts';
import type { NativeEngine } from './engine-addon.ts';
import { CONJUGATION, loadEngineAddon } from './engine-addon.ts';
import { flattenLinear } from './flatten-linear.ts';
import { forcedPath } from './load-addon.ts';
import { recordPolynomial, recordProduct } from './record-tapes.ts';
import { NativeRefreshes, type PreparedRefresh } from './refresh.ts';
import type { FlatTape } from './tape-recorder.ts';

/** A ciphertext of the engine with its planned level and scale. */
export interface NativeCiphertext {
  readonly handle: number;
  readonly level: number;
  readonly scale: number;
}

export interface NativeBackendOptions {
  /** Bound of everything the engine holds. */
  readonly memoryBytes: number;
  /** Of it, what encoded plaintexts may keep between evaluations. */
  readonly plaintextCacheBytes?: number;
  /** Plaintexts that will be prepared in all, so that the cache serves them all alike. */
  readonly expectedPlaintexts?: number;
  readonly threads?: number;
  /** Shared word: not 0 stops the engine between two pieces of work. */
  readonly cancellation?: Int32Array;
  /** Shared word that counts up while the engine works. */
  readonly heartbeat?: Int32Array;
}

export class NativeBackend implements EvaluationBackend<NativeCiphertext> {
  readonly name = 'native';
  readonly #engine: NativeEngine;
  readonly #slotCount: number;
  readonly #primes: readonly number[];
  /** Numbers of prepared transforms and tapes; of a polynomial one for each ciphertext. */
  readonly #prepared = new WeakMap<Instruction, number[]>();
  readonly #refreshes: NativeRefreshes;

  /** @throws BackendError BACKEND_UNAVAILABLE, ArtifactError if the parameters are not secure */
  static create(parameters: CkksParameters, options: NativeBackendOptions): NativeBackend {
    // Parameters may have come from another thread or file, where the type proves nothing.
    const checked = checkParameters(parameters);
    requireEncryption(checked);
    return new NativeBackend(checked, options);
  }

  private constructor(parameters: CkksParameters, options: NativeBackendOptions) {
    const { Engine } = loadEngineAddon();
    this.#slotCount = parameters.polyModulusDegree / 2;
    this.#primes = parameters.dataPrimes.map(Number);
    this.#engine = callNative('the engine', () => {
      return new Engine(
        parameters.polyModulusDegree,
        BigUint64Array.from(parameters.dataPrimes),
        BigUint64Array.from(parameters.specialPrimes),
        parameters.dnum,
        forcedPath(),
        options.memoryBytes,
        options.plaintextCacheBytes ?? 0,
        options.expectedPlaintexts ?? 0,
        options.threads ?? 1,
        options.cancellation ?? null,
        options.heartbeat ?? null,
      );
    });
    this.#refreshes = new NativeRefreshes(this.#engine, parameters, checkpointOf(options));
  }

  /** Ciphertexts now alive; for leak tests. */
  get liveHandles(): number {
    return this.#engine.status()[0]!;
  }

  loadRotationKey(step: number, bytes: Uint8Array): void {
    callNative(`the Galois key for step ${step}`, () => this.#engine.loadRotationKey(step, bytes));
  }

  loadRelinearizationKey(bytes: Uint8Array): void {
    callNative('the relinearization key', () => this.#engine.loadRelinearizationKey(bytes));
  }

  loadRefreshKeys({ conjugation, encapsulation, decapsulation }: RefreshKeyBytes): void {
    callNative('the conjugation key', () => this.#engine.loadRotationKey(CONJUGATION, conjugation));
    callNative('the keys that raise the modulus', () =>
      this.#engine.loadRaiseKeys(encapsulation, decapsulation),
    );
  }

  load(bytes: Uint8Array, level: number, scale: number): NativeCiphertext {
    const handle = callNative('the ciphertext', () => this.#engine.load(bytes));
    const [foundLevel, foundScale, polynomials] = this.#engine.describe(handle);
    if (foundLevel === level && polynomials === 2 && Math.abs(foundScale! - scale) <= 1e-9 * scale) {
      this.#engine.setScale(handle, scale);
      return { handle, level, scale };
    }
    this.#engine.free(handle);
    throw new ArtifactError(
      'CIPHERTEXT_INVALID',
      `expected a ciphertext of 2 polynomials at level ${level} and scale ${scale}, found ${polynomials} at ${foundLevel} and ${foundScale}`,
    );
  }

  store({ handle }: NativeCiphertext): Uint8Array {
    return callNative('a ciphertext', () => this.#engine.store(handle));
  }

  free({ handle }: NativeCiphertext): void {
    callNative('a ciphertext', () => this.#engine.free(handle));
  }

  prepare(instruction: Instruction, values: readonly ValueInfo[]): void {
    const { scale: outputScale } = values[instruction.output]!;
    switch (instruction.kind) {
      case 'linear': {
        const counts = instruction.inputs.map((id) => values[id]!.ciphertexts);
        this.#prepareLinear(instruction, counts, outputScale);
        return;
      }
      case 'polynomial': {
        const { level, scale, ciphertexts } = values[instruction.input]!;
        for (let index = 0; index < ciphertexts; index++) {
          this.#preparePolynomial(instruction, { level, scale }, index, outputScale);
        }
        return;
      }
      case 'product':
        this.#prepareProduct(
          instruction,
          values[instruction.left]!,
          values[instruction.right]!,
          instruction.left === instruction.right,
          outputScale,
        );
        return;
      case 'refresh':
        this.#prepareRefresh(instruction, values[instruction.input]!.scale);
    }
  }

  linear(
    instruction: LinearInstruction,
    { ciphertexts, counts }: LinearOperands<NativeCiphertext>,
    outputScale: number,
  ): NativeCiphertext[] {
    const prepared = this.#prepareLinear(instruction, counts, outputScale);
    const inputs = Uint32Array.from(ciphertexts, ({ handle }) => handle);
    const results = callNative(instruction.layer, () => this.#engine.linear(prepared, inputs));
    return [...results].map((handle) => this.#planned(handle, instruction.level - 1, outputScale));
  }

  polynomial(
    instruction: PolynomialInstruction,
    input: NativeCiphertext,
    index: number,
    outputScale: number,
  ): NativeCiphertext {
    const tape = this.#preparePolynomial(instruction, input, index, outputScale);
    return this.#runTape(instruction.layer, tape, [input], outputScale);
  }

  product(
    instruction: ProductInstruction,
    left: NativeCiphertext,
    right: NativeCiphertext,
    outputScale: number,
  ): NativeCiphertext {
    const square = left.handle === right.handle;
    const tape = this.#prepareProduct(instruction, left, right, square, outputScale);
    return this.#runTape(instruction.layer, tape, square ? [left] : [left, right], outputScale);
  }

  refresh(
    instruction: RefreshInstruction,
    input: NativeCiphertext,
    { level, scale }: Pick<ValueInfo, 'level' | 'scale'>,
  ): NativeCiphertext {
    const prepared = this.#prepareRefresh(instruction, input.scale);
    const handle = callNative(instruction.layer, () => this.#refreshes.run(prepared, input.handle));
    return this.#planned(handle, level, scale);
  }

  refreshStepsMs(): RefreshStepTime[] {
    return this.#refreshes.stepsMs();
  }

  memoryBytes(): number {
    return this.#engine.status()[1]!;
  }

  [Symbol.dispose](): void {
    this.#engine.dispose();
  }

  #prepareLinear(instruction: LinearInstruction, counts: readonly number[], outputScale: number): number {
    return this.#once(instruction, 0, () => {
      const { structure, plainScales, values, positions } = flattenLinear(instruction, counts, outputScale);
      return callNative(instruction.layer, () =>
        this.#engine.prepareLinear(structure, plainScales, outputScale, values, positions),
      );
    });
  }

  #preparePolynomial(
    instruction: PolynomialInstruction,
    input: { readonly level: number; readonly scale: number },
    index: number,
    outputScale: number,
  ): number {
    return this.#once(instruction, index, () =>
      this.#prepareTape(
        instruction.layer,
        recordPolynomial(instruction, input, index, outputScale, this.#slotCount, this.#primes),
      ),
    );
  }

  #prepareProduct(
    instruction: ProductInstruction,
    left: { readonly level: number; readonly scale: number },
    right: { readonly level: number; readonly scale: number },
    square: boolean,
    outputScale: number,
  ): number {
    return this.#once(instruction, 0, () =>
      this.#prepareTape(
        instruction.layer,
        recordProduct(
          instruction,
          square ? [left] : [left, right],
          outputScale,
          this.#slotCount,
          this.#primes,
        ),
      ),
    );
  }

  #prepareRefresh({ layer, ratio }: RefreshInstruction, scale: number): PreparedRefresh {
    return callNative(layer, () => this.#refreshes.prepare(scale, ratio));
  }

  #prepareTape(layer: string, { structure, scales, values, positions }: FlatTape): number {
    return callNative(layer, () => this.#engine.prepareTape(structure, scales, values, positions));
  }

  #once(instruction: Instruction, index: number, prepare: () => number): number {
    let list = this.#prepared.get(instruction);
    if (list === undefined) this.#prepared.set(instruction, (list = []));
    return (list[index] ??= prepare());
  }

  #runTape(
    layer: string,
    tape: number,
    inputs: readonly NativeCiphertext[],
    outputScale: number,
  ): NativeCiphertext {
    const handles = Uint32Array.from(inputs, ({ handle }) => handle);
    const [result] = callNative(layer, () => this.#engine.runTape(tape, handles));
    return this.#planned(result!, null, outputScale);
  }

  /** The engine keeps the scales it was told: they must agree with the program to the last bit. */
  #planned(handle: number, level: number | null, scale: number): NativeCiphertext {
    const [foundLevel, foundScale] = this.#engine.describe(handle);
    if (foundScale === scale && (level === null || level === foundLevel)) {
      return { handle, level: foundLevel!, scale };
    }
    this.#engine.free(handle);
    throw new InternalError(`a result is at level ${foundLevel} and scale ${foundScale}, not ${scale}`);
  }
}

/** The engine looks after both words itself; this is for what is done outside it. */
function checkpointOf({ cancellation, heartbeat }: NativeBackendOptions): () => void {
  const cancel = cancellation === undefined ? null : new Cancellation(cancellation);
  const heart = heartbeat === undefined ? null : new Heartbeat(heartbeat);
  return () => {
    heart?.beat();
    cancel?.check();
  };
}

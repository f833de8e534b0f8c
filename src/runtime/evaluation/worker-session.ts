/** What one worker holds, and everything it can be asked: ciphertexts live under ids that the main thread gives. */
import { ArtifactError, BackendError, InternalError } from '../../errors.ts';
import type { RefreshStepTime } from '../../program/artifact.ts';
import type { Instruction, LinearInstruction, Program } from '../../program/program.ts';
import { plainModulus } from '../../program/parameters.ts';
import type { CkksParameters } from '../../program/security.ts';
import { checkParameters } from '../../program/security.ts';
import { refreshDiagonals } from '../../program/native-memory.ts';
import type { TermFilter } from '../../program/semantics/evaluate-linear.ts';
import type {
  BackendName,
  DividingBackend,
  EvaluationBackend,
  LinearOperands,
  RefreshKeyBytes,
} from '../backend.ts';
import { canDivide } from '../backend.ts';
import { BfvBackend } from '../backends/bfv/backend.ts';
import { CleartextBackend } from '../backends/cleartext.ts';
import { IntegerBackend } from '../backends/integers.ts';
import { NativeBackend } from '../backends/native/backend.ts';
import { SealBackend } from '../backends/seal/backend.ts';
import { Cancellation, Heartbeat } from '../workers/control.ts';
import type { Partition } from './partition.ts';
import { termsOfPart } from './partition.ts';
import { slotVectors } from './share-program.ts';

export interface Opening {
  readonly backend: BackendName;
  readonly parameters: CkksParameters;
  readonly program: Program;
  readonly memoryBytes: number;
  readonly plaintextCacheBytes: number;
  readonly levelEncoders: boolean;
  /** Of the backend's own, inside this worker. */
  readonly threads: number;
  readonly cancellation: Int32Array;
  readonly heartbeat: Int32Array;
}

export interface WorkerStatus {
  readonly ciphertexts: number;
  readonly memoryBytes: number;
  /** Of all refreshes so far together; empty where the backend does not tell. */
  readonly refreshStepsMs: readonly RefreshStepTime[];
}

/** The terms that a worker computes: those of one part, or all. */
export interface Share {
  readonly partition: Partition;
  readonly part: number;
}

type TermFilters = Map<string, TermFilter>;

export class WorkerSession implements Disposable {
  readonly #backend: EvaluationBackend<unknown>;
  readonly #program: Program;
  readonly #ciphertexts = new Map<number, unknown>();
  readonly #filters = new WeakMap<Instruction, TermFilters>();

  static async open(opening: Opening): Promise<WorkerSession> {
    return new WorkerSession(await makeBackend(opening), opening.program);
  }

  private constructor(backend: EvaluationBackend<unknown>, program: Program) {
    this.#backend = backend;
    this.#program = program;
  }

  loadKey({ step, bytes }: { step: number | null; bytes: Uint8Array }): void {
    if (step === null) this.#backend.loadRelinearizationKey(bytes);
    else this.#backend.loadRotationKey(step, bytes);
    release(bytes);
  }

  loadRefreshKeys(keys: RefreshKeyBytes): void {
    this.#backend.loadRefreshKeys(keys);
    Object.values(keys).forEach(release);
  }

  prepare(order: { instruction: number; share: Share | null }): void {
    const instruction = this.#program.instructions[order.instruction];
    if (instruction === undefined) throw new InternalError('no such instruction');
    const filter = instruction.kind === 'linear' ? this.#filter(instruction, order.share) : () => true;
    this.#backend.prepare(instruction, this.#program.values, filter);
  }

  load({ id, bytes, level, scale }: { id: number; bytes: Uint8Array; level: number; scale: number }): void {
    this.#ciphertexts.set(id, this.#backend.load(bytes, level, scale));
  }

  store({ id }: { id: number }): Uint8Array {
    return this.#backend.store(this.#ciphertext(id));
  }

  /** Ids that are not here are passed over: after a failure the main thread need not know what was done. */
  free({ ids }: { ids: readonly number[] }): void {
    for (const id of ids) {
      if (!this.#ciphertexts.has(id)) continue;
      this.#backend.free(this.#ciphertext(id));
      this.#ciphertexts.delete(id);
    }
  }

  /** Makes the output ciphertexts listed in `outputs`, or all of them, under the ids of `results`. */
  linear(order: {
    instruction: number;
    operands: readonly number[];
    outputs: readonly number[] | null;
    results: readonly number[];
  }): void {
    const linear = this.#linear(order.instruction);
    const { scale } = this.#program.values[linear.output]!;
    const own =
      order.outputs === null
        ? linear
        : { ...linear, outputs: order.outputs.map((output) => linear.outputs[output]!) };
    const results = this.#backend.linear(own, this.#operands(linear, order.operands), scale);
    results.forEach((result, o) => this.#ciphertexts.set(order.results[o]!, result));
  }

  /** Puts the partial sums under the ids of `results`, one per output ciphertext; returns which of them exist. */
  linearSums(order: {
    instruction: number;
    operands: readonly number[];
    share: Share;
    results: readonly number[];
  }): boolean[] {
    const linear = this.#linear(order.instruction);
    const { scale } = this.#program.values[linear.output]!;
    const filter = this.#filter(linear, order.share);
    const operands = this.#operands(linear, order.operands);
    const sums = this.#dividing().linearSums(linear, operands, scale, filter);
    sums.forEach((sum, o) => {
      if (sum !== null) this.#ciphertexts.set(order.results[o]!, sum);
    });
    return sums.map((sum) => sum !== null);
  }

  linearFinish(order: {
    instruction: number;
    outputs: readonly {
      readonly output: number;
      readonly sums: readonly number[];
      readonly result: number;
    }[];
    fallback: number;
  }): void {
    const linear = this.#linear(order.instruction);
    const { scale } = this.#program.values[linear.output]!;
    const outputs = order.outputs.map(({ output, sums }) => ({
      output,
      sums: sums.map((id) => this.#take(id)),
    }));
    const results = this.#dividing().linearFinish(linear, outputs, this.#ciphertext(order.fallback), scale);
    results.forEach((result, i) => this.#ciphertexts.set(order.outputs[i]!.result, result));
  }

  polynomial(order: { instruction: number; operand: number; index: number; result: number }): void {
    const instruction = this.#program.instructions[order.instruction];
    if (instruction?.kind !== 'polynomial') throw new InternalError('not a polynomial instruction');
    const { scale } = this.#program.values[instruction.output]!;
    const operand = this.#ciphertext(order.operand);
    this.#ciphertexts.set(order.result, this.#backend.polynomial(instruction, operand, order.index, scale));
  }

  product(order: { instruction: number; left: number; right: number; result: number }): void {
    const instruction = this.#program.instructions[order.instruction];
    if (instruction?.kind !== 'product') throw new InternalError('not a product instruction');
    const { scale } = this.#program.values[instruction.output]!;
    const [left, right] = [this.#ciphertext(order.left), this.#ciphertext(order.right)];
    this.#ciphertexts.set(order.result, this.#backend.product(instruction, left, right, scale));
  }

  refresh(order: { instruction: number; operand: number; result: number }): void {
    const instruction = this.#program.instructions[order.instruction];
    if (instruction?.kind !== 'refresh') throw new InternalError('not a refresh instruction');
    const output = this.#program.values[instruction.output]!;
    const operand = this.#ciphertext(order.operand);
    this.#ciphertexts.set(order.result, this.#backend.refresh(instruction, operand, output));
  }

  /** Ciphertexts held, and memory outside the JavaScript heap. */
  status(): WorkerStatus {
    return {
      ciphertexts: this.#ciphertexts.size,
      memoryBytes: this.#backend.memoryBytes(),
      refreshStepsMs: this.#backend.refreshStepsMs?.() ?? [],
    };
  }

  [Symbol.dispose](): void {
    this.#backend[Symbol.dispose]();
  }

  #linear(index: number): LinearInstruction {
    const instruction = this.#program.instructions[index];
    if (instruction?.kind !== 'linear') throw new InternalError('not a linear instruction');
    return instruction;
  }

  #dividing(): DividingBackend<unknown> {
    if (!canDivide(this.#backend)) throw new InternalError('this backend does not divide instructions');
    return this.#backend;
  }

  #operands({ inputs }: LinearInstruction, ids: readonly number[]): LinearOperands<unknown> {
    return {
      ciphertexts: ids.map((id) => this.#ciphertext(id)),
      counts: inputs.map((id) => this.#program.values[id]!.ciphertexts),
    };
  }

  #filter(instruction: LinearInstruction, share: Share | null): TermFilter {
    if (share === null) return () => true;
    let filters = this.#filters.get(instruction);
    if (filters === undefined) this.#filters.set(instruction, (filters = new Map<string, TermFilter>()));
    const key = `${share.partition.by}/${share.partition.parts}/${share.part}`;
    let filter = filters.get(key);
    if (filter === undefined)
      filters.set(key, (filter = termsOfPart(instruction, share.partition, share.part)));
    return filter;
  }

  #ciphertext(id: number): unknown {
    const ciphertext = this.#ciphertexts.get(id);
    if (ciphertext === undefined) throw new InternalError(`there is no ciphertext ${id}`);
    return ciphertext;
  }

  #take(id: number): unknown {
    const ciphertext = this.#ciphertext(id);
    this.#ciphertexts.delete(id);
    return ciphertext;
  }
}

/** At once, not when the garbage is collected: keys are large, and the next is on its way. */
function release({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}

async function makeBackend(opening: Opening): Promise<EvaluationBackend<unknown>> {
  const cancellation = new Cancellation(opening.cancellation);
  const heartbeat = new Heartbeat(opening.heartbeat);
  const checkpoint = (): void => {
    heartbeat.beat();
    cancellation.check();
  };
  const { program } = opening;
  const parameters = checkParameters(opening.parameters);
  if (parameters.polyModulusDegree !== 2 * program.slotCount) {
    throw new ArtifactError(
      'PARAMETERS_MISMATCH',
      `the program has ${program.slotCount} slots, its parameters ${parameters.polyModulusDegree / 2}`,
    );
  }
  switch (opening.backend) {
    case 'cleartext':
      if (parameters.scheme === 'bfv') {
        const levels = parameters.dataPrimes.length;
        return new IntegerBackend(program.slotCount, levels, plainModulus(parameters), checkpoint);
      }
      return new CleartextBackend(program.slotCount, parameters.dataPrimes.map(Number), checkpoint);
    case 'seal':
      if (parameters.scheme === 'bfv') {
        return BfvBackend.create(parameters, { ...opening, heapBytes: opening.memoryBytes, checkpoint });
      }
      return SealBackend.create(parameters, { ...opening, heapBytes: opening.memoryBytes, checkpoint });
    case 'native':
      // Whoever did not ask `chooseBackend` first.
      if (parameters.scheme === 'bfv') {
        throw new BackendError('PARAMETERS_UNSUPPORTED', 'the native engine has no BFV');
      }
      return NativeBackend.create(parameters, {
        memoryBytes: opening.memoryBytes,
        plaintextCacheBytes: opening.plaintextCacheBytes,
        expectedPlaintexts:
          new Set(slotVectors(program.instructions)).size + refreshDiagonals(program, parameters),
        threads: opening.threads,
        cancellation: opening.cancellation,
        heartbeat: opening.heartbeat,
      });
  }
}

/** What one worker holds, and everything it can be asked: ciphertexts live under ids that the main thread gives. */
import { ArtifactError, BackendError, InternalError } from '../../errors.ts';
import type { Instruction, Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import { checkParameters } from '../../program/security.ts';
import type { TermFilter } from '../../program/semantics/evaluate-linear.ts';
import type { BackendName, EvaluationBackend } from '../backend.ts';
import { CleartextBackend } from '../backends/cleartext.ts';
import { SealBackend } from '../backends/seal/backend.ts';
import { Cancellation, Heartbeat } from '../workers/control.ts';
import type { Partition } from './partition.ts';
import { termsOfPart } from './partition.ts';

export interface Opening {
  readonly backend: BackendName;
  readonly parameters: CkksParameters;
  readonly program: Program;
  readonly heapBytes: number;
  readonly plaintextCacheBytes: number;
  readonly levelEncoders: boolean;
  readonly cancellation: Int32Array;
  readonly heartbeat: Int32Array;
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
  }

  prepare({ instruction, share }: { instruction: number; share: Share | null }): void {
    const linear = this.#linear(instruction);
    const counts = linear.inputs.map((id) => this.#program.values[id]!.ciphertexts);
    this.#backend.prepareLinear(linear, counts, this.#filter(linear, share));
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

  /** Puts the partial sums under the ids of `results`, one per output ciphertext; returns which of them exist. */
  linearSums(order: {
    instruction: number;
    operands: readonly number[];
    share: Share | null;
    results: readonly number[];
  }): boolean[] {
    const linear = this.#linear(order.instruction);
    const counts = linear.inputs.map((id) => this.#program.values[id]!.ciphertexts);
    const ciphertexts = order.operands.map((id) => this.#ciphertext(id));
    const { scale } = this.#program.values[linear.output]!;
    const filter = this.#filter(linear, order.share);
    const sums = this.#backend.linearSums(linear, { ciphertexts, counts }, scale, filter);
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
    const results = this.#backend.linearFinish(linear, outputs, this.#ciphertext(order.fallback), scale);
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

  /** Ciphertexts held, and memory outside the JavaScript heap. */
  status(): { ciphertexts: number; memoryBytes: number } {
    return { ciphertexts: this.#ciphertexts.size, memoryBytes: this.#backend.memoryBytes() };
  }

  [Symbol.dispose](): void {
    this.#backend[Symbol.dispose]();
  }

  #linear(index: number): Extract<Instruction, { kind: 'linear' }> {
    const instruction = this.#program.instructions[index];
    if (instruction?.kind !== 'linear') throw new InternalError('not a linear instruction');
    return instruction;
  }

  #filter(instruction: Extract<Instruction, { kind: 'linear' }>, share: Share | null): TermFilter {
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
      return new CleartextBackend(program.slotCount, parameters.dataPrimes.map(Number), checkpoint);
    case 'seal':
      return SealBackend.create(parameters, { ...opening, checkpoint });
    case 'native':
      throw new BackendError('BACKEND_UNAVAILABLE', 'the native backend is not part of this build', {
        hint: 'compile with --backend seal',
      });
  }
}

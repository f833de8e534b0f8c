/**
 * Runs a program on one or more workers. Ciphertexts stay where they were made; they are copied to another worker only
 * when an instruction there needs them, and freed everywhere after their last use. While workers are on one instruction, the
 * requests of the next already wait there: results go by ids given in advance, and each worker does as it was asked, in order.
 */
import { unreachable } from '../../errors.ts';
import { lastUses } from '../../program/memory-model.ts';
import { operandsOf } from '../../program/program.ts';
import type {
  Instruction,
  LinearInstruction,
  PolynomialInstruction,
  ProductInstruction,
  Program,
  RefreshInstruction,
  ValueId,
} from '../../program/program.ts';
import type { CiphertextSet } from '../formats/ciphertext-set.ts';
import { partOf, type Partition } from './partition.ts';
import type { EvaluationWorker, Located } from './placement.ts';
import { Placement, later, settled } from './placement.ts';

export interface RunOptions {
  /** q_0 … q_L as float64. */
  readonly primes: readonly number[];
  /** Indexed by instruction; null where one worker does it all. */
  readonly partitions: readonly (Partition | null)[];
  /** Ids that no other run uses. */
  readonly newId: () => number;
  /** Called as each instruction begins and once at the end; may throw to cancel. */
  readonly onInstruction: (index: number) => void;
}

/** @returns the serialized ciphertexts of each program output, and what each instruction took */
export async function runProgram(
  program: Program,
  workers: readonly EvaluationWorker[],
  inputs: CiphertextSet,
  options: RunOptions,
): Promise<{ outputs: Uint8Array[][]; instructionMs: number[] }> {
  const run = new Run(program, workers, options);
  try {
    return await run.execute(inputs);
  } finally {
    await run.freeAll();
  }
}

/** An instruction that the workers have been asked for. */
interface Sent {
  readonly results: readonly Located[];
  readonly done: Promise<unknown>;
}

class Run {
  readonly #program: Program;
  readonly #workers: readonly EvaluationWorker[];
  readonly #options: RunOptions;
  readonly #values = new Map<number, readonly Located[]>();
  readonly #placement: Placement;
  #sending: Promise<unknown> = Promise.resolve();

  constructor(program: Program, workers: readonly EvaluationWorker[], options: RunOptions) {
    this.#program = program;
    this.#workers = workers;
    this.#options = options;
    this.#placement = new Placement(workers, options.newId);
  }

  async execute(inputs: CiphertextSet): Promise<{ outputs: Uint8Array[][]; instructionMs: number[] }> {
    const { instructions } = this.#program;
    const lastUse = lastUses(this.#program);
    await this.#loadInputs(inputs);
    const times: number[] = [];
    const begins = (index: number): void => {
      times.push(performance.now());
      this.#options.onInstruction(index);
    };
    let running: Promise<unknown> = Promise.resolve();
    for (const [index, instruction] of instructions.entries()) {
      const sending = later(this.#send(index, instruction));
      this.#sending = sending;
      await running;
      begins(index);
      const { results, done } = await sending;
      this.#values.set(instruction.output, results);
      for (const id of [...operandsOf(instruction), instruction.output]) {
        if (lastUse[id]! > index) continue;
        await this.#placement.free(this.#values.get(id) ?? []);
        this.#values.delete(id);
      }
      running = done;
    }
    await running;
    begins(instructions.length);
    const instructionMs = instructions.map((_, index) => times[index + 1]! - times[index]!);
    const outputs: Uint8Array[][] = [];
    for (const { value } of this.#program.outputs) {
      outputs.push(await settled(this.#values.get(value)!.map((located) => this.#placement.store(located))));
    }
    return { outputs, instructionMs };
  }

  async freeAll(): Promise<void> {
    await Promise.allSettled([this.#sending]);
    await this.#placement.freeAll();
  }

  async #loadInputs(inputs: CiphertextSet): Promise<void> {
    const loads: Promise<unknown>[] = [];
    this.#program.inputs.forEach(({ value }, i) => {
      const ciphertexts = inputs.tensors[i]!.ciphertexts.map((bytes, ct) => {
        const worker = this.#workers[ct % this.#workers.length]!;
        return this.#placement.input(this.#program.values[value]!, worker, bytes);
      });
      this.#values.set(value, ciphertexts);
      for (const located of ciphertexts) loads.push(...located.at.values());
    });
    await settled(loads);
  }

  #send(index: number, instruction: Instruction): Promise<Sent> {
    switch (instruction.kind) {
      case 'linear':
        return this.#linear(index, instruction);
      case 'polynomial':
        return this.#polynomial(index, instruction);
      case 'product':
        return this.#product(index, instruction);
      case 'refresh':
        return this.#refresh(index, instruction);
      default:
        return unreachable(instruction, 'instruction');
    }
  }

  async #linear(index: number, instruction: LinearInstruction): Promise<Sent> {
    const operands = instruction.inputs.flatMap((id) => this.#values.get(id)!);
    const partition = this.#options.partitions[index] ?? null;
    if (partition !== null && this.#workers.length >= partition.parts) {
      const results =
        partition.by === 'output'
          ? await this.#linearByOutput(index, instruction, operands, partition)
          : await this.#dividedLinear(index, instruction, operands, partition);
      return { results, done: Promise.resolve() };
    }
    const worker = this.#busiest(operands);
    const ids = await this.#placement.bring(operands, worker);
    const results = instruction.outputs.map(() => this.#placement.newId(worker));
    const order = { instruction: index, operands: ids, outputs: null, results };
    const done = later(worker.call('linear', order));
    const shape = this.#program.values[instruction.output]!;
    return { results: results.map((id) => this.#placement.made(shape, worker, id)), done };
  }

  /** Each worker makes some of the outputs from beginning to end. */
  async #linearByOutput(
    index: number,
    instruction: LinearInstruction,
    operands: readonly Located[],
    partition: Partition,
  ): Promise<Located[]> {
    const owner = partOf(instruction, partition);
    const shape = this.#program.values[instruction.output]!;
    const made: Located[] = [];
    await settled(
      this.#workers.slice(0, partition.parts).map(async (worker, part) => {
        const outputs = instruction.outputs.flatMap((_, o) => (owner(o, 0, 0) === part ? [o] : []));
        if (outputs.length === 0) return;
        const ids = await this.#placement.bring(operands, worker);
        const results = outputs.map(() => this.#placement.newId(worker));
        await worker.call('linear', { instruction: index, operands: ids, outputs, results });
        outputs.forEach((output, i) => {
          made[output] = this.#placement.made(shape, worker, results[i]!);
        });
      }),
    );
    return made;
  }

  async #dividedLinear(
    index: number,
    instruction: LinearInstruction,
    operands: readonly Located[],
    partition: Partition,
  ): Promise<Located[]> {
    const workers = this.#workers.slice(0, partition.parts);
    const parts = await settled(
      workers.map(async (worker, part) => {
        const ids = await this.#placement.bring(operands, worker);
        const results = instruction.outputs.map(() => this.#placement.newId(worker));
        const order = { instruction: index, operands: ids, share: { partition, part }, results };
        const present = await worker.call('linearSums', order);
        return { worker, fallback: ids[0]!, sums: results.map((id, o) => (present[o] === true ? id : null)) };
      }),
    );
    // Each output is finished where most of it is; the other parts' sums are brought there.
    const sum = {
      level: instruction.level,
      // As the kernels compute it: the output's scale times the prime that the rescale will remove.
      scale: this.#program.values[instruction.output]!.scale * this.#options.primes[instruction.level]!,
    };
    const finishers = instruction.outputs.map((_, o) => {
      const having = parts.filter(({ sums }) => sums[o] !== null);
      return having.length === 0 ? parts[0]! : having[o % having.length]!;
    });
    const results = instruction.outputs.map((_, o) => this.#placement.newId(finishers[o]!.worker));
    await settled(
      parts.map(async (part) => {
        const mine = instruction.outputs.flatMap((_, o) => (finishers[o] === part ? [o] : []));
        if (mine.length === 0) return;
        const outputs = await settled(
          mine.map(async (output) => {
            const sums = await settled(
              parts.flatMap(({ worker, sums }) => {
                const id = sums[output] ?? null;
                if (id === null) return [];
                return [this.#placement.move(worker, id, part.worker, sum)];
              }),
            );
            return { output, sums, result: results[output]! };
          }),
        );
        await part.worker.call('linearFinish', { instruction: index, outputs, fallback: part.fallback });
        this.#placement.forget(
          part.worker,
          outputs.flatMap(({ sums }) => sums),
        );
      }),
    );
    return results.map((id, o) =>
      this.#placement.made(this.#program.values[instruction.output]!, finishers[o]!.worker, id),
    );
  }

  #polynomial(index: number, { input, output }: PolynomialInstruction): Promise<Sent> {
    return this.#each(input, output, (worker, operand, ct, result) =>
      worker.call('polynomial', { instruction: index, operand, index: ct, result }),
    );
  }

  #refresh(index: number, { input, output }: RefreshInstruction): Promise<Sent> {
    return this.#each(input, output, (worker, operand, _ct, result) =>
      worker.call('refresh', { instruction: index, operand, result }),
    );
  }

  /** What makes one ciphertext of each. */
  #each(
    input: ValueId,
    output: ValueId,
    call: (worker: EvaluationWorker, operand: number, ct: number, result: number) => Promise<unknown>,
  ): Promise<Sent> {
    const shape = this.#program.values[output]!;
    return all(
      this.#values.get(input)!.map(async (located, ct) => {
        const worker = this.#workerFor(located, ct);
        const [operand] = await this.#placement.bring([located], worker);
        const result = this.#placement.newId(worker);
        const done = later(call(worker, operand!, ct, result));
        return { result: this.#placement.made(shape, worker, result), done };
      }),
    );
  }

  async #product(index: number, instruction: ProductInstruction): Promise<Sent> {
    const shape = this.#program.values[instruction.output]!;
    const rights = this.#values.get(instruction.right)!;
    return all(
      this.#values.get(instruction.left)!.map(async (located, ct) => {
        const worker = this.#workerFor(located, ct);
        const [left, right] = await this.#placement.bring([located, rights[ct]!], worker);
        const result = this.#placement.newId(worker);
        const order = { instruction: index, left: left!, right: right!, result };
        const done = later(worker.call('product', order));
        return { result: this.#placement.made(shape, worker, result), done };
      }),
    );
  }

  /** Ciphertexts are dealt out in turn; a lone one stays where it is. */
  #workerFor(located: Located, index: number): EvaluationWorker {
    const count = this.#workers.length;
    const dealt = this.#workers[index % count]!;
    const home = located.at.keys().next().value;
    return index === 0 && home !== undefined ? home : dealt;
  }

  #busiest(operands: readonly Located[]): EvaluationWorker {
    const held = (worker: EvaluationWorker): number => operands.filter(({ at }) => at.has(worker)).length;
    return this.#workers.reduce((best, worker) => (held(worker) > held(best) ? worker : best));
  }
}

/** One ciphertext after another, sent to whichever worker. */
async function all(
  sending: readonly Promise<{ readonly result: Located; readonly done: Promise<unknown> }>[],
): Promise<Sent> {
  const sent = await settled(sending);
  return { results: sent.map(({ result }) => result), done: later(settled(sent.map(({ done }) => done))) };
}

/** Where the ciphertexts of a run are: copied between workers when needed, and freed to the last. */
import type { WorkerChannel } from '../workers/channel.ts';
import type { EvaluationWorkerApi } from './worker.ts';

export type EvaluationWorker = WorkerChannel<EvaluationWorkerApi>;

export interface CiphertextShape {
  readonly level: number;
  readonly scale: number;
}

/** One ciphertext, and the id under which each worker has it. */
export interface Located extends CiphertextShape {
  readonly at: Map<EvaluationWorker, Promise<number>>;
  /** Of an input: what it was loaded from, and can be loaded from elsewhere. */
  readonly bytes: Uint8Array | null;
}

export class Placement {
  readonly #nextId: () => number;
  /** Every id given out and not yet freed. */
  readonly #ids = new Map<EvaluationWorker, Set<number>>();

  /** @param nextId gives ids that no other run uses */
  constructor(workers: readonly EvaluationWorker[], nextId: () => number) {
    this.#nextId = nextId;
    for (const worker of workers) this.#ids.set(worker, new Set());
  }

  /** An id for a result that the worker is about to make. */
  newId(worker: EvaluationWorker): number {
    const id = this.#nextId();
    this.#ids.get(worker)!.add(id);
    return id;
  }

  /** The worker has consumed these: they are gone. */
  forget(worker: EvaluationWorker, ids: readonly number[]): void {
    for (const id of ids) this.#ids.get(worker)!.delete(id);
  }

  made({ level, scale }: CiphertextShape, worker: EvaluationWorker, id: number): Located {
    return { level, scale, at: new Map([[worker, Promise.resolve(id)]]), bytes: null };
  }

  input({ level, scale }: CiphertextShape, worker: EvaluationWorker, bytes: Uint8Array): Located {
    const shape = { level, scale };
    return { ...shape, at: new Map([[worker, this.#load(worker, bytes, shape)]]), bytes };
  }

  /** Ids of the ciphertexts at the worker, copied there if need be. */
  bring(operands: readonly Located[], worker: EvaluationWorker): Promise<number[]> {
    return settled(
      operands.map((located) => {
        let there = located.at.get(worker);
        if (there === undefined) {
          there = this.store(located).then((bytes) => this.#load(worker, bytes, located));
          located.at.set(worker, there);
        }
        return there;
      }),
    );
  }

  async store(located: Located): Promise<Uint8Array> {
    if (located.bytes !== null) return located.bytes;
    const [worker, id] = located.at.entries().next().value!;
    return worker.call('store', { id: await id });
  }

  /** Moves a ciphertext that only `from` has; returns its id at `to`. */
  async move(
    from: EvaluationWorker,
    id: number,
    to: EvaluationWorker,
    shape: CiphertextShape,
  ): Promise<number> {
    if (from === to) return id;
    const bytes = await from.call('store', { id });
    await this.#free(from, [id]);
    return this.#load(to, bytes, shape);
  }

  /** Returns when the workers have been asked: one that fails here fails at its next request too, and `freeAll` asks again. */
  async free(list: readonly Located[]): Promise<void> {
    const byWorker = new Map<EvaluationWorker, number[]>();
    for (const { at } of list) {
      for (const [worker, id] of at) byWorker.set(worker, [...(byWorker.get(worker) ?? []), await id]);
    }
    for (const [worker, ids] of byWorker) void later(this.#free(worker, ids));
  }

  /** After success or failure alike; workers that have ended hold nothing any more. */
  async freeAll(): Promise<void> {
    await settled(
      [...this.#ids].map(async ([worker, ids]) => {
        if (ids.size > 0 && worker.failure === null) await this.#free(worker, [...ids]);
      }),
    );
  }

  async #load(worker: EvaluationWorker, bytes: Uint8Array, shape: CiphertextShape): Promise<number> {
    const id = this.newId(worker);
    await worker.call('load', { id, bytes, level: shape.level, scale: shape.scale });
    return id;
  }

  async #free(worker: EvaluationWorker, ids: readonly number[]): Promise<void> {
    await worker.call('free', { ids });
    this.forget(worker, ids);
  }
}

/** Like Promise.all, but waits for all to end, so that nothing goes on behind an error. */
export async function settled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return results.map((result) => (result as PromiseFulfilledResult<T>).value);
}

/** A reply that is looked at later, or never where something else fails first. */
export function later<T>(reply: Promise<T>): Promise<T> {
  reply.catch(() => undefined);
  return reply;
}

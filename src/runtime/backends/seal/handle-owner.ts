/** Owns every WASM object of one SEAL instance: each is freed exactly once, at the latest with the owner. */
import type { ClassHandle } from 'node-seal';
import { InternalError } from '../../../errors.ts';

export class HandleOwner implements Disposable {
  readonly #live = new Set<ClassHandle>();
  #created = 0;

  get live(): number {
    return this.#live.size;
  }

  get created(): number {
    return this.#created;
  }

  own<T extends ClassHandle>(handle: T): T {
    this.#live.add(handle);
    this.#created++;
    return handle;
  }

  free(handle: ClassHandle): void {
    if (!this.#live.delete(handle)) throw new InternalError('a WASM handle was freed twice or never owned');
    handle.delete();
  }

  [Symbol.dispose](): void {
    // Later objects refer to earlier ones (evaluators to contexts).
    for (const handle of [...this.#live].reverse()) handle.delete();
    this.#live.clear();
  }
}

/** Memory shared with workers: a flag that cancels what they do, and a heartbeat that shows they do something. */
import { BackendError } from '../../errors.ts';

export class Cancellation {
  readonly flag: Int32Array;

  constructor(flag: Int32Array = new Int32Array(new SharedArrayBuffer(4))) {
    this.flag = flag;
  }

  set(cancelled: boolean): void {
    Atomics.store(this.flag, 0, cancelled ? 1 : 0);
  }

  /** @throws BackendError CANCELLED */
  check(): void {
    if (Atomics.load(this.flag, 0) === 1) throw cancelled();
  }
}

export class Heartbeat {
  readonly counter: Int32Array;

  constructor(counter: Int32Array = new Int32Array(new SharedArrayBuffer(4))) {
    this.counter = counter;
  }

  beat(): void {
    Atomics.add(this.counter, 0, 1);
  }

  read(): number {
    return Atomics.load(this.counter, 0);
  }
}

export function cancelled(): BackendError {
  return new BackendError('CANCELLED', 'the operation was cancelled');
}

/** Adds encrypted vectors up, without any key. */
import { addCiphertexts } from '../backends/bfv/add-ciphertexts.ts';
import { BfvContext } from '../backends/bfv/context.ts';
import { sumParameters } from './sum-parameters.ts';

export class CiphertextSum implements Disposable {
  readonly #context: BfvContext;

  private constructor(context: BfvContext) {
    this.#context = context;
  }

  static async open(): Promise<CiphertextSum> {
    return new CiphertextSum(await BfvContext.create(sumParameters()));
  }

  get liveHandles(): number {
    return this.#context.handles.live;
  }

  /** Every byte is checked. @throws ArtifactError CIPHERTEXT_INVALID */
  add(one: Uint8Array, other: Uint8Array): Uint8Array {
    return addCiphertexts(this.#context, one, other, 0);
  }

  [Symbol.dispose](): void {
    this.#context[Symbol.dispose]();
  }
}

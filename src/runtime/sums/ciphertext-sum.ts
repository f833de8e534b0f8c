/** Adds encrypted vectors up, without any key. */
import type { Ciphertext } from 'node-seal';
import { BfvContext } from '../backends/bfv/context.ts';
import { joinParts, splitParts } from '../backends/bfv/parts.ts';
import { callSeal } from '../backends/seal/module.ts';
import { sumParameters } from './sum-parameters.ts';

export class CiphertextSum implements Disposable {
  readonly #context: BfvContext;

  private constructor(context: BfvContext) {
    this.#context = context;
  }

  static async open(): Promise<CiphertextSum> {
    return new CiphertextSum(await BfvContext.create(sumParameters()));
  }

  /** Every byte is checked. @throws ArtifactError CIPHERTEXT_INVALID */
  add(one: Uint8Array, other: Uint8Array): Uint8Array {
    const { handles, seal, residues } = this.#context;
    const [residue] = residues;
    const load = (bytes: Uint8Array): Ciphertext => {
      const ciphertext = handles.own(new seal.Ciphertext());
      try {
        residue!.loader.ciphertext(ciphertext, splitParts(bytes, 1, 'CIPHERTEXT_INVALID')[0]!, 0, 1);
        return ciphertext;
      } catch (error) {
        handles.free(ciphertext);
        throw error;
      }
    };
    const total = load(one);
    try {
      const summand = load(other);
      try {
        callSeal('adding up', () => residue!.evaluator.addInplace(total, summand));
      } finally {
        handles.free(summand);
      }
      const { none } = seal.ComprModeType;
      return joinParts([callSeal('saving', () => total.saveToArray(none) as Uint8Array)]);
    } finally {
      handles.free(total);
    }
  }

  [Symbol.dispose](): void {
    this.#context[Symbol.dispose]();
  }
}

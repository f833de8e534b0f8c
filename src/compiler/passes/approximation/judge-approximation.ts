/** Judges an approximation by all samples that are held out: those that the walk carried along, and those in reserve. */
import { OnnxRunner } from '../../reference/onnx-runner.ts';
import type { TensorGraph } from '../../ir/tensor-graph.ts';
import { throwIfCancelled } from '../../reference/cancellation.ts';
import { concatenate } from '../../reference/evaluate-model.ts';
import { compareOutputs } from './quality.ts';
import type { Approximation, ApproximationContext } from './walk.ts';

/** The reserve is run when first asked for: nothing else may need it. */
export class Judge {
  readonly #context: ApproximationContext;
  readonly #error: number;
  #original: readonly Float32Array[] | null = null;

  /** @param error probability that the drop of any approximation that is judged lies above its upper end */
  constructor(context: ApproximationContext, error: number) {
    this.#context = context;
    this.#error = error;
  }

  /**
   * The same approximation with its comparison over all held-out samples. One that is worse than `limit` beyond doubt is not
   * looked at any further.
   */
  async judge(approximation: Approximation, limit: number): Promise<Approximation> {
    const { batch, graph } = this.#context;
    const { reserve } = batch;
    const { heldOut } = approximation;
    const compare = (
      original: readonly Float32Array[],
      approximated: readonly Float32Array[],
      samples: number,
      labels: Int32Array | null,
    ): Approximation => ({
      ...approximation,
      comparison: compareOutputs(original, approximated, samples, labels, heldOut.reading, this.#error),
    });
    const { original, approximated, samples, labels } = heldOut;
    const first = compare(original, approximated, samples, labels);
    if (reserve.samples === 0 || first.comparison.drop.lower > limit) return first;
    this.#original ??= await this.#run(graph);
    const more = await this.#run(approximation.graph);
    const all =
      labels === null || reserve.labels === null ? null : Int32Array.of(...labels, ...reserve.labels);
    return compare(join(original, this.#original), join(approximated, more), samples + reserve.samples, all);
  }

  /** Outputs of a graph for the reserve, [samples × elements] each. */
  async #run(graph: TensorGraph): Promise<Float32Array[]> {
    const { batch, progress } = this.#context;
    await using runner = await OnnxRunner.open(graph);
    const parts: Float32Array[][] = [];
    for (const { samples, inputs } of batch.reserve.parts()) {
      throwIfCancelled(progress.signal);
      parts.push(await runner.run(inputs, samples, undefined, progress.signal));
    }
    return graph.outputs.map((_, output) => concatenate(parts.map((part) => part[output]!)));
  }
}

function join(first: readonly Float32Array[], second: readonly Float32Array[]): Float32Array[] {
  return first.map((values, output) => concatenate([values, second[output]!]));
}

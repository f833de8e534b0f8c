/** Runs a TensorGraph with onnxruntime over many samples. */
import type { TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import { encodeOnnx } from '../onnx/encode.ts';
import { isBatchable } from '../onnx/batchable.ts';
import { throwIfCancelled } from './cancellation.ts';
import { Session } from './session.ts';
import type { Feed } from './session.ts';

/** Samples per call where the batch axis is free: enough to fill the threads, little enough to stay in cache. */
export const BATCH = 64;

export class OnnxRunner implements AsyncDisposable {
  readonly #graph: TensorGraph;
  readonly #session: Session;
  readonly #batch: number;

  private constructor(graph: TensorGraph, session: Session, batch: number) {
    this.#graph = graph;
    this.#session = session;
    this.#batch = batch;
  }

  /** @throws CompileError REFERENCE_FAILED naming the node if the graph has only one, else the graph */
  static async open(graph: TensorGraph): Promise<OnnxRunner> {
    const batchable = isBatchable(graph);
    const what = graph.nodes.length === 1 ? graph.nodes[0]!.name : graph.name;
    const session = await Session.open(encodeOnnx(graph, { batch: batchable ? 'symbolic' : 'static' }), what);
    return new OnnxRunner(graph, session, batchable ? BATCH : 1);
  }

  /**
   * @param inputs one array of [samples × elements of one sample] per graph input
   * @returns the same per graph output
   */
  async run(
    inputs: readonly Float32Array[],
    samples: number,
    onProgress?: (fraction: number) => void,
    signal?: AbortSignal,
  ): Promise<Float32Array[]> {
    const graph = this.#graph;
    const sizes = graph.outputs.map((output) => elementsOf(graph, output));
    const results = sizes.map((size) => new Float32Array(samples * size));
    for (let start = 0; start < samples; start += this.#batch) {
      throwIfCancelled(signal);
      const count = Math.min(this.#batch, samples - start);
      const feeds = new Map<string, Feed>();
      for (const [i, name] of graph.inputs.entries()) {
        const shape = shapeOf(graph, name);
        const size = elementsOf(graph, name);
        feeds.set(name, {
          dims: shape.length === 0 ? [] : [count * shape[0]!, ...shape.slice(1)],
          data: inputs[i]!.subarray(start * size, (start + count) * size),
        });
      }
      const outputs = await this.#session.run(feeds);
      for (const [i, name] of graph.outputs.entries())
        results[i]!.set(outputs.get(name)!.data, start * sizes[i]!);
      onProgress?.((start + count) / samples);
    }
    return results;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }
}

/** Elements of one sample of a tensor. */
export function elementsOf(graph: TensorGraph, tensor: string): number {
  return shapeOf(graph, tensor).reduce((product, size) => product * size, 1);
}

/** Tensors of a node's input list that are not constants. */
export function encryptedInputs(graph: TensorGraph, node: TensorNode): string[] {
  return [...new Set(node.inputs.filter((input) => input !== '' && !graph.constants.has(input)))];
}

/** The graph that consists of one node. Inputs and outputs are the node's own tensors. */
export function singleNodeGraph(graph: TensorGraph, node: TensorNode): TensorGraph {
  const outputs = node.outputs.filter((output) => output !== '');
  return {
    ...graph,
    name: node.name,
    inputs: encryptedInputs(graph, node),
    outputs,
    nodes: [node],
    constants: new Map(node.inputs.flatMap((input) => entry(graph.constants, input))),
    shapes: new Map([...node.inputs, ...outputs].flatMap((tensor) => entry(graph.shapes, tensor))),
    clientOperators: outputs.map(() => []),
  };
}

function entry<V>(map: ReadonlyMap<string, V>, key: string): [string, V][] {
  const value = map.get(key);
  return value === undefined ? [] : [[key, value]];
}

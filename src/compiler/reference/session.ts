/** Owner of one onnxruntime session; the only file that knows its API. */
import { InferenceSession, Tensor } from './onnxruntime.ts';
import { CompileError } from '../../errors.ts';
import { halfToNumber } from '../../onnx/tensor-data.ts';

/**
 * Two threads: onnxruntime splits its matrix products by rows and columns of the result, never along the sums, so that
 * results are the same from run to run whatever the number of threads.
 */
const THREADS = 2;

export type Element = Float32Array | Float64Array;

export interface Feed {
  readonly dims: readonly number[];
  readonly data: Element;
}

export interface SessionInput {
  readonly name: string;
  /** Negative, NaN or text where a dimension is symbolic. */
  readonly shape: readonly (number | string)[];
}

export class Session implements AsyncDisposable {
  readonly #session: InferenceSession;
  readonly #what: string;

  private constructor(session: InferenceSession, what: string) {
    this.#session = session;
    this.#what = what;
  }

  /**
   * @param what names the model or its nodes in messages
   * @throws CompileError REFERENCE_FAILED if onnxruntime rejects the model
   */
  static async open(model: Uint8Array, what: string): Promise<Session> {
    try {
      const session = await InferenceSession.create(model, {
        intraOpNumThreads: THREADS,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        logSeverityLevel: 3,
      });
      return new Session(session, what);
    } catch (cause) {
      throw failed(what, 'does not accept', cause);
    }
  }

  get inputs(): readonly SessionInput[] {
    return this.#session.inputMetadata.map((input) => ({
      name: input.name,
      shape: input.isTensor ? input.shape : [],
    }));
  }

  get outputNames(): readonly string[] {
    return this.#session.outputNames;
  }

  /** @throws CompileError REFERENCE_FAILED */
  async run(feeds: ReadonlyMap<string, Feed>): Promise<ReadonlyMap<string, Feed>> {
    const tensors: Record<string, Tensor> = {};
    for (const [name, { data, dims }] of feeds) {
      tensors[name] =
        data instanceof Float64Array ? new Tensor('float64', data, dims) : new Tensor('float32', data, dims);
    }
    let results: Awaited<ReturnType<InferenceSession['run']>>;
    try {
      results = await this.#session.run(tensors);
    } catch (cause) {
      throw failed(this.#what, 'failed to run', cause);
    }
    const outputs = new Map<string, Feed>();
    for (const name of this.#session.outputNames) {
      const { data, dims, type } = results[name]!;
      outputs.set(name, { dims, data: toElements(data, type) });
    }
    return outputs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.release();
  }
}

function toElements(data: Tensor['data'], type: Tensor.Type): Element {
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  // Halves come as bits where JavaScript has no array for them.
  if (type === 'float16' && data instanceof Uint16Array) return Float32Array.from(data, halfToNumber);
  return Float32Array.from(data as ArrayLike<number | bigint>, Number);
}

function failed(what: string, verb: string, cause: unknown): CompileError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CompileError('REFERENCE_FAILED', `onnxruntime ${verb} ${what}: ${reason}`, {
    node: what,
    cause,
  });
}

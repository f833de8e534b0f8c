/** One of ONNX's operator tests: a folder with model.onnx and test_data_set_0/{input,output}_*.pb. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeModel } from '../src/compiler/onnx/decode.ts';
import type { ModelDocument } from '../src/compiler/onnx/decode.ts';
import type { ITensorProto } from '../src/compiler/onnx/proto.ts';
import { ElementType, TensorProto } from '../src/compiler/onnx/proto.ts';
import { decodeTensor } from '../src/compiler/onnx/tensor-data.ts';
import type { ConstantTensor } from '../src/compiler/ir/tensor-graph.ts';
import { ArtifactError, HeError } from '../src/errors.ts';

export interface TestTensor {
  readonly name: string;
  /** Floating point in the file: what may be encrypted. */
  readonly isReal: boolean;
  /** Bits that the element type itself keeps. */
  readonly mantissaBits: number;
  readonly value: ConstantTensor;
}

export interface TestCase {
  readonly name: string;
  readonly directory: string;
  readonly bytes: Uint8Array;
  readonly document: ModelDocument;
  readonly operators: readonly string[];
  readonly inputs: readonly TestTensor[];
  readonly outputs: readonly TestTensor[];
}

const REAL: ReadonlySet<number> = new Set([
  ElementType.FLOAT,
  ElementType.DOUBLE,
  ElementType.FLOAT16,
  ElementType.BFLOAT16,
]);

/** Names of the folders in `directory` that hold a test, sorted. */
export async function findTests(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const found = await Promise.all(
    entries
      .filter((entry) => entry.isDirectory())
      .map(async ({ name }) => ((await readdir(join(directory, name))).includes('model.onnx') ? name : null)),
  );
  return found.filter((name) => name !== null).sort();
}

/**
 * @throws ImportError if the model or a tensor cannot be read (sequences, strings, …); ArtifactError TEST_INCOMPLETE if
 *   files are missing
 */
export async function loadTest(root: string, name: string): Promise<TestCase> {
  const directory = join(root, name);
  const bytes = new Uint8Array(await readFile(join(directory, 'model.onnx')));
  const document = decodeModel(bytes, directory);
  const read = (kind: 'input' | 'output', names: readonly string[]): Promise<TestTensor[]> =>
    Promise.all(
      names.map(async (tensor, index) => {
        const path = join(directory, 'test_data_set_0', `${kind}_${index}.pb`);
        return readTensor(path, tensor, `${kind} '${tensor}'`);
      }),
    );
  return {
    name,
    directory,
    bytes,
    document,
    operators: [...new Set(document.nodes.map(({ op }) => op))],
    inputs: await read(
      'input',
      document.inputs.filter((input) => !document.initializers.has(input.name)).map((input) => input.name),
    ),
    outputs: await read(
      'output',
      document.outputs.map((output) => output.name),
    ),
  };
}

async function readTensor(path: string, name: string, what: string): Promise<TestTensor> {
  let proto: ITensorProto;
  try {
    proto = TensorProto.decode(new Uint8Array(await readFile(path)));
  } catch (cause) {
    if (cause instanceof HeError) throw cause;
    throw new ArtifactError('TEST_INCOMPLETE', `${what} of the test cannot be read from ${path}`, {
      hint: 'sequences, optional values and strings are no tensors that could be encrypted',
      cause,
    });
  }
  const type = proto.dataType ?? 0;
  const mantissaBits = type === ElementType.FLOAT16 ? 11 : type === ElementType.BFLOAT16 ? 8 : 24;
  return { name, isReal: REAL.has(type), mantissaBits, value: decodeTensor(proto, what, null) };
}

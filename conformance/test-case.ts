/** One of ONNX's operator tests: a folder with model.onnx and test_data_set_0/{input,output}_*.pb. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeModel } from '../src/compiler/onnx/decode.ts';
import type { DocumentTensor, ModelDocument } from '../src/compiler/onnx/decode.ts';
import type { ITensorProto } from '../src/onnx/proto.ts';
import { ElementType, TensorProto } from '../src/onnx/proto.ts';
import { decodeTensor } from '../src/onnx/tensor-data.ts';
import type { ConstantTensor } from '../src/compiler/ir/tensor-graph.ts';
import { ArtifactError, HeError } from '../src/errors.ts';

export interface TestTensor {
  readonly name: string;
  /** Floating point in the file: what may be encrypted. */
  readonly isReal: boolean;
  /** Bits to which the file gives the values: those of the element type, or of the decimals that they are rounded to. */
  readonly givenBits: number;
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
  const read = (kind: 'input' | 'output', tensors: readonly DocumentTensor[]): Promise<TestTensor[]> =>
    Promise.all(
      tensors.map(async (tensor, index) => {
        const path = join(directory, 'test_data_set_0', `${kind}_${index}.pb`);
        return readTensor(path, tensor, `${kind} '${tensor.name}'`);
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
      document.inputs.filter((input) => !document.initializers.has(input.name)),
    ),
    outputs: await read('output', document.outputs),
  };
}

async function readTensor(path: string, declared: DocumentTensor, what: string): Promise<TestTensor> {
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
  const stored = proto.dataType ?? 0;
  // NumPy has no bfloat16: ONNX's files hold its bits as uint16.
  const isBfloat = stored === ElementType.UINT16 && declared.elementType === ElementType.BFLOAT16;
  const type = isBfloat ? ElementType.BFLOAT16 : stored;
  const value = decodeTensor({ ...proto, dataType: type }, what, null);
  const mantissaBits = type === ElementType.FLOAT16 ? 11 : type === ElementType.BFLOAT16 ? 8 : 24;
  const givenBits = Math.min(mantissaBits, printedBits(value.data));
  return { name: declared.name, isReal: REAL.has(type), givenBits, value };
}

/** Decimals that PyTorch prints, from where some of ONNX's tests have the values that they expect. */
const PRINTED_DECIMALS = 4;

/** Bits of values that were copied from where they were printed with `PRINTED_DECIMALS`; Infinity for others. */
export function printedBits(values: Float64Array): number {
  const largest = values.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  const areMultiples = (unit: number): boolean =>
    values.every((x) => Math.abs(x / unit - Math.round(x / unit)) * unit <= 2 ** -23 * largest);
  const [unit, dyadic] = [10 ** -PRINTED_DECIMALS, 2 ** -10];
  // Large values are multiples within their own rounding; sums of halves and the like are exact.
  const isPrinted =
    unit > 2 ** -20 * largest && areMultiples(unit) && !areMultiples(10 * unit) && !areMultiples(dyadic);
  return isPrinted ? Math.log2(largest / (unit / 2)) : Infinity;
}

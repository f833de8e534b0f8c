/**
 * The trained numbers of an ONNX file as one vector: its floating-point initialisers in the order of the file. Groups that train together
 * exchange differences of such vectors, and write their mean back into a file.
 */
import { createHash } from 'node:crypto';
import { ImportError } from '../errors.ts';
import type { IModelProto, ITensorProto } from './proto.ts';
import { ElementType, ModelProto } from './proto.ts';
import { decodeTensor, isFloatingType, requireFinite } from './tensor-data.ts';

export interface ParameterTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Which number of the vector is which: tensors one behind the other, each in row-major order. */
export type ParameterLayout = readonly ParameterTensor[];

export interface ModelParameters {
  readonly layout: ParameterLayout;
  readonly values: Float64Array;
}

/**
 * @param what how to name the file in messages
 * @param frozen initialisers that are not trained
 * @throws ImportError MODEL_MALFORMED, WEIGHTS_NONE, WEIGHTS_UNSUPPORTED, WEIGHTS_UNKNOWN, or what tensors throw; EXTERNAL_DATA for
 * weights that lie in other files
 */
export function readParameters(
  bytes: Uint8Array,
  what: string,
  frozen: readonly string[] = [],
): ModelParameters {
  const tensors = trainedTensors(decodeModelProto(bytes, what), what, frozen);
  const layout: ParameterTensor[] = [];
  const parts: Float64Array[] = [];
  for (const tensor of tensors) {
    const name = tensor.name ?? '';
    const where = `initializer '${name}' of ${what}`;
    const constant = decodeTensor(tensor, where, null);
    requireFinite(constant, where);
    layout.push({ name, shape: constant.shape });
    parts.push(constant.data);
  }
  const values = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    values.set(part, offset);
    offset += part.length;
  }
  return { layout, values };
}

/**
 * The file with other numbers in it.
 * @param values as many as the file's own, in the order of `readParameters`; they are rounded to the types that the file has
 * @throws as `readParameters`, ImportError WEIGHTS_MISMATCH
 */
export function replaceParameters(
  bytes: Uint8Array,
  values: Float64Array,
  what: string,
  frozen: readonly string[] = [],
): Uint8Array {
  const model = decodeModelProto(bytes, what);
  let offset = 0;
  for (const tensor of trainedTensors(model, what, frozen)) {
    const { data } = decodeTensor(tensor, `initializer '${tensor.name}' of ${what}`, null);
    const part = values.subarray(offset, offset + data.length);
    offset += data.length;
    if (offset <= values.length) store(tensor, part);
  }
  if (offset !== values.length)
    throw new ImportError('WEIGHTS_MISMATCH', `${what} has ${offset} trained numbers, not ${values.length}`);
  return ModelProto.encode(model).finish();
}

/**
 * What training changed, after − before.
 * @throws ImportError WEIGHTS_MISMATCH unless both files have the layout
 */
export function subtractParameters(
  before: ModelParameters,
  after: ModelParameters,
  layout: ParameterLayout,
): Float64Array {
  requireLayout(before.layout, layout, 'the model before training');
  requireLayout(after.layout, layout, 'the model after training');
  return after.values.map((value, i) => value - before.values[i]!);
}

/** SHA-256, hex: two files with the same layout have vectors that can be added. */
export function layoutDigest(layout: ParameterLayout): string {
  const plain = layout.map(({ name, shape }) => [name, [...shape]]);
  return createHash('sha256').update(JSON.stringify(plain)).digest('hex');
}

/** @throws ImportError WEIGHTS_MISMATCH, naming the first tensor that differs */
export function requireLayout(found: ParameterLayout, expected: ParameterLayout, what: string): void {
  const text = (tensor: ParameterTensor | undefined): string =>
    tensor === undefined ? 'nothing' : `'${tensor.name}' of shape [${tensor.shape.join(', ')}]`;
  for (let i = 0; i < Math.max(found.length, expected.length); i++) {
    if (text(found[i]) === text(expected[i])) continue;
    throw new ImportError(
      'WEIGHTS_MISMATCH',
      `${what} has ${text(found[i])} where the federation's template has ${text(expected[i])}`,
      { hint: 'export both models from the template, with the same names in the same order' },
    );
  }
}

export function lengthOf(layout: ParameterLayout): number {
  return layout.reduce((sum, { shape }) => sum + shape.reduce((size, extent) => size * extent, 1), 0);
}

function decodeModelProto(bytes: Uint8Array, what: string): IModelProto {
  try {
    return ModelProto.decode(bytes);
  } catch (cause) {
    throw new ImportError('MODEL_MALFORMED', `${what} is not a valid ONNX file`, {
      hint: 'the file is truncated or damaged, or not ONNX; export it again',
      cause,
    });
  }
}

function trainedTensors(model: IModelProto, what: string, frozen: readonly string[]): ITensorProto[] {
  const initializers = model.graph?.initializer ?? [];
  const names = new Set(initializers.map(({ name }) => name ?? ''));
  if (names.size !== initializers.length || names.has(''))
    throw new ImportError('DUPLICATE_NAME', `${what} has initializers without names of their own`);
  const unknown = frozen.find((name) => !names.has(name));
  if (unknown !== undefined)
    throw new ImportError('WEIGHTS_UNKNOWN', `${what} has no initializer '${unknown}' that could be frozen`);
  const trained = initializers.filter(
    ({ name, dataType }) => isFloatingType(dataType ?? 0) && !frozen.includes(name ?? ''),
  );
  const half = trained.find(
    ({ dataType }) => dataType !== ElementType.FLOAT && dataType !== ElementType.DOUBLE,
  );
  if (half !== undefined)
    throw new ImportError('WEIGHTS_UNSUPPORTED', `initializer '${half.name}' of ${what} has half precision`, {
      hint: 'train and export in float; half precision would round small updates away',
    });
  if (trained.length === 0)
    throw new ImportError('WEIGHTS_NONE', `${what} has no initializers that could be trained`, {
      hint: 'export weights as initializers, not as Constant nodes',
    });
  return trained;
}

function store(tensor: ITensorProto, values: Float64Array): void {
  const double = tensor.dataType === ElementType.DOUBLE;
  const raw = new Uint8Array(values.length * (double ? 8 : 4));
  const view = new DataView(raw.buffer);
  values.forEach((value, i) =>
    double ? view.setFloat64(8 * i, value, true) : view.setFloat32(4 * i, value, true),
  );
  tensor.rawData = raw;
  tensor.floatData = [];
  tensor.doubleData = [];
}

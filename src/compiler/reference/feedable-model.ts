/**
 * An ONNX file as onnxruntime can be fed from memory: weights inside, inputs float32. Models keep their weights in files
 * beside them, and take bytes or halves, for which onnxruntime would need its own arrays.
 */
import type { IGraphProto, IModelProto, INodeProto, ITensorProto } from '../../onnx/proto.ts';
import { AttributeType, ElementType, EXTERNAL_LOCATION, ModelProto } from '../../onnx/proto.ts';
import { externalBytes } from '../../onnx/tensor-data.ts';

/**
 * @param modelDirectory where external data may be read from
 * @returns the same bytes if there is nothing to change
 * @throws ImportError EXTERNAL_DATA
 */
export function feedableModel(bytes: Uint8Array, modelDirectory: string): Uint8Array {
  let model: IModelProto;
  try {
    model = ModelProto.decode(bytes);
  } catch {
    // onnxruntime says what is wrong with it.
    return bytes;
  }
  const { graph } = model;
  if (graph === null || graph === undefined) return bytes;
  const external = tensorsOf(graph).filter(
    (tensor) => Number(tensor.dataLocation ?? 0) === EXTERNAL_LOCATION,
  );
  for (const tensor of external) {
    tensor.rawData = externalBytes(tensor, `tensor '${tensor.name ?? ''}'`, modelDirectory);
    tensor.dataLocation = 0;
    tensor.externalData = [];
  }
  const casts = castInputs(graph);
  if (external.length === 0 && casts.length === 0) return bytes;
  graph.node = [...casts, ...(graph.node ?? [])];
  return ModelProto.encode(model).finish();
}

/** Makes every input float32, under a name of its own, and returns the nodes that cast them to what they were. */
function castInputs(graph: IGraphProto): INodeProto[] {
  const constants = new Set((graph.initializer ?? []).map(({ name }) => name ?? ''));
  const names = new Set(
    (graph.node ?? []).flatMap((node) => [...(node.input ?? []), ...(node.output ?? [])]),
  );
  const casts: INodeProto[] = [];
  for (const input of graph.input ?? []) {
    const name = input.name ?? '';
    const type = input.type?.tensorType;
    const original = type?.elemType ?? ElementType.FLOAT;
    if (constants.has(name) || type === null || type === undefined || original === ElementType.FLOAT)
      continue;
    let renamed = `${name}_float32`;
    while (names.has(renamed)) renamed += '_';
    names.add(renamed);
    const to = { name: 'to', type: AttributeType.INT, i: original };
    casts.push({ opType: 'Cast', name: renamed, input: [renamed], output: [name], attribute: [to] });
    input.name = renamed;
    type.elemType = ElementType.FLOAT;
  }
  return casts;
}

/** Initializers and attributes, also of the graphs inside nodes. */
function tensorsOf(graph: IGraphProto): ITensorProto[] {
  const attributes = (graph.node ?? []).flatMap((node) => node.attribute ?? []);
  return [
    ...(graph.initializer ?? []),
    ...attributes.flatMap(({ t }) => t ?? []),
    ...attributes.flatMap(({ g }) => (g === null || g === undefined ? [] : tensorsOf(g))),
  ];
}

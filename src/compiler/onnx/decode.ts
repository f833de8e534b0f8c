/** Bytes of an ONNX file → a plain, typed document. Everything here treats its input as hostile. */
import { ImportError } from '../../errors.ts';
import type { AttributeValue, ConstantTensor } from '../ir/tensor-graph.ts';
import type {
  IAttributeProto,
  IGraphProto,
  IModelProto,
  INodeProto,
  IValueInfoProto,
} from '../../onnx/proto.ts';
import { AttributeType, ModelProto, toNumber } from '../../onnx/proto.ts';
import { decodeTensor, requireFinite } from '../../onnx/tensor-data.ts';

export interface DocumentNode {
  readonly name: string;
  readonly op: string;
  /** '' is ai.onnx. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeValue>;
  /** The branches of If, by attribute. */
  readonly subgraphs: ReadonlyMap<string, DocumentGraph>;
  /** Attributes of kinds that no supported operator has (bodies of loops, sparse tensors …). */
  readonly otherAttributes: readonly string[];
}

/** A graph inside a node. It takes no inputs: it captures tensors of the graphs around it by name. */
export interface DocumentGraph {
  readonly nodes: readonly DocumentNode[];
  readonly initializers: ReadonlyMap<string, ConstantTensor>;
  readonly outputs: readonly string[];
}

/** A dimension: a size, a name, or null if nothing is known. */
export type Dimension = number | string | null;

export interface DocumentTensor {
  readonly name: string;
  readonly elementType: number;
  readonly shape: readonly Dimension[] | null;
}

export interface ModelDocument {
  readonly graphName: string;
  /** Version of the ai.onnx operator set. */
  readonly opset: number;
  readonly nodes: readonly DocumentNode[];
  readonly initializers: ReadonlyMap<string, ConstantTensor>;
  readonly inputs: readonly DocumentTensor[];
  readonly outputs: readonly DocumentTensor[];
  /** Declared shapes of inner tensors. */
  readonly declared: ReadonlyMap<string, DocumentTensor>;
}

/** How deep graphs may lie in one another: decoding and reading them recurses. */
const MAX_NESTING = 16;

const DEFAULT_DOMAINS: ReadonlySet<string> = new Set(['', 'ai.onnx']);

export function isDefaultDomain(domain: string): boolean {
  return DEFAULT_DOMAINS.has(domain);
}

/**
 * Decodes a model.
 * @throws ImportError MODEL_MALFORMED, MODEL_EMPTY, OPSET_MISSING, or what the tensors throw
 */
export function decodeModel(bytes: Uint8Array, modelDirectory: string | null): ModelDocument {
  let model: IModelProto;
  try {
    model = ModelProto.decode(bytes);
  } catch (cause) {
    throw new ImportError('MODEL_MALFORMED', 'this is not a valid ONNX file', {
      hint: 'the file is truncated or damaged, or not ONNX; export it again',
      cause,
    });
  }
  const { graph } = model;
  if (graph === null || graph === undefined) {
    throw new ImportError('MODEL_EMPTY', 'the ONNX file holds no graph', { hint: 'export the model again' });
  }
  const opset = (model.opsetImport ?? []).find((entry) => isDefaultDomain(entry.domain ?? ''));
  if (opset === undefined) {
    throw new ImportError('OPSET_MISSING', 'the ONNX file does not import the operator set ai.onnx');
  }
  return {
    graphName: graph.name ?? '',
    opset: toNumber(opset.version),
    nodes: (graph.node ?? []).map((node, index) => decodeNode(node, index, modelDirectory, 0)),
    initializers: decodeInitializers(graph, modelDirectory),
    inputs: (graph.input ?? []).map(decodeValueInfo),
    outputs: (graph.output ?? []).map(decodeValueInfo),
    declared: new Map((graph.valueInfo ?? []).map((info) => [info.name ?? '', decodeValueInfo(info)])),
  };
}

function decodeInitializers(graph: IGraphProto, modelDirectory: string | null): Map<string, ConstantTensor> {
  const initializers = new Map<string, ConstantTensor>();
  for (const tensor of graph.initializer ?? []) {
    const name = tensor.name ?? '';
    const what = `initializer '${name}'`;
    if (name === '') throw new ImportError('INVALID_TENSOR', 'an initializer has no name');
    if (initializers.has(name)) throw new ImportError('DUPLICATE_NAME', `${what} is defined twice`);
    const constant = decodeTensor(tensor, what, modelDirectory);
    requireFinite(constant, what);
    initializers.set(name, constant);
  }
  const sparse = (graph.sparseInitializer ?? []).length;
  if (sparse > 0) {
    throw new ImportError('UNSUPPORTED_TYPE', `${sparse} sparse initializers are not supported`, {
      hint: 'store the weights as dense tensors',
    });
  }
  return initializers;
}

/** @param depth how many graphs the node's graph lies in */
function decodeNode(
  node: INodeProto,
  index: number,
  modelDirectory: string | null,
  depth: number,
): DocumentNode {
  const op = node.opType ?? '';
  const outputs = node.output ?? [];
  const name = node.name ?? '';
  const attributes = new Map<string, AttributeValue>();
  const subgraphs = new Map<string, DocumentGraph>();
  const otherAttributes: string[] = [];
  for (const attribute of node.attribute ?? []) {
    const key = attribute.name ?? '';
    if (attributes.has(key) || subgraphs.has(key))
      throw new ImportError('DUPLICATE_NAME', `node '${name}' has attribute ${key} twice`);
    if (op === 'If' && attributeType(attribute) === AttributeType.GRAPH && depth < MAX_NESTING) {
      subgraphs.set(key, decodeSubgraph(attribute.g ?? {}, modelDirectory, depth + 1));
      continue;
    }
    const value = decodeAttribute(attribute, `attribute ${key} of node '${name}'`, modelDirectory);
    if (value === null) otherAttributes.push(key);
    else attributes.set(key, value);
  }
  return {
    name: name === '' ? `${op}_${outputs.find((output) => output !== '') ?? index}` : name,
    op,
    domain: node.domain ?? '',
    inputs: node.input ?? [],
    outputs,
    attributes,
    subgraphs,
    otherAttributes,
  };
}

function decodeSubgraph(graph: IGraphProto, modelDirectory: string | null, depth: number): DocumentGraph {
  return {
    nodes: (graph.node ?? []).map((node, index) => decodeNode(node, index, modelDirectory, depth)),
    initializers: decodeInitializers(graph, modelDirectory),
    outputs: (graph.output ?? []).map((output) => output.name ?? ''),
  };
}

function attributeType(attribute: IAttributeProto): number {
  if ((attribute.type ?? 0) !== 0) return attribute.type!;
  // Very old files leave the type out.
  if ((attribute.ints ?? []).length > 0) return AttributeType.INTS;
  if ((attribute.floats ?? []).length > 0) return AttributeType.FLOATS;
  if ((attribute.strings ?? []).length > 0) return AttributeType.STRINGS;
  if (attribute.t !== null && attribute.t !== undefined) return AttributeType.TENSOR;
  if ((attribute.s ?? []).length > 0) return AttributeType.STRING;
  return (attribute.f ?? 0) !== 0 ? AttributeType.FLOAT : AttributeType.INT;
}

/** The value, or null if it is of a kind that no supported operator has. */
function decodeAttribute(
  attribute: IAttributeProto,
  what: string,
  modelDirectory: string | null,
): AttributeValue | null {
  const text = new TextDecoder();
  switch (attributeType(attribute)) {
    case AttributeType.FLOAT:
      return attribute.f ?? 0;
    case AttributeType.INT:
      return toNumber(attribute.i);
    case AttributeType.STRING:
      return text.decode(attribute.s ?? new Uint8Array());
    case AttributeType.FLOATS:
      return attribute.floats ?? [];
    case AttributeType.INTS:
      return (attribute.ints ?? []).map(toNumber);
    case AttributeType.STRINGS:
      return (attribute.strings ?? []).map((value) => text.decode(value));
    case AttributeType.TENSOR:
      try {
        return decodeTensor(attribute.t ?? {}, what, modelDirectory);
      } catch (error) {
        if (error instanceof ImportError && error.code === 'UNSUPPORTED_TYPE') return null;
        throw error;
      }
    default:
      return null;
  }
}

function decodeValueInfo(info: IValueInfoProto): DocumentTensor {
  const tensor = info.type?.tensorType;
  const shape = tensor?.shape;
  return {
    name: info.name ?? '',
    elementType: tensor?.elemType ?? 0,
    shape:
      shape === null || shape === undefined
        ? null
        : (shape.dim ?? []).map((dim): Dimension => {
            if ((dim.dimParam ?? '') !== '') return dim.dimParam!;
            const size = dim.dimValue === null || dim.dimValue === undefined ? -1 : toNumber(dim.dimValue);
            return size < 0 ? null : size;
          }),
  };
}

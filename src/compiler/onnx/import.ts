/** The ONNX front end: bytes → TensorGraph, or everything that stands in the way. */
import type { Diagnostic } from '../../errors.ts';
import { HeError, ImportError } from '../../errors.ts';
import type { ConstantTensor, Shape, TensorGraph } from '../ir/tensor-graph.ts';
import { stripOutputOperators } from '../passes/strip-output-operators.ts';
import type { ModelDocument } from './decode.ts';
import { decodeModel } from './decode.ts';
import type { InputOptions } from './graph-inputs.ts';
import { readGraphInputs } from './graph-inputs.ts';
import { GRAPH_OPSET, MAX_OPSET, MIN_OPSET } from './operator.ts';
import type { ReadGraph } from './read-graph.ts';
import { readGraph } from './read-graph.ts';
import { isComparison } from './client-operator.ts';
import { oversize } from './model-size.ts';
import { sortNodes } from './sort-nodes.ts';

export interface ImportOptions extends InputOptions {
  /** Where external data may be read from; null if the model did not come from a directory. */
  readonly modelDirectory: string | null;
  /** Graph inputs that become constants. */
  readonly bind: ReadonlyMap<string, ConstantTensor>;
  /** Sizes of symbolic dimensions, by name. */
  readonly dimensions: ReadonlyMap<string, number>;
  /** Size of a symbolic first axis. */
  readonly batch: number;
}

export interface ModelCheck {
  /** Everything that keeps the model from being compiled; empty if nothing does. */
  readonly diagnostics: readonly Diagnostic[];
  /** How often each operator occurs in the file. */
  readonly operators: ReadonlyMap<string, number>;
  readonly nodeCount: number;
}

/**
 * Reads a model: nodes in the newest form of their operators, constants folded, shapes static.
 * @throws ImportError with all findings in `diagnostics`
 */
export function importModel(bytes: Uint8Array, options: ImportOptions): TensorGraph {
  const { graph, diagnostics } = translate(decodeModel(bytes, options.modelDirectory), options);
  if (diagnostics.length === 0) return graph;
  const [first] = diagnostics;
  if (diagnostics.length === 1) {
    throw new ImportError(first!.code, first!.message, {
      diagnostics,
      ...(first!.node === undefined ? {} : { node: first!.node }),
      ...(first!.hint === undefined ? {} : { hint: first!.hint }),
    });
  }
  const list = diagnostics.map(({ node, message, hint }) => {
    const where = node === undefined || message.includes(node) ? '' : `node '${node}': `;
    return `  ${where}${message}${hint === undefined ? '' : ` (${hint})`}`;
  });
  throw new ImportError('UNSUPPORTED_MODEL', `${diagnostics.length} findings:\n${list.join('\n')}`, {
    diagnostics,
    hint: 'run "he-compile check" for the list, and see SUPPORTED-OPS.md',
  });
}

/** Reports everything that keeps a model from being compiled. Never throws for a bad model. */
export function checkModel(bytes: Uint8Array, options: ImportOptions): ModelCheck {
  const operators = new Map<string, number>();
  let nodeCount = 0;
  try {
    const document = decodeModel(bytes, options.modelDirectory);
    nodeCount = document.nodes.length;
    for (const { op } of document.nodes) operators.set(op, (operators.get(op) ?? 0) + 1);
    return { diagnostics: translate(document, options).diagnostics, operators, nodeCount };
  } catch (error) {
    if (!(error instanceof ImportError)) throw error;
    return { diagnostics: [toDiagnostic(error)], operators, nodeCount };
  }
}

/**
 * The outputs that depend on nothing encrypted, by name. Unlike `importModel` accepts models without any other output.
 * @throws ImportError with the first finding
 */
export function readConstantOutputs(
  bytes: Uint8Array,
  options: ImportOptions,
): ReadonlyMap<string, ConstantTensor> {
  const document = decodeModel(bytes, options.modelDirectory);
  const read = readGraph(document, sortNodes(document), readGraphInputs(document, options, true));
  const [first] = read.diagnostics;
  if (first !== undefined) throw new ImportError(first.code, first.message, first);
  return constantOutputs(document, read);
}

function constantOutputs(document: ModelDocument, read: ReadGraph): Map<string, ConstantTensor> {
  const found = new Map<string, ConstantTensor>();
  for (const { name } of document.outputs) {
    const value = read.constants.get(name);
    if (value !== undefined) found.set(name, value);
  }
  return found;
}

function toDiagnostic(error: HeError): Diagnostic {
  return {
    code: error.code,
    message: error.message,
    ...(error.node === undefined ? {} : { node: error.node }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}

function translate(
  document: ModelDocument,
  options: ImportOptions,
): { graph: TensorGraph; diagnostics: Diagnostic[] } {
  if (document.opset < MIN_OPSET || document.opset > MAX_OPSET) {
    throw new ImportError(
      'UNSUPPORTED_OPSET',
      `the model uses opset ${document.opset}; ${MIN_OPSET} to ${MAX_OPSET} are supported`,
      { hint: `export with opset ${document.opset < MIN_OPSET ? '13' : String(GRAPH_OPSET)}` },
    );
  }
  const sorted = sortNodes(document);
  const inputs = readGraphInputs(document, options);
  const read = readGraph(document, sorted, inputs);
  const used = new Set(read.nodes.flatMap((node) => node.inputs));
  const constants = new Map([...read.constants].filter(([name]) => used.has(name)));
  const shapes = new Map<string, Shape>();
  for (const name of [
    ...inputs.encrypted.keys(),
    ...constants.keys(),
    ...read.nodes.flatMap((node) => node.outputs),
  ]) {
    const shape = read.shapes.get(name);
    if (shape !== undefined) shapes.set(name, shape);
  }
  const constantResults = constantOutputs(document, read);
  const outputs = document.outputs.map((output) => output.name).filter((name) => !constantResults.has(name));
  const graph: TensorGraph = {
    name: document.graphName,
    opset: GRAPH_OPSET,
    inputs: [...inputs.encrypted.keys()],
    outputs,
    nodes: read.nodes,
    constants,
    shapes,
    clientOperators: outputs.map(() => []),
    constantOutputs: constantResults,
    warnings: [
      ...inputs.warnings,
      ...read.warnings,
      ...[...constantResults.keys()].map(
        (name) => `output '${name}' depends on no encrypted input: it is left out of the program`,
      ),
    ],
  };
  const size = oversize(graph);
  const diagnostics = [
    ...read.diagnostics,
    ...misplacedOutputOperators(graph),
    ...(size === null ? [] : [toDiagnostic(size)]),
  ];
  return { graph, diagnostics };
}

/** Operators that only a client can apply (softmax can also be approximated), at places other than an output. */
function misplacedOutputOperators(graph: TensorGraph): Diagnostic[] {
  return stripOutputOperators(graph)
    .nodes.filter((node) => isComparison(node.op))
    .map((node) => ({
      code: 'UNSUPPORTED_FORM',
      message: `${node.op} '${node.name}': the largest entry takes a comparison of every pair; it is supported only at an output of the model`,
      node: node.name,
      operator: node.op,
      hint: 'end the model there, and do what follows after decryption',
    }));
}

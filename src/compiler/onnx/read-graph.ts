/**
 * Document → TensorGraph, node by node in topological order: upgrade to the newest form, check, infer shapes, fold
 * constants. Findings are collected, so that one run reports everything that is wrong with a model.
 */
import type { Diagnostic } from '../../errors.ts';
import { ImportError } from '../../errors.ts';
import type { ConstantTensor, Shape, TensorNode } from '../ir/tensor-graph.ts';
import type { DocumentNode, ModelDocument } from './decode.ts';
import { isDefaultDomain } from './decode.ts';
import { evaluateNode, isEvaluable } from './evaluate-node.ts';
import type { GraphInputs } from './graph-inputs.ts';
import { LegacyNode } from './legacy-node.ts';
import type { LegacyNodeFields, LegacyScope } from './legacy-node.ts';
import { NameScope } from './name-scope.ts';
import { checkInputs, checkedShape, parameterRefusals } from './node-checks.ts';
import { NodeView } from './node-view.ts';
import { GRAPH_OPSET, type Operator } from './operator.ts';
import { findOperator, operatorOf } from './operators.ts';
import { inlineBranch, takenBranch } from './inline-branch.ts';
import { sizeOf } from './shapes.ts';
import { adviceFor } from './suggestions.ts';
import { MAX_ELEMENTS, requireFinite } from '../../onnx/tensor-data.ts';

/** Most elements that all folded constants together may have. */
const FOLDING_BUDGET = 2 ** 26;

export interface ReadGraph {
  readonly nodes: readonly TensorNode[];
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly constants: ReadonlyMap<string, ConstantTensor>;
  readonly diagnostics: readonly Diagnostic[];
  readonly warnings: readonly string[];
}

export function readGraph(
  document: ModelDocument,
  sorted: readonly DocumentNode[],
  inputs: GraphInputs,
): ReadGraph {
  const reader = new GraphReader(document, inputs);
  for (const node of sorted) reader.read(node);
  reader.checkOutputs();
  return reader;
}

class GraphReader implements ReadGraph, LegacyScope {
  readonly nodes: TensorNode[] = [];
  readonly diagnostics: Diagnostic[] = [];
  readonly warnings: string[] = [];
  readonly shapes: Map<string, Shape>;
  readonly constants: Map<string, ConstantTensor>;
  readonly #document: ModelDocument;
  readonly #inputs: GraphInputs;
  readonly #nodeNames = new NameScope([]);
  readonly #tensorNames: NameScope;
  #folded = 0;

  constructor(document: ModelDocument, inputs: GraphInputs) {
    this.#document = document;
    this.#inputs = inputs;
    this.shapes = new Map(inputs.encrypted);
    this.constants = new Map(inputs.constants);
    this.#tensorNames = new NameScope([...this.shapes.keys(), ...this.constants.keys()]);
    for (const node of document.nodes) for (const output of node.outputs) this.#tensorNames.reserve(output);
    for (const [name, constant] of this.constants) this.shapes.set(name, constant.shape);
  }

  shape(tensor: string): Shape | null {
    return this.shapes.get(tensor) ?? null;
  }

  constant(tensor: string): ConstantTensor | null {
    return this.constants.get(tensor) ?? null;
  }

  isOutput(tensor: string): boolean {
    return this.#document.outputs.some(({ name }) => name === tensor);
  }

  warn(message: string): void {
    if (!this.warnings.includes(message)) this.warnings.push(message);
  }

  freshName(hint: string): string {
    return this.#tensorNames.unique(hint);
  }

  addConstant(hint: string, value: ConstantTensor): string {
    const name = this.freshName(hint);
    this.define(name, value);
    return name;
  }

  define(tensor: string, value: ConstantTensor): void {
    this.constants.set(tensor, value);
    this.shapes.set(tensor, value.shape);
  }

  /** Reads one node; whatever is wrong with it becomes a diagnostic. */
  read(document: DocumentNode): void {
    const name = this.#nodeNames.unique(document.name);
    const report = (code: string, message: string, hint?: string): void => {
      const finding = { code, message, node: name, operator: document.op };
      this.diagnostics.push(hint === undefined ? finding : { ...finding, hint });
    };
    try {
      const branch = takenBranch(document, this.constants);
      if (branch !== null) {
        const { constants, nodes } = inlineBranch({ ...document, name }, branch, this);
        for (const [tensor, value] of constants) this.define(tensor, value);
        for (const node of nodes) this.read(node);
        if (document.outputs.every((tensor) => this.shapes.has(tensor))) return;
      } else if (this.#isSupported(document, report)) {
        // What depends on an unknown tensor cannot be judged; its own finding comes once the cause is mended.
        const known = document.inputs.every((tensor) => tensor === '' || this.shapes.has(tensor));
        if (known && this.#readSupported({ ...document, name }, this.#document.opset, report)) return;
      }
    } catch (error) {
      if (!(error instanceof ImportError)) throw error;
      report(error.code, error.message, error.hint);
    }
    this.#assumeDeclaredShapes(document);
  }

  #isSupported(node: DocumentNode, report: (code: string, message: string, hint?: string) => void): boolean {
    if (!isDefaultDomain(node.domain)) {
      report(
        'UNSUPPORTED_DOMAIN',
        `operator ${node.op} of domain '${node.domain}' is not supported`,
        'only operators of ai.onnx are supported; export without custom operators and inline functions',
      );
      return false;
    }
    if (findOperator(node.op) === undefined) {
      const { reason, suggestion } = adviceFor(node.op);
      const why = reason === null ? '' : `: ${reason}`;
      report('UNSUPPORTED_OPERATOR', `operator ${node.op} is not supported${why}`, suggestion);
      return false;
    }
    if (node.otherAttributes.length > 0) {
      report(
        'UNSUPPORTED_ATTRIBUTE',
        `attribute ${node.otherAttributes.join(', ')} has a type that is not supported`,
      );
      return false;
    }
    return true;
  }

  /**
   * Returns false if the node was refused.
   * @param opset operator set in whose form the node is written
   */
  #readSupported(
    document: LegacyNodeFields,
    opset: number,
    report: (code: string, message: string, hint?: string) => void,
  ): boolean {
    const legacy = new LegacyNode(document, opset, this);
    const original = operatorOf(document.op);
    const earliest = original.since[0]!;
    if (opset < earliest) {
      report(
        'UNSUPPORTED_OPSET',
        `operator ${document.op} is understood as of opset ${earliest}, and the model uses ${opset}`,
        `export with opset ${GRAPH_OPSET}`,
      );
      return false;
    }
    original.upgrade?.(legacy);
    for (const before of legacy.preceding)
      if (!this.#readSupported(before, GRAPH_OPSET, report)) return false;
    const operator = operatorOf(legacy.op);
    const node = toTensorNode(legacy);
    const view = new NodeView(node, operator, this.shapes, this.constants);
    checkInputs(view);
    view.validateAttributes();
    const missing = parameterRefusals(view);
    const refusals = missing.length > 0 ? missing : (operator.check?.(view) ?? []);
    for (const { reason, suggestion } of refusals) {
      report('UNSUPPORTED_FORM', `${document.op} '${node.name}': ${reason}`, suggestion);
    }
    if (refusals.length > 0) return false;
    const shapes = operator.inferShapes(view).map((shape) => checkedShape(view, shape));
    for (const [index, output] of node.outputs.entries()) {
      if (output !== '' && shapes[index] !== undefined) this.shapes.set(output, shapes[index]);
    }
    if (isEvaluable(view)) this.#fold(view);
    else if (!this.#defineEmpty(view)) this.#keep(view);
    return true;
  }

  #fold(view: NodeView<Operator>): void {
    for (const [index, value] of evaluateNode(view).entries()) {
      const output = view.node.outputs[index] ?? '';
      if (output === '') continue;
      this.#folded += value.data.length;
      if (this.#folded > FOLDING_BUDGET) {
        view.fail(
          'CONSTANT_TOO_LARGE',
          `computed constants exceed ${FOLDING_BUDGET} elements`,
          'fold constants at export',
        );
      }
      this.define(output, value);
    }
  }

  /** Tensors without elements are known whatever they come from; whether that is all that the node makes. */
  #defineEmpty({ node }: NodeView): boolean {
    const made = node.outputs.filter((output) => output !== '');
    const empty = made.filter((output) => this.shapes.has(output) && sizeOf(this.shapes.get(output)!) === 0);
    for (const output of empty) {
      this.define(output, { shape: this.shapes.get(output)!, type: 'float', data: new Float64Array(0) });
    }
    return empty.length === made.length;
  }

  #keep(view: NodeView): void {
    for (const [index, input] of view.node.inputs.entries()) {
      const constant = view.constant(index);
      // Bounds may be infinite: they mean "no bound".
      if (constant !== null && !['Clip', 'Max', 'Min'].includes(view.node.op)) {
        requireFinite(constant, `constant '${input}'`, view.node.name);
      }
    }
    this.nodes.push(view.node);
  }

  /** Lets the nodes after a refused one be checked, if the file says what shapes it makes. */
  #assumeDeclaredShapes(node: DocumentNode): void {
    for (const output of node.outputs) {
      const shape = this.#document.declared.get(output)?.shape;
      const isStatic = (dim: unknown): dim is number => typeof dim === 'number' && dim >= 0;
      if (output !== '' && shape?.every(isStatic) === true && sizeOf(shape) <= MAX_ELEMENTS) {
        this.shapes.set(output, shape);
      }
    }
  }

  checkOutputs(): void {
    if (this.#document.outputs.length === 0) {
      this.diagnostics.push({ code: 'NO_OUTPUTS', message: 'the model has no output' });
    }
    const constant = this.#document.outputs.filter(({ name }) => this.constants.has(name));
    // With others besides, the constant ones are simply known.
    if (constant.length < this.#document.outputs.length || this.#inputs.encrypted.size === 0) return;
    for (const { name } of constant) {
      this.diagnostics.push({
        code: 'CONSTANT_OUTPUT',
        message: `output '${name}' does not depend on any encrypted input`,
        node: name,
        hint: 'leave an input unbound that the output depends on',
      });
    }
  }
}

function toTensorNode(legacy: LegacyNode): TensorNode {
  const inputs = [...legacy.inputs];
  while (inputs.length > 0 && inputs.at(-1) === '') inputs.pop();
  const outputs = [...legacy.outputs];
  while (outputs.length > 1 && outputs.at(-1) === '') outputs.pop();
  return {
    name: legacy.name,
    op: legacy.op,
    inputs,
    outputs,
    attributes: Object.fromEntries(legacy.attributes),
  };
}

/**
 * PolynomialGraph → LinearGraph: every operator becomes a sparse matrix over tensor elements, a polynomial of one
 * tensor, or a product of two. Nothing of ONNX is left afterwards but names.
 */
import { CompileError, InternalError, unreachable } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import { BOUND_MARGIN, boundFor, worstCaseBound } from '../analysis/bounds.ts';
import type { LinearGraph, NodeId } from '../ir/linear-graph.ts';
import { LinearGraphBuilder, elementwise, type NodeDraft } from '../ir/linear-graph-builder.ts';
import type { PolynomialGraph } from '../ir/polynomial-graph.ts';
import type { Shape, TensorNode } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import { REACH } from '../approx/sine-argument.ts';
import { SparseMatrixBuilder, type SparseMatrix } from '../linear/sparse-matrix.ts';
import { classify } from '../onnx/classify.ts';
import { linearForm } from '../onnx/linear-form.ts';
import { MAX_ENTRIES, tooLarge } from '../onnx/model-size.ts';
import { polynomialAttributes, polynomialChannels } from '../onnx/ops/polynomial.ts';

type Lowerable = Pick<PolynomialGraph, 'graph' | 'ranges'>;

/** @throws CompileError OPERATOR_NOT_LOWERED, OUTPUT_CONSTANT, MODEL_TOO_LARGE */
export function lowerLinear(polynomial: Lowerable, maxEntries = MAX_ENTRIES): LinearGraph {
  const lowering = new Lowering(polynomial, maxEntries);
  const { graph } = polynomial;
  for (const input of graph.inputs) lowering.input(input);
  for (const node of graph.nodes) {
    const kind = classify(graph, node);
    switch (kind) {
      case 'linear':
        lowering.linear(node);
        break;
      case 'polynomial':
        lowering.polynomial(node);
        break;
      case 'product':
        lowering.product(node);
        break;
      case 'activation':
      case 'max-pool':
        throw new CompileError(
          'OPERATOR_NOT_LOWERED',
          `${node.op} '${node.name}' is ${kind}; only linear operators, polynomials and products can be lowered`,
          { node: node.name, pass: 'lower-linear' },
        );
      default:
        unreachable(kind, 'node class');
    }
  }
  return lowering.finish();
}

class Lowering {
  readonly #polynomial: Lowerable;
  readonly #builder = new LinearGraphBuilder();
  readonly #nodeOf = new Map<string, NodeId>();
  /** t = (x − center) / halfWidth of polynomials, by what it is made of. */
  readonly #arguments = new Map<string, NodeId>();
  readonly #maxEntries: number;
  #entries = 0;

  constructor(polynomial: Lowerable, maxEntries: number) {
    this.#polynomial = polynomial;
    this.#maxEntries = maxEntries;
  }

  get #graph(): PolynomialGraph['graph'] {
    return this.#polynomial.graph;
  }

  input(tensor: string): void {
    const bound = this.#calibrated(tensor) ?? BOUND_MARGIN;
    const shape = shapeOf(this.#graph, tensor);
    this.#nodeOf.set(tensor, this.#builder.add({ kind: 'input', name: tensor, layer: tensor, shape, bound }));
  }

  linear(node: TensorNode): void {
    for (const [index, tensor] of node.outputs.entries()) {
      if (tensor === '') continue;
      const form = linearForm(this.#graph, node, index);
      const terms = form.terms.map(({ input, matrix }) => ({ source: this.#source(node, input), matrix }));
      if (terms.length === 0) {
        throw new InternalError(`'${node.name}' does not depend on any encrypted tensor but was not folded`, {
          node: node.name,
        });
      }
      this.#count(node, terms);
      this.#define(node, tensor, { kind: 'linear', terms, bias: form.bias });
    }
  }

  #count(node: TensorNode, terms: readonly { readonly matrix: SparseMatrix }[]): void {
    for (const { matrix } of terms) this.#entries += matrix.columns.length;
    if (this.#entries <= this.#maxEntries) return;
    throw tooLarge(node, this.#entries, this.#maxEntries);
  }

  /** [t = (x − center) / halfWidth] → [refresh] → Σ c_k T_k(t); the first is left out where it would do nothing. */
  polynomial(node: TensorNode): void {
    const tensor = node.outputs[0]!;
    const shape = shapeOf(this.#graph, tensor);
    const attributes = polynomialAttributes(node);
    const { axis, degree, center, halfWidth, coefficients, ratio } = attributes;
    const count = polynomialChannels(attributes);
    if ((count !== 1 && count !== shape[axis]) || !halfWidth.every((width) => width > 0)) {
      throw new InternalError(
        `Polynomial '${node.name}' has ${count} channels for [${shape.join()}] along ${axis}, or an empty range`,
        { node: node.name },
      );
    }
    const channelOf = channels(shape, axis);
    const perElement = (value: (channel: number) => number, single: boolean): Float64Array =>
      single
        ? Float64Array.of(value(0))
        : Float64Array.from({ length: elementCount(shape) }, (_, e) => value(channelOf(e)));

    let source = this.#source(node, node.inputs[0]!);
    const moved = center.some((value) => value !== 0) || halfWidth.some((value) => value !== 1);
    if (moved || ratio !== undefined) {
      const of = (values: readonly number[], channel: number): number =>
        values[values.length === 1 ? 0 : channel]!;
      const reach = ratio === undefined ? 1 : REACH;
      const factors = perElement((c) => reach / of(halfWidth, c), false);
      const offsets = perElement((c) => (-reach * of(center, c)) / of(halfWidth, c), false);
      const bound = reach * this.#normalisedBound(node.inputs[0]!, center, halfWidth);
      const key = JSON.stringify([source, reach, axis, center, halfWidth]);
      // What several polynomials read is made once: each elementwise map is multiplied into the map before it.
      source =
        this.#arguments.get(key) ??
        this.#builder.add(elementwise(source, factors, offsets, { layer: node.name, shape, bound }));
      this.#arguments.set(key, source);
    }
    if (ratio !== undefined)
      source = this.#builder.add({ kind: 'refresh', source, ratio, layer: node.name, shape, bound: 1 });
    const single = coefficients.length === degree + 1;
    const ofDegree = Array.from({ length: degree + 1 }, (_, k) =>
      perElement((c) => coefficients[c * (degree + 1) + k]!, single),
    );
    this.#define(node, tensor, {
      kind: 'polynomial',
      source,
      degree,
      unitLeading: false,
      coefficients: ofDegree,
    });
  }

  product(node: TensorNode): void {
    const tensor = node.outputs[0]!;
    const shape = shapeOf(this.#graph, tensor);
    const [left, right] = [node.inputs[0]!, node.inputs[1]!];
    if (left === right) {
      // x² = (T_0 + T_2) / 2: a square is cheaper than a product, and its input can be normalised.
      const coefficients = [0.5, 0, 0.5].map((value) => Float64Array.of(value));
      const source = this.#broadcast(node, left, shape);
      this.#define(node, tensor, { kind: 'polynomial', source, degree: 2, unitLeading: false, coefficients });
      return;
    }
    const factors = { left: this.#broadcast(node, left, shape), right: this.#broadcast(node, right, shape) };
    this.#define(node, tensor, { kind: 'product', ...factors });
  }

  finish(): LinearGraph {
    const outputs = this.#graph.outputs.map((name) => {
      const node = this.#nodeOf.get(name);
      if (node === undefined) {
        throw new CompileError('OUTPUT_CONSTANT', `output '${name}' does not depend on any encrypted input`, {
          pass: 'lower-linear',
          hint: 'remove the output from the model',
        });
      }
      return { name, node };
    });
    return this.#builder.build(this.#graph.name, outputs);
  }

  #define(node: TensorNode, tensor: string, computation: Computation): void {
    const bound =
      this.#calibrated(tensor) ?? worstCaseBound(computation, (source) => this.#builder.node(source).bound);
    const shape = shapeOf(this.#graph, tensor);
    this.#nodeOf.set(tensor, this.#builder.add({ ...computation, layer: node.name, shape, bound }));
  }

  #source(node: TensorNode, tensor: string): NodeId {
    const id = this.#nodeOf.get(tensor);
    if (id === undefined) {
      throw new InternalError(`'${node.name}' reads '${tensor}', which is not an encrypted tensor`, {
        node: node.name,
      });
    }
    return id;
  }

  /** The operand of an elementwise operator, repeated to the operator's shape by a linear map if it is smaller. */
  #broadcast(node: TensorNode, tensor: string, shape: Shape): NodeId {
    const source = this.#source(node, tensor);
    const own = shapeOf(this.#graph, tensor);
    if (elementCount(own) === elementCount(shape)) return source;
    const terms = [{ source, matrix: broadcastMatrix(own, shape) }];
    const { bound } = this.#builder.node(source);
    return this.#builder.add({ kind: 'linear', terms, bias: null, layer: node.name, shape, bound });
  }

  #calibrated(tensor: string): number | null {
    const range = this.#polynomial.ranges.get(tensor);
    return range === undefined ? null : boundFor(Math.max(Math.abs(range.min), Math.abs(range.max)));
  }

  /** With several channels only the range of all together is known; each was fitted to be within [-1, 1]. */
  #normalisedBound(tensor: string, center: readonly number[], halfWidth: readonly number[]): number {
    const range = this.#polynomial.ranges.get(tensor);
    if (range === undefined || center.length > 1 || halfWidth.length > 1) return BOUND_MARGIN;
    const reach = Math.max(Math.abs(range.min - center[0]!), Math.abs(range.max - center[0]!));
    return boundFor(reach / halfWidth[0]!);
  }
}

type Computation = NodeDraft extends infer Node
  ? Node extends { kind: 'linear' | 'polynomial' | 'product' }
    ? Omit<Node, 'layer' | 'shape' | 'bound'>
    : never
  : never;

/** Channel (index along `axis`) of a row-major element. */
function channels(shape: Shape, axis: number): (element: number) => number {
  const stride = elementCount(shape.slice(axis + 1));
  const extent = shape[axis] ?? 1;
  return (element) => Math.floor(element / stride) % extent;
}

/** Repeats a tensor to a larger shape by the broadcasting rules of ONNX. */
function broadcastMatrix(from: Shape, to: Shape): SparseMatrix {
  const padded = [...Array.from({ length: to.length - from.length }, () => 1), ...from];
  const builder = new SparseMatrixBuilder(elementCount(to), elementCount(from));
  for (let e = 0; e < elementCount(to); e++) {
    let rest = e;
    let stride = 1;
    let column = 0;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      const index = rest % to[axis]!;
      rest = Math.floor(rest / to[axis]!);
      if (padded[axis] !== 1) column += index * stride;
      stride *= padded[axis]!;
    }
    builder.add(column, 1);
    builder.endRow();
  }
  return builder.build();
}

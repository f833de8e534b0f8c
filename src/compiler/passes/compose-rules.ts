/** The rewriting rules of `compose-linear`: each takes a linear graph and returns one that computes the same, or null. */
import type { GraphNode, LinearGraph, LinearNode, NodeId, ProductNode } from '../ir/linear-graph.ts';
import { sourcesOf } from '../ir/linear-graph.ts';
import { consumersOf, prune, withSources } from '../ir/linear-graph-builder.ts';
import { MatrixProducts } from '../linear/matrix-products.ts';
import { add, apply, scale, type SparseMatrix } from '../linear/sparse-matrix.ts';

/** A matrix product that takes more multiplications than this is never worth having. */
const LARGEST_PRODUCT = 2e8;

/** An offset is taken along only up to so many times the values that it is added to: it costs them as many bits. */
const LARGEST_OFFSET = 2 ** 8;

type Term = LinearNode['terms'][number];

/** Replaces `node` in the terms of `readers` by its own terms; null if that would take too long. */
export function composeInto(
  graph: LinearGraph,
  node: LinearNode,
  readers: readonly LinearNode[],
  products: MatrixProducts,
): LinearGraph | null {
  let work = 0;
  for (const reader of readers) {
    for (const term of reader.terms) {
      if (term.source !== node.id) continue;
      for (const inner of node.terms) work += productWork(term.matrix, inner.matrix);
    }
  }
  if (work > LARGEST_PRODUCT) return null;
  const composed = new Map(readers.map((reader) => [reader.id, compose(node, reader, products)]));
  return prune(replaceNodes(graph, composed));
}

function compose(node: LinearNode, reader: LinearNode, products: MatrixProducts): LinearNode {
  let bias = reader.bias;
  const terms = reader.terms.flatMap((term): Term[] => {
    if (term.source !== node.id) return [term];
    if (node.bias !== null) bias = sum(bias, apply(term.matrix, node.bias));
    return node.terms.map((inner) => ({
      source: inner.source,
      matrix: products.of(term.matrix, inner.matrix),
    }));
  });
  return tidy({ ...reader, terms, bias, layer: `${node.layer}+${reader.layer}` });
}

/**
 * L := S·L + b for one reader S·x + b that only scales; every other reader M·x becomes M·S⁻¹·(x − b). Null if there is no
 * such reader among several.
 */
export function absorbElementwise(
  graph: LinearGraph,
  node: LinearNode,
  readers: readonly LinearNode[],
  products: MatrixProducts,
): LinearGraph | null {
  if (readers.length < 2) return null;
  const absorbed = readers.find(isElementwise);
  if (absorbed === undefined) return null;
  const inverse = absorbed.terms[0]!.matrix.values.map((value) => 1 / value);
  const undone = absorbed.bias?.map((value, e) => -value * inverse[e]!) ?? null;
  // What b is taken from again would have drowned in it.
  if (undone?.some((offset) => Math.abs(offset) > LARGEST_OFFSET * node.bound) === true) return null;
  const undo = (reader: LinearNode): LinearNode => {
    let bias = reader.bias;
    const terms = reader.terms.map((term): Term => {
      if (term.source !== node.id) return term;
      if (undone !== null) bias = sum(bias, apply(term.matrix, undone));
      return { source: node.id, matrix: scale(term.matrix, null, inverse) };
    });
    return tidy({ ...reader, terms, bias });
  };
  const changed = new Map(
    readers.filter((reader) => reader !== absorbed).map((reader) => [reader.id, undo(reader)]),
  );
  changed.set(node.id, { ...compose(node, absorbed, products), id: node.id });
  const replaced = replaceNodes(graph, changed);
  return prune(redirect(replaced, new Map([[absorbed.id, node.id]])));
}

/**
 * (S·x) ⊙ y = S·(x ⊙ y): a map that only scales moves from a factor to the linear nodes that read the product, where it is
 * free. Null if neither factor is one, or something else reads the product.
 */
export function scaleBehindProduct(graph: LinearGraph, node: ProductNode): LinearGraph | null {
  const readers = consumersOf(graph)[node.id]!.map((reader) => graph.nodes[reader]!);
  const linear = readers.filter((reader) => reader.kind === 'linear');
  if (linear.length < readers.length || graph.outputs.some((output) => output.node === node.id)) return null;
  for (const side of ['left', 'right'] as const) {
    const factor = graph.nodes[node[side]]!;
    if (factor.kind !== 'linear' || factor.bias !== null || !isElementwise(factor)) continue;
    const { source, matrix } = factor.terms[0]!;
    const other = graph.nodes[side === 'left' ? node.right : node.left]!;
    const bound = graph.nodes[source]!.bound * other.bound;
    const changed = new Map<NodeId, GraphNode>([[node.id, { ...node, [side]: source, bound }]]);
    for (const reader of linear) {
      const terms = reader.terms.map((term) =>
        term.source === node.id ? { ...term, matrix: scale(term.matrix, null, matrix.values) } : term,
      );
      changed.set(reader.id, { ...reader, terms });
    }
    return replaceNodes(graph, changed);
  }
  return null;
}

/** Merges terms of the same source, drops empty ones and a bias of zeros; at least one term stays. */
export function tidy(node: LinearNode): LinearNode {
  const merged = new Map<NodeId, SparseMatrix>();
  for (const { source, matrix } of node.terms) {
    const known = merged.get(source);
    merged.set(source, known === undefined ? matrix : add(known, matrix));
  }
  const terms = [...merged].map(([source, matrix]): Term => ({ source, matrix }));
  const useful = terms.filter(({ matrix }) => matrix.values.some((value) => value !== 0));
  const bias = node.bias?.some((value) => value !== 0) === true ? node.bias : null;
  return { ...node, terms: useful.length > 0 ? useful : terms.slice(0, 1), bias };
}

/**
 * Identities are replaced by their sources. An identity may change the shape (a reshape is one); inside the graph only
 * the order of elements matters. An output must keep its shape, so there the source takes it on if nothing else sees it,
 * and else the identity stays.
 */
export function bypassIdentities(graph: LinearGraph): LinearGraph {
  const replaced = new Map<NodeId, NodeId>();
  const reshaped = new Map<NodeId, GraphNode>();
  const consumers = consumersOf(graph);
  const outputs = new Set(graph.outputs.map((output) => output.node));
  for (const node of graph.nodes) {
    if (node.kind !== 'linear' || node.bias !== null || node.terms.length !== 1) continue;
    const { matrix } = node.terms[0]!;
    if (!isIdentity(matrix)) continue;
    const source = replaced.get(node.terms[0]!.source) ?? node.terms[0]!.source;
    const origin = reshaped.get(source) ?? graph.nodes[source]!;
    if (outputs.has(node.id)) {
      if (origin.kind === 'input') continue;
      if (node.shape.join() !== origin.shape.join()) {
        if (outputs.has(source) || consumers[source]!.length > 1) continue;
        reshaped.set(source, { ...origin, shape: node.shape });
      }
      outputs.add(source);
    }
    replaced.set(node.id, source);
  }
  return mapLinear(redirect(replaceNodes(graph, reshaped), replaced), tidy);
}

export function mapLinear(graph: LinearGraph, change: (node: LinearNode) => LinearNode): LinearGraph {
  return { ...graph, nodes: graph.nodes.map((node) => (node.kind === 'linear' ? change(node) : node)) };
}

function replaceNodes(graph: LinearGraph, nodes: ReadonlyMap<NodeId, GraphNode>): LinearGraph {
  return { ...graph, nodes: graph.nodes.map((node) => nodes.get(node.id) ?? node) };
}

/** Makes every reader of a key of `replaced` (and every output) read its value instead. */
function redirect(graph: LinearGraph, replaced: ReadonlyMap<NodeId, NodeId>): LinearGraph {
  if (replaced.size === 0) return graph;
  const follow = (id: NodeId): NodeId => replaced.get(id) ?? id;
  return {
    ...graph,
    nodes: graph.nodes.map((node) =>
      sourcesOf(node).some((id) => replaced.has(id)) ? withSources(node, follow) : node,
    ),
    outputs: graph.outputs.map((output) => ({ ...output, node: follow(output.node) })),
  };
}

export function entryCount(graph: LinearGraph): number {
  let count = 0;
  for (const node of graph.nodes) {
    if (node.kind === 'linear') for (const { matrix } of node.terms) count += matrix.values.length;
  }
  return count;
}

/** Whether a node, or else its reader, takes every element to one place at most: no diagonals arise from their product. */
export function movesOnly(node: LinearNode, reader: LinearNode): boolean {
  const reading = reader.terms.filter(({ source }) => source === node.id);
  return (
    node.terms.every(({ matrix }) => isMonomial(matrix)) || reading.every(({ matrix }) => isMonomial(matrix))
  );
}

/** At most one entry in every row and every column. */
function isMonomial(matrix: SparseMatrix): boolean {
  if (matrix.columns.length > Math.min(matrix.rows, matrix.cols)) return false;
  const taken = new Uint8Array(matrix.cols);
  for (let r = 0; r < matrix.rows; r++) {
    const start = matrix.rowStart[r]!;
    if (matrix.rowStart[r + 1]! - start > 1) return false;
    if (matrix.rowStart[r + 1]! === start) continue;
    const column = matrix.columns[start]!;
    if (taken[column] === 1) return false;
    taken[column] = 1;
  }
  return true;
}

/** Multiplications that the sparse product a · b takes. */
function productWork(a: SparseMatrix, b: SparseMatrix): number {
  return a.columns.reduce((work, row) => work + b.rowStart[row + 1]! - b.rowStart[row]!, 0);
}

/** y = S·x + b with an invertible diagonal S. */
export function isElementwise(node: LinearNode): boolean {
  const [term] = node.terms;
  if (node.terms.length !== 1 || term === undefined) return false;
  const { values, rows } = term.matrix;
  return (
    values.length === rows && isDiagonal(term.matrix) && values.every((value) => Number.isFinite(1 / value))
  );
}

function isDiagonal(matrix: SparseMatrix): boolean {
  if (matrix.rows !== matrix.cols) return false;
  for (let r = 0; r < matrix.rows; r++) {
    for (let k = matrix.rowStart[r]!; k < matrix.rowStart[r + 1]!; k++)
      if (matrix.columns[k] !== r) return false;
  }
  return true;
}

function isIdentity(matrix: SparseMatrix): boolean {
  return (
    matrix.values.length === matrix.rows && isDiagonal(matrix) && matrix.values.every((value) => value === 1)
  );
}

function sum(a: Float64Array | null, b: Float64Array): Float64Array {
  return a === null ? b : a.map((value, e) => value + b[e]!);
}

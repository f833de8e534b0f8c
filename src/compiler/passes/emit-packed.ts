/**
 * From tensors to slots: chooses layouts, plans the rotations of every linear map, selects the Galois keys and writes
 * the packed program, diagonals and all.
 */
import type { SlotVector } from '../../program/slot-vector.ts';
import { isZero } from '../../program/slot-vector.ts';
import type { BabyRotation, Coefficient, GiantStep, OutputPlan } from '../../program/program.ts';
import type { Layout } from '../../program/layout.ts';
import type { CostModel } from '../analysis/cost-model.ts';
import type { LeveledGraph } from '../ir/leveled-graph.ts';
import type { GraphNode, LinearNode, PolynomialNode } from '../ir/linear-graph.ts';
import type { PackedInstruction, PackedProgram, PackedValue } from '../ir/packed-program.ts';
import { buildDiagonals, type Diagonal } from '../linear/diagonals.ts';
import { placedLayout } from '../linear/frame.ts';
import { growTree } from '../linear/rotation-tree.ts';
import { packElements, packUniform } from '../linear/slot-values.ts';
import type { TransformPlanner } from '../linear/transform.ts';
import { chooseLayouts, type LayoutChoice } from './choose-layouts.ts';
import { planRotations, treesOf, type RotationDemand } from './plan-rotations.ts';
import { selectRotations, type HeldKeys, type RotationKeys } from './select-rotations.ts';

export interface PackOptions {
  /** Upper limit for all Galois keys together, in memory; null for none. */
  readonly maxKeyBytes: number | null;
  /** Those among them that are needed whatever is planned here; none if not given. */
  readonly held?: HeldKeys;
  /** What a key that serves ciphertexts up to `level` costs an inference, in milliseconds; nothing if not given. */
  readonly keyMs?: (level: number) => number;
  /** Threads that can work on one inference; 1 if not given. */
  readonly parallelism?: number;
  /** One made for the same cost model and parallelism saves planning again what it has planned. */
  readonly planner?: TransformPlanner;
}

/** @throws CompileError KEY_BUDGET_TOO_SMALL */
export function packProgram(graph: LeveledGraph, cost: CostModel, options: PackOptions): PackedProgram {
  const choice = chooseLayouts(graph, cost, options.parallelism ?? 1, options);
  const demands = new Map(
    [...choice.plans].map(([id, plan]) => [id, planRotations(plan, cost, graph.levels[id]! + 1)] as const),
  );
  const keys = selectRotations([...demands.values()].flatMap(treesOf), {
    slotCount: cost.slotCount,
    keyBytes: (level) => cost.keyBytes(level),
    keyWorth: (bytes) => cost.keyWorth(bytes),
    keyMs: options.keyMs ?? (() => 0),
    maxKeyBytes: options.maxKeyBytes,
    ...(options.held === undefined ? {} : { held: options.held }),
    latencyMs: choice.latencyMs,
  });
  const layouts = graph.nodes.map(({ id, shape }) => placedLayout(choice.placements[id]!, shape));
  const instructions: PackedInstruction[] = [];
  for (const node of graph.nodes) {
    if (node.kind === 'linear') {
      instructions.push(linearInstruction(node, choice, demands.get(node.id)!, keys, layouts[node.id]!));
    } else if (node.kind === 'polynomial') {
      const empties = choice.classes[node.id]!.output;
      instructions.push(polynomialInstruction(node, layouts[node.id]!, empties));
    } else if (node.kind === 'product') {
      const { layer, left, right, id } = node;
      instructions.push({ kind: 'product', layer, left, right, output: id });
    } else if (node.kind === 'refresh') {
      const { layer, source, id, ratio } = node;
      instructions.push({ kind: 'refresh', layer, input: source, output: id, ratio });
    }
  }
  const inputs = graph.nodes.filter((node) => node.kind === 'input');
  return {
    slotCount: cost.slotCount,
    inputs: inputs.map(({ name, id }) => ({ name, value: id })),
    outputs: graph.outputs.map(({ name, node }) => ({ name, value: node })),
    values: graph.nodes.map((node) => packedValue(node, graph.levels[node.id]!, choice, layouts[node.id]!)),
    instructions,
    rotationSteps: keys.steps,
  };
}

/** Partial sums between the elements may exceed them: they get a margin of two before a square, four after it. */
function packedValue(node: GraphNode, level: number, choice: LayoutChoice, layout: Layout): PackedValue {
  const { junk } = choice.placements[node.id]!.frame;
  const margin = !junk || node.kind === 'input' ? 1 : node.kind === 'linear' ? 2 : 4;
  return { id: node.id, layer: node.layer, layout, level, bound: node.bound * margin };
}

function linearInstruction(
  node: LinearNode,
  choice: LayoutChoice,
  demand: RotationDemand,
  keys: RotationKeys,
  layout: Layout,
): PackedInstruction {
  const plan = choice.plans.get(node.id)!;
  const { terms } = choice.problems.get(node.id)!;
  const sources = terms.map(({ source, pattern }) => ({
    matrix: pattern.matrix,
    placement: choice.placements[source]!,
  }));
  const diagonals = buildDiagonals(sources, plan, layout.slotCount);
  const { babies, indexOf } = babyRotations(plan.babies, demand, keys);
  const bias = node.bias === null ? null : packElements(layout, node.bias);
  const reductions = plan.reductions.map((step) => keys.table.route(step));
  const outputs = plan.giants.map((_, output): OutputPlan => {
    const own = diagonals.filter((diagonal) => diagonal.output === output);
    const vector = bias?.[output];
    const giants = giantSteps(own, demand.giants[output]!, keys, indexOf);
    return {
      giants: giants.length > 0 ? giants : [NOTHING],
      reductions,
      bias: vector === undefined || isZero(vector) ? null : vector,
    };
  });
  const inputs = terms.map(({ source }) => source);
  return { kind: 'linear', layer: node.layer, inputs, output: node.id, babies, outputs };
}

/** A ciphertext of rows without entries is still computed: as zero times an input. */
const NOTHING: GiantStep = {
  step: 0,
  into: -1,
  via: [],
  terms: [{ baby: 0, diagonal: { indices: new Int32Array(0), values: new Float64Array(0) } }],
};

type BabyIndex = (source: number, step: number) => number;

function babyRotations(
  steps: readonly (readonly number[])[],
  demand: RotationDemand,
  keys: RotationKeys,
): { babies: BabyRotation[]; indexOf: BabyIndex } {
  const babies: BabyRotation[] = [];
  const index = new Map<string, number>();
  const name = (source: number, step: number): string => `${source}/${step}`;
  steps.forEach((own, source) => {
    if (own[0] === 0) {
      index.set(name(source, 0), babies.length);
      babies.push({ source, step: 0, from: -1, via: [] });
    }
    const first = babies.length;
    for (const { step, parent, via } of growTree(demand.babies[source]!, keys.table)) {
      index.set(name(source, step), babies.length);
      babies.push({ source, step, from: parent < 0 ? -1 : first + parent, via });
    }
  });
  if (babies.length === 0) babies.push({ source: 0, step: 0, from: -1, via: [] });
  return { babies, indexOf: (source, step) => index.get(name(source, step))! };
}

/** The tree of giant steps read backwards: the farthest first, each rotated by its distance to its parent. */
function giantSteps(
  diagonals: readonly Diagonal[],
  tree: RotationDemand['giants'][number],
  keys: RotationKeys,
  indexOf: BabyIndex,
): GiantStep[] {
  const grown = growTree(tree, keys.table);
  const terms = new Map<number, { baby: number; diagonal: SlotVector }[]>();
  for (const { giant, input, baby, vector } of diagonals) {
    const list = terms.get(giant) ?? [];
    terms.set(giant, list);
    list.push({ baby: indexOf(input, baby), diagonal: vector });
  }
  const count = grown.length;
  const giants = grown
    .map(({ step, parent, via }): GiantStep => ({
      step,
      into: parent < 0 ? -1 : count - 1 - parent,
      via,
      terms: terms.get(step)!,
    }))
    .reverse();
  const unrotated = terms.get(0);
  if (unrotated !== undefined) giants.push({ step: 0, into: -1, via: [], terms: unrotated });
  return giants;
}

/** Coefficients per slot; one number where all elements agree and empty slots may take the polynomial's value at 0. */
function polynomialInstruction(
  node: PolynomialNode,
  layout: Layout,
  zeroEmpties: boolean,
): PackedInstruction {
  // With a unit leading term, T_{d/2}(0)² = 1 for d = 4, 8, …, which the constant has to cancel in empty slots.
  const atZero = node.unitLeading && node.degree % 4 === 0 ? 1 : 0;
  const perDegree = node.coefficients.map((values, k): Coefficient[] => {
    if (values.length === 1 && !zeroEmpties) return Array<number>(layout.ciphertexts).fill(values[0]!);
    const empty = k === 0 ? -atZero : 0;
    return values.length === 1
      ? packUniform(layout, values[0]!, empty)
      : packElements(layout, values, zeroEmpties ? empty : 0);
  });
  const coefficients = Array.from({ length: layout.ciphertexts }, (_, ciphertext) =>
    perDegree.map((own) => own[ciphertext]!),
  );
  const { layer, source, id, degree, unitLeading } = node;
  return { kind: 'polynomial', layer, input: source, output: id, degree, unitLeading, coefficients };
}

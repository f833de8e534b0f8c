/** The state of a closed-loop approximation as it moves through the graph. */
import { certifyOutput } from '../../analysis/certified-ranges.ts';
import type { ApproximationReport, CertifiedRanges } from '../../ir/polynomial-graph.ts';
import type { ConstantTensor, Shape, TensorGraph, TensorNode } from '../../ir/tensor-graph.ts';
import { shapeOf } from '../../ir/tensor-graph.ts';
import { classify } from '../../onnx/classify.ts';
import type { ActivationChoice, Progress } from '../../options.ts';
import type { Blas } from '../../reference/blas.ts';
import { executeNode } from '../../reference/execute-node.ts';
import { elementsOf, encryptedInputs } from '../../reference/onnx-runner.ts';
import { lastUses } from '../calibrate-ranges.ts';
import { approximateSite, executeSite } from './approximate-site.ts';
import type { CalibrationBatch } from './calibration-batch.ts';
import type { GraphFragment } from './graph-fragment.ts';
import type { Replacement } from './linear-layer.ts';
import { linearLayer } from './linear-layer.ts';
import type { Comparison } from './quality.ts';
import type { OutputReading } from './output-reading.ts';
import { readOutputs } from './output-reading.ts';
import { compareOutputs } from './quality.ts';
import { refitLinear } from './refit-linear.ts';
import { reportExact, reportSite } from './report.ts';
import type { ApproximationSettings } from './settings.ts';
import type { ActivationSite } from './sites.ts';

/** What stays the same between runs with different choices. */
export interface ApproximationContext {
  readonly graph: TensorGraph;
  readonly sites: readonly ActivationSite[];
  readonly batch: CalibrationBatch;
  readonly blas: Blas;
  readonly progress: Progress;
  readonly settings: ApproximationSettings;
}

export interface Approximation {
  readonly graph: TensorGraph;
  readonly approximations: readonly ApproximationReport[];
  /** Over the held-out samples that the walk carried along, or over more once judged. */
  readonly comparison: Comparison;
  readonly heldOut: HeldOut;
  /** What each output of the graph can give. */
  readonly outputRanges: CertifiedRanges['outputs'];
  readonly warnings: readonly string[];
}

/** What both models make of the held-out samples that the walk carried along. */
export interface HeldOut {
  readonly samples: number;
  /** Per output, [samples × elements]. */
  readonly original: readonly Float32Array[];
  readonly approximated: readonly Float32Array[];
  readonly labels: Int32Array | null;
  readonly reading: OutputReading;
}

/**
 * The state before a node: both streams of live tensors and what has been emitted. A tensor whose two values are the
 * same array has not been touched by any approximation yet. Arrays are never written again, so a copy of the maps is a
 * checkpoint.
 */
export interface Checkpoint {
  readonly index: number;
  readonly original: ReadonlyMap<string, Float32Array>;
  readonly approximated: ReadonlyMap<string, Float32Array>;
  readonly nodes: readonly TensorNode[];
  readonly constants: ReadonlyMap<string, ConstantTensor>;
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly reports: readonly ApproximationReport[];
  readonly warnings: readonly string[];
}

export function startCheckpoint({ graph, batch }: ApproximationContext): Checkpoint {
  return {
    index: 0,
    original: batch.inputs,
    approximated: batch.inputs,
    nodes: [],
    constants: graph.constants,
    shapes: graph.shapes,
    reports: [],
    warnings: [],
  };
}

export class Walk {
  readonly #context: ApproximationContext;
  readonly #settings: ApproximationSettings;
  readonly #lastUse: ReadonlyMap<string, number>;
  readonly #original: Map<string, Float32Array>;
  readonly #approximated: Map<string, Float32Array>;
  readonly #nodes: TensorNode[];
  readonly #constants: Map<string, ConstantTensor>;
  readonly #shapes: Map<string, Shape>;
  readonly #reports: ApproximationReport[];
  readonly #warnings: string[];

  constructor(context: ApproximationContext, from: Checkpoint) {
    this.#context = context;
    this.#settings = context.settings;
    this.#lastUse = lastUses(context.graph);
    this.#original = new Map(from.original);
    this.#approximated = new Map(from.approximated);
    this.#nodes = [...from.nodes];
    this.#constants = new Map(from.constants);
    this.#shapes = new Map(from.shapes);
    this.#reports = [...from.reports];
    this.#warnings = [...from.warnings];
  }

  checkpoint(index: number): Checkpoint {
    return {
      index,
      original: new Map(this.#original),
      approximated: new Map(this.#approximated),
      nodes: [...this.#nodes],
      constants: new Map(this.#constants),
      shapes: new Map(this.#shapes),
      reports: [...this.#reports],
      warnings: [...this.#warnings],
    };
  }

  /** A node that is linear, a polynomial or a product. */
  async step(node: TensorNode): Promise<void> {
    const { graph, progress } = this.#context;
    const inputs = encryptedInputs(graph, node);
    const touched = inputs.some((input) => this.#original.get(input) !== this.#approximated.get(input));
    const results = await executeNode(graph, node, this.#original, progress.signal);
    const outputs = node.outputs.filter((output) => output !== '');
    for (const [i, output] of outputs.entries()) this.#original.set(output, results[i]!);
    if (classify(graph, node) === 'polynomial') {
      this.#reports.push(
        reportExact(
          graph,
          node,
          results[0]!,
          this.#fitPart(node.inputs[0]!, this.#approximated.get(node.inputs[0]!)!),
          this.#heldOut(node.inputs[0]!),
        ),
      );
    }
    if (!touched) {
      this.#nodes.push(node);
      for (const [i, output] of outputs.entries()) this.#approximated.set(output, results[i]!);
      return;
    }
    await this.#emit((await this.#refit(node)) ?? { nodes: [node], constants: new Map(), shapes: new Map() });
  }

  async approximate(
    site: ActivationSite,
    choice: ActivationChoice,
    settings: ApproximationSettings,
  ): Promise<void> {
    const { graph, progress } = this.#context;
    const input = this.#original.get(site.input)!;
    const target = await executeSite(graph, site, input, progress.signal);
    const seen = this.#approximated.get(site.input)!;
    const fitted = await approximateSite(
      graph,
      site,
      choice,
      { values: this.#fitPart(site.input, seen), targets: this.#fitPart(site.output, target) },
      settings,
    );
    if (fitted.warning !== null) this.#warnings.push(fitted.warning);
    await this.#emit(fitted.fragment);
    this.#original.set(site.output, target);
    const heldOut = { input: this.#heldOut(site.input), output: this.#heldOut(site.output) };
    const exact = await executeSite(graph, site, heldOut.input, progress.signal);
    this.#reports.push(reportSite(graph, site, fitted, heldOut.input, heldOut.output, exact));
  }

  /** Forgets tensors that no later node reads; a site reads its input where its first node stands. */
  release(index: number): void {
    const { graph } = this.#context;
    for (const tensor of [...this.#original.keys()]) {
      if ((this.#lastUse.get(tensor) ?? -1) > index || graph.outputs.includes(tensor)) continue;
      this.#original.delete(tensor);
      this.#approximated.delete(tensor);
    }
  }

  finish(batch: CalibrationBatch): Approximation {
    const { graph } = this.#context;
    const used = new Set(this.#nodes.flatMap((node) => node.inputs));
    const held = batch.samples > batch.fit ? batch.fit : 0;
    const rest = (values: ReadonlyMap<string, Float32Array>): Float32Array[] =>
      graph.outputs.map((output) => values.get(output)!.subarray(held * elementsOf(graph, output)));
    const samples = batch.samples - held;
    const labels = batch.labels === null ? null : batch.labels.subarray(held);
    const [original, approximated] = [rest(this.#original), rest(this.#approximated)];
    const reading = readOutputs(graph, original, samples, labels !== null);
    return {
      graph: {
        ...graph,
        nodes: this.#nodes,
        constants: new Map([...this.#constants].filter(([name]) => used.has(name))),
        shapes: this.#shapes,
      },
      approximations: this.#reports,
      comparison: compareOutputs(original, approximated, samples, labels, reading),
      heldOut: { samples, original, approximated, labels, reading },
      outputRanges: graph.outputs.map((output) =>
        certifyOutput(this.#original.get(output)!, this.#approximated.get(output)!),
      ),
      warnings: this.#warnings,
    };
  }

  async #refit(node: TensorNode): Promise<GraphFragment | null> {
    const { graph, batch, blas } = this.#context;
    const layer = linearLayer(graph, node);
    if (layer === null || !this.#settings.refit) return null;
    const output = node.outputs[0]!;
    const target = this.#withBranchError(output, this.#fitPart(output, this.#original.get(output)!));
    const inputs = this.#fitPart(layer.input, this.#approximated.get(layer.input)!);
    const settings = { rows: this.#settings.refitRows, seed: this.#settings.seed };
    const replacement = await refitLinear(blas, layer, inputs, target, batch.fit, settings, (changed) =>
      this.#outputOf(changed, layer.input, inputs, output),
    );
    const shapes = new Map<string, Shape>();
    for (const each of replacement.nodes)
      for (const name of each.outputs) shapes.set(name, shapeOf(graph, output));
    return { ...replacement, shapes };
  }

  /** What a layer puts out once it is replaced. */
  async #outputOf(
    { nodes, constants }: Replacement,
    input: string,
    values: Float32Array,
    output: string,
  ): Promise<Float32Array> {
    const { graph, progress } = this.#context;
    const shapes = new Map(graph.shapes);
    for (const node of nodes) for (const name of node.outputs) shapes.set(name, shapeOf(graph, output));
    for (const [name, { shape }] of constants) shapes.set(name, shape);
    const surroundings = { ...graph, shapes, constants: new Map([...graph.constants, ...constants]) };
    const known = new Map([[input, values]]);
    for (const node of nodes) {
      const [result] = await executeNode(surroundings, node, known, progress.signal);
      known.set(node.outputs[0]!, result!);
    }
    return known.get(output)!;
  }

  /** If the tensor is only added to another one, whose error is known by now, it may as well cancel that error. */
  #withBranchError(tensor: string, target: Float32Array): Float32Array {
    const { graph } = this.#context;
    const consumers = graph.nodes.filter((node) => node.inputs.includes(tensor));
    const [consumer] = consumers;
    if (consumers.length !== 1 || consumer!.op !== 'Add' || graph.outputs.includes(tensor)) return target;
    const other = consumer!.inputs.find((input) => input !== tensor);
    const original = other === undefined ? undefined : this.#original.get(other);
    const approximated = other === undefined ? undefined : this.#approximated.get(other);
    if (original === undefined || approximated === undefined || original === approximated) return target;
    if (original.length !== this.#original.get(tensor)!.length) return target;
    return target.map((value, i) => value + original[i]! - approximated[i]!);
  }

  /** Appends nodes and runs them on the approximated stream. */
  async #emit(fragment: GraphFragment): Promise<void> {
    const { graph, progress } = this.#context;
    for (const [name, constant] of fragment.constants) this.#constants.set(name, constant);
    for (const [name, shape] of fragment.shapes) this.#shapes.set(name, shape);
    const surroundings = { ...graph, constants: this.#constants, shapes: this.#shapes };
    const lastUse = lastUses({ ...graph, nodes: fragment.nodes });
    for (const [index, node] of fragment.nodes.entries()) {
      this.#nodes.push(node);
      const results = await executeNode(surroundings, node, this.#approximated, progress.signal);
      const outputs = node.outputs.filter((output) => output !== '');
      for (const [i, output] of outputs.entries()) this.#approximated.set(output, results[i]!);
      for (const input of node.inputs) {
        if (lastUse.get(input) === index && !graph.shapes.has(input)) this.#approximated.delete(input);
      }
    }
  }

  #fitPart(tensor: string, values: Float32Array): Float32Array {
    return values.subarray(0, this.#context.batch.fit * elementsOf(this.#context.graph, tensor));
  }

  /** Approximated values of the held-out samples, or of all if none are held out. */
  #heldOut(tensor: string): Float32Array {
    const { batch, graph } = this.#context;
    const first = batch.samples > batch.fit ? batch.fit : 0;
    return this.#approximated.get(tensor)!.subarray(first * elementsOf(graph, tensor));
  }
}

/**
 * Every activation replaced by polynomials of the degree that they would get, before any is fitted: the coefficients mean nothing,
 * the structure is the one that fitting leads to. Takes as long as reading the graph.
 */
import type { TensorRange } from '../ir/polynomial-graph.ts';
import type { ConstantTensor, Shape, TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import type { ActivationChoice } from '../options.ts';
import { elementsOf } from '../reference/onnx-runner.ts';
import { refreshedChoice } from './approximation/degrees.ts';
import { approximateSite } from './approximation/approximate-site.ts';
import { DEFAULT_SETTINGS } from './approximation/settings.ts';
import type { ActivationSite } from './approximation/sites.ts';

/**
 * @param degree of the sites whose choice is open
 * @param ranges of the sites' inputs, which the depth of a site that is to keep bits depends on
 * @param ratio of a refresh before every polynomial that can have one; left out for none
 */
export async function sketchActivations(
  graph: TensorGraph,
  sites: readonly ActivationSite[],
  degree: number,
  ranges: ReadonlyMap<string, Pick<TensorRange, 'min' | 'max'>>,
  ratio?: number,
): Promise<TensorGraph> {
  const nodes: TensorNode[] = [];
  const constants = new Map<string, ConstantTensor>(graph.constants);
  const shapes = new Map<string, Shape>(graph.shapes);
  for (const node of graph.nodes) {
    const site = sites.find((each) => each.nodes.includes(node));
    if (site === undefined) {
      nodes.push(node);
      continue;
    }
    if (site.nodes[0] !== node) continue;
    const chosen: ActivationChoice = site.fixed ?? { kind: 'degree', degree };
    const choice = ratio === undefined ? chosen : refreshedChoice(chosen, ratio);
    const range = ranges.get(site.input) ?? { min: -1, max: 1 };
    const data = {
      values: spread(range, elementsOf(graph, site.input)),
      targets: new Float32Array(elementsOf(graph, site.output)),
    };
    const { fragment } = await approximateSite(graph, site, choice, data, DEFAULT_SETTINGS);
    nodes.push(...fragment.nodes);
    for (const [name, constant] of fragment.constants) constants.set(name, constant);
    for (const [name, shape] of fragment.shapes) shapes.set(name, shape);
  }
  return { ...graph, nodes, constants, shapes };
}

/** One sample, its elements at both ends of the range and three places between. */
function spread({ min, max }: { readonly min: number; readonly max: number }, size: number): Float32Array {
  return Float32Array.from({ length: size }, (_, e) => min + ((max - min) * (e % 5)) / 4);
}

/** What a linear graph costs where slots are samples: one ciphertext for each element, no rotations. */
import { elementCount } from '../../program/layout.ts';
import type { LinearInstruction } from '../../program/program.ts';
import { polynomialDepth } from '../../program/program.ts';
import type { LeveledGraph } from '../ir/leveled-graph.ts';
import { rescalesOf, type LinearNode } from '../ir/linear-graph.ts';
import { refreshOf, type CostModel } from './cost-model.ts';

/** Scale at which weights stand, before the chain is known. */
const USUAL_SCALE = 2 ** 36;

/** Milliseconds of the terms of an instruction that are numbers. */
export function numberTermsMs({ outputs, level, plainScales }: LinearInstruction, cost: CostModel): number {
  const plainScale = Math.max(...plainScales);
  let ms = 0;
  for (const { giants } of outputs) {
    for (const { terms } of giants) {
      const numbers = terms.reduce(
        (count, { diagonal }) => count + (typeof diagonal === 'number' ? 1 : 0),
        0,
      );
      ms += cost.weightedSum(numbers, level, plainScale);
    }
  }
  return ms;
}

/** Predicted milliseconds of a graph packed by `packBatch`: what compositions are compared by. */
export function batchLatency(graph: LeveledGraph, cost: CostModel): number {
  let ms = 0;
  for (const node of graph.nodes) {
    const elements = elementCount(node.shape);
    const level = graph.levels[node.id]! + rescalesOf(node);
    switch (node.kind) {
      case 'input':
        break;
      case 'linear':
        for (let row = 0; row < elements; row++)
          ms += cost.weightedSum(rowEntries(node, row), level, USUAL_SCALE);
        ms += elements * cost.rescale(level);
        break;
      case 'polynomial': {
        // Paterson–Stockmeyer: about depth + √degree products.
        const products =
          polynomialDepth(node.degree, node.unitLeading) + Math.max(0, Math.sqrt(node.degree) - 2);
        ms += elements * products * (cost.multiply(level) + cost.relinearize(level) + cost.rescale(level));
        break;
      }
      case 'refresh':
        ms += elements * refreshOf(cost).ms;
        break;
      case 'product':
        ms += elements * (cost.multiply(level) + cost.relinearize(level) + cost.rescale(level));
        break;
    }
  }
  return ms;
}

function rowEntries({ terms }: LinearNode, row: number): number {
  return terms.reduce((sum, { matrix }) => sum + matrix.rowStart[row + 1]! - matrix.rowStart[row]!, 0);
}

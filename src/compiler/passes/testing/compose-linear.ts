/** Composition at one price, for tests; the compiler tries several in several rings (`select-program`). */
import { sealCostModel } from '../../targets/seal-cost.ts';
import type { LinearGraph } from '../../ir/linear-graph.ts';
import { MatrixProducts } from '../../linear/matrix-products.ts';
import { layoutLatency, LinearComposer, reduceLinear } from '../compose-linear.ts';

/** Reduces and composes a graph for an average ring and price of a level. */
export function composeLinear(graph: LinearGraph): LinearGraph {
  const products = new MatrixProducts();
  const latency = layoutLatency(sealCostModel(16384, 8));
  return new LinearComposer(reduceLinear(graph, products), products, latency).compose(1);
}

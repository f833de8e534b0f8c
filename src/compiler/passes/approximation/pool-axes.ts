import type { TensorGraph, TensorNode } from '../../ir/tensor-graph.ts';
import { shapeOf } from '../../ir/tensor-graph.ts';
import { viewOf } from '../../onnx/node-view.ts';
import { maxPool } from '../../onnx/ops/max-pool.ts';
import type { WindowAxis } from '../../onnx/windows.ts';
import { windowAxes } from '../../onnx/windows.ts';

/** Window geometry of a MaxPool node, one entry per spatial axis. */
export function maxPoolAxes(graph: TensorGraph, node: TensorNode): WindowAxis[] {
  const view = viewOf(graph, node, maxPool);
  const kernel = view.numbers('kernel_shape') ?? shapeOf(graph, node.inputs[0]!).slice(2);
  return windowAxes(view, kernel, view.number('ceil_mode') === 1);
}
